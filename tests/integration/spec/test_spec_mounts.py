"""``mounts`` of config.json: every option word, id mappings, labels, and the propagation of the root."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.integration.spec.mount_words import CASES, Case
from tests.support import host, mutations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Inside, MakeBundle
    from tests.support.bundle import Json
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

_BELOW = {
    "ro": 1, "nosuid": 2, "nodev": 4, "noexec": 8, "nosymfollow": 256, "noatime": 1024, "nodiratime": 2048,
}  # fmt: skip
_MAPPINGS = [{"containerID": 0, "hostID": 5000, "size": 1000}]


@pytest.fixture
def sources(work: str) -> Iterator[dict[str, str]]:
    """For each word that is tried on a bind mount, a shared directory with another mount below."""
    made = {}
    for number, (word, case) in enumerate(sorted(CASES.items())):
        if not case.bind:
            continue
        directory = os.path.join(work, f"source{number}")
        os.mkdir(directory)
        host.mount("outer", directory, "tmpfs")
        host.mount("none", directory, None, host.MS_SHARED)
        os.mkdir(os.path.join(directory, "below"))
        flags = sum(_BELOW[name] for name in case.below)
        host.mount("inner", os.path.join(directory, "below"), "tmpfs", flags)
        made[word] = directory
    yield made
    for directory in made.values():
        host.umount(os.path.join(directory, "below"))
        host.umount(directory)


def test_every_option_word_does_what_it_says(inside: Inside, sources: dict[str, str]) -> None:
    def mutate(config: Json) -> None:
        for word, case in CASES.items():
            source = sources[word] if case.bind else "tmpfs"
            # A propagation word of its own would hide what is there without it.
            words = [*case.before, word]
            mutations.mount(f"/mnt/{word}", source, *words, fstype="none" if case.bind else "tmpfs")(config)
        config["root"]["readonly"] = False

    found = _by_mount_point(inside("cat /proc/self/mountinfo", mutate))

    wrong = {word: text for word, case in CASES.items() if (text := _fault(word, case, found))}
    assert wrong == {}


def _fault(word: str, case: Case, found: dict[str, set[str]]) -> str | None:
    point = f"/mnt/{word}"
    if point not in found:
        return "not mounted"
    checks = [(point, case.present, case.absent)]
    if case.below_present or case.below_absent:
        if f"{point}/below" not in found:
            return "nothing is mounted below"
        checks.append((f"{point}/below", case.below_present, case.below_absent))
    for path, present, absent in checks:
        if not set(present) <= found[path] or set(absent) & found[path]:
            return f"{path} is {' '.join(sorted(found[path]))}"
    return None


def _by_mount_point(mountinfo: str) -> dict[str, set[str]]:
    found = {}
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split()
        tags = {field.partition(":")[0] for field in fields[6:]}
        super_options = set(right.split()[-1].split(",")) - {"ro", "rw"}
        found[fields[4]] = set(fields[5].split(",")) | super_options | tags
    return found


def test_remount_changes_an_earlier_mount(inside: Inside) -> None:
    mutate = mutations.every(
        mutations.mount("/mnt", "tmpfs", fstype="tmpfs"),
        mutations.mount("/mnt", "none", "remount", "bind", "nosuid", "noexec", fstype="none"),
    )

    found = _by_mount_point(inside("cat /proc/self/mountinfo", mutate))["/mnt"]

    assert {"nosuid", "noexec"} <= found


class TestIdMappings:
    """A file of host user 0 that the mapping turns into another's."""

    @pytest.fixture
    def source(self, work: str) -> Iterator[str]:
        directory = os.path.join(work, "idmapped")
        os.mkdir(directory)
        host.mount("outer", directory, "tmpfs")
        os.mkdir(os.path.join(directory, "below"))
        host.mount("inner", os.path.join(directory, "below"), "tmpfs")
        for path in ("file", "below/file"):
            with open(os.path.join(directory, path), "w", encoding="ascii"):
                os.chown(os.path.join(directory, path), 7, 8)
        yield directory
        host.umount(os.path.join(directory, "below"))
        host.umount(directory)

    @pytest.mark.parametrize(
        ("words", "below"),
        [(["rbind"], "7 8"), (["rbind", "idmap"], "7 8"), (["rbind", "ridmap"], "5007 5008")],
        ids=["mappings-alone", "idmap", "ridmap"],
    )
    def test_owner_is_the_mapped_one(self, inside: Inside, source: str, words: list[str], below: str) -> None:
        def mutate(config: Json) -> None:
            entry: Json = {"destination": "/mnt", "type": "none", "source": source, "options": words}
            entry |= {"uidMappings": _MAPPINGS, "gidMappings": _MAPPINGS}
            config["mounts"].append(entry)

        assert inside("stat -c '%u %g' /mnt/file /mnt/below/file", mutate).splitlines() == ["5007 5008", below]

    def test_mappings_may_be_in_the_word(self, inside: Inside, source: str) -> None:
        mutate = mutations.mount("/mnt", source, "bind", "idmap=uids=0-5000-1000;gids=0-6000-1000")

        assert inside("stat -c '%u %g' /mnt/file", mutate) == "5007 6008\n"

    @pytest.mark.userns
    @pytest.mark.parametrize("word", ["idmap", "ridmap"])
    def test_mappings_of_the_user_namespace_are_the_default(self, inside: Inside, source: str, word: str) -> None:
        mutate = mutations.every(mutations.user_namespace(), mutations.mount("/mnt", source, "rbind", word))

        assert inside("stat -c '%u %g' /mnt/file", mutate) == "7 8\n"

    @pytest.mark.parametrize(
        ("entry", "text"),
        [
            ({"options": ["bind"], "uidMappings": _MAPPINGS}, "uidmappings and gidmappings are needed together"),
            ({"options": ["bind", "idmap"]}, "needs uidmappings and gidmappings"),
            ({"options": [], "type": "tmpfs", "uidMappings": _MAPPINGS, "gidMappings": _MAPPINGS}, "only bind mounts"),
        ],
        ids=["one-of-two", "no-mappings", "no-bind-mount"],
    )
    def test_incomplete_mappings_are_refused(
        self, runtime: Runtime, make_bundle: MakeBundle, source: str, entry: Json, text: str
    ) -> None:
        bundle = make_bundle(
            mutate=lambda config: config["mounts"].append({"destination": "/mnt", "source": source, **entry})
        )

        assert text in runtime.try_create(bundle).exit_with(1).message


class TestLinks:
    """Words of crun about symbolic links."""

    def test_copy_symlink_makes_the_link_itself(self, inside: Inside, work: str) -> None:
        os.symlink("/etc/passwd", os.path.join(work, "link"))
        mutate = mutations.every(
            mutations.writable_root, mutations.mount("/mnt/link", os.path.join(work, "link"), "bind", "copy-symlink")
        )

        assert inside("readlink /mnt/link", mutate) == "/etc/passwd\n"

    def test_src_nofollow_mounts_the_link_itself(self, inside: Inside, work: str) -> None:
        os.symlink("/etc/passwd", os.path.join(work, "link"))
        mutate = mutations.mount("/mnt/link", os.path.join(work, "link"), "bind", "src-nofollow")

        assert inside("readlink /mnt/link", mutate) == "/etc/passwd\n"

    def test_dest_nofollow_covers_the_link_itself(self, runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
        os.mkdir(os.path.join(work, "source"))
        with open(os.path.join(work, "file"), "w", encoding="ascii") as file:
            file.write("covers\n")
        mutate = mutations.mount("/mnt/link", os.path.join(work, "file"), "bind", "dest-nofollow")
        bundle = make_bundle("sh", "-c", "cat /mnt/link; cat /etc/group", mutate=mutate)
        os.symlink("/etc/group", bundle.inside("/mnt/link"))

        output = runtime.run(bundle).succeed().stdout

        assert output.startswith("covers\nroot:x:0:")


def test_tmpcopyup_keeps_owners_links_and_modes(runtime: Runtime, make_bundle: MakeBundle) -> None:
    mutate = mutations.mount("/var", "tmpfs", "tmpcopyup", fstype="tmpfs")
    bundle = make_bundle("sh", "-c", "stat -c '%n %a %u %g %F' /var/*; echo x > /var/new", mutate=mutate)
    os.chown(bundle.put("/var/file", "text", 0o4751), 3, 4)
    os.chmod(bundle.inside("/var/file"), 0o4751)
    os.symlink("file", bundle.inside("/var/link"))

    output = runtime.run(bundle).succeed().stdout

    assert output.splitlines() == ["/var/file 4751 3 4 regular file", "/var/link 777 0 0 symbolic link"]
    assert not os.path.exists(bundle.inside("/var/new"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "751 3 4"),
        (("mode=1711",), "1711 3 4"),
        (("uid=5",), "751 5 4"),
        (("gid=6",), "751 3 6"),
        (("mode=711", "uid=5", "gid=6"), "711 5 6"),
    ],
    ids=["none", "mode", "uid", "gid", "all"],
)
def test_tmpcopyup_leaves_to_the_mount_what_its_options_ask_for(
    runtime: Runtime, make_bundle: MakeBundle, words: tuple[str, ...], expected: str
) -> None:
    # Not in the contest: runc takes the mode of what was below in any case, crun takes nothing of it.
    mutate = mutations.mount("/mnt", "tmpfs", "tmpcopyup", *words, fstype="tmpfs")
    bundle = make_bundle("stat", "-c", "%a %u %g", "/mnt", "/mnt/kept", mutate=mutate)
    os.chown(bundle.put("/mnt/kept", "kept", 0o640), 7, 8)
    os.chmod(bundle.inside("/mnt"), 0o751)
    os.chown(bundle.inside("/mnt"), 3, 4)

    assert runtime.run(bundle).succeed().stdout.splitlines() == [expected, "640 7 8"]


@pytest.mark.parametrize(
    ("word", "present", "absent"),
    [
        ("private", (), ("shared", "master", "unbindable")),
        ("rprivate", (), ("shared", "master", "unbindable")),
        ("shared", ("shared",), ("unbindable",)),
        ("rshared", ("shared",), ("unbindable",)),
        ("slave", (), ("shared", "unbindable")),
        ("rslave", (), ("shared", "unbindable")),
        ("unbindable", ("unbindable",), ("shared", "master")),
        ("runbindable", ("unbindable",), ("shared", "master")),
    ],
)
def test_root_propagation(inside: Inside, word: str, present: tuple[str, ...], absent: tuple[str, ...]) -> None:
    found = _by_mount_point(inside("cat /proc/self/mountinfo", mutations.linux(rootfsPropagation=word)))["/"]

    assert set(present) <= found
    assert not set(absent) & found


def test_source_is_relative_to_the_bundle_and_the_type_of_a_bind_mount_does_not_matter(
    runtime: Runtime, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle("cat", "/mnt/file", mutate=mutations.mount("/mnt", "rootfs/etc", "bind", fstype="ext4"))
    bundle.put("/etc/file", "here\n")

    assert runtime.run(bundle).succeed().stdout == "here\n"
