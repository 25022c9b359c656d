"""Mounts: kinds, options, places, order, and what the root file system looks like afterwards."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support import host, mutations

if TYPE_CHECKING:
    from tests.conftest import Inside, MakeBundle
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

_MOUNTINFO = "cat /proc/self/mountinfo"


@pytest.mark.parametrize(
    ("point", "fstype"),
    [
        ("/proc", "proc"),
        ("/dev", "tmpfs"),
        ("/dev/pts", "devpts"),
        ("/dev/shm", "tmpfs"),
        ("/dev/mqueue", "mqueue"),
        ("/sys", "sysfs"),
        ("/sys/fs/cgroup", "tmpfs"),
    ],
)
def test_mount_of_the_default_config_is_there(inside: Inside, point: str, fstype: str) -> None:
    assert _find(inside(_MOUNTINFO), point).fstype == fstype


def test_devpts_is_an_instance_of_its_own(inside: Inside) -> None:
    assert inside("ls /dev/pts").split() == ["ptmx"]


@pytest.mark.parametrize("word", ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "sync", "dirsync"])
def test_option_of_a_tmpfs(inside: Inside, word: str) -> None:
    found = _find(inside(_MOUNTINFO, mutations.mount("/mnt", "tmpfs", word, fstype="tmpfs")), "/mnt")

    assert word in found.options


@pytest.mark.parametrize("word", ["ro", "nosuid", "nodev", "noexec", "noatime"])
def test_option_of_a_bind_mount(inside: Inside, work: str, word: str) -> None:
    os.mkdir(f"{work}/source")

    found = _find(inside(_MOUNTINFO, mutations.mount("/mnt", f"{work}/source", "bind", word)), "/mnt")

    assert word in found.options


@pytest.mark.parametrize(
    ("words", "absent"),
    [(["ro", "rw"], "ro"), (["nosuid", "suid"], "nosuid"), (["nodev", "dev"], "nodev"), (["noexec", "exec"], "noexec")],
    ids=["rw", "suid", "dev", "exec"],
)
def test_later_option_undoes_an_earlier_one(inside: Inside, words: list[str], absent: str) -> None:
    found = _find(inside(_MOUNTINFO, mutations.mount("/mnt", "tmpfs", *words, fstype="tmpfs")), "/mnt")

    assert absent not in found.options


@pytest.mark.parametrize("word", ["relatime", "strictatime"])
def test_access_time_option(inside: Inside, word: str) -> None:
    found = _find(inside(_MOUNTINFO, mutations.mount("/mnt", "tmpfs", word, fstype="tmpfs")), "/mnt")

    assert ("relatime" in found.options) == (word == "relatime")


def test_other_words_are_data_of_the_file_system(inside: Inside) -> None:
    mutate = mutations.mount("/mnt", "tmpfs", "mode=1711", "size=64k", "nr_inodes=100", fstype="tmpfs")

    found = _find(inside(_MOUNTINFO, mutate), "/mnt")

    assert {"mode=1711", "size=64k", "nr_inodes=100"} <= set(found.data)


@pytest.mark.parametrize(
    ("word", "tag"), [("rshared", "shared:"), ("rslave", "master:"), ("shared", "shared:"), ("rprivate", None)]
)
def test_propagation(inside: Inside, work: str, word: str, tag: str | None) -> None:
    source = f"{work}/source"
    os.mkdir(source)
    host.mount("tmpfs", source, "tmpfs")
    host.mount("none", source, None, host.MS_SHARED)
    try:
        found = _find(inside(_MOUNTINFO, mutations.mount("/mnt", source, "rbind", word)), "/mnt")
    finally:
        host.umount(source)

    assert any(field.startswith(tag) for field in found.tags) if tag else found.tags == []


def test_bind_mount_of_a_directory(inside: Inside, work: str) -> None:
    _put(f"{work}/source/file", "from the host")

    assert inside("cat /mnt/file", mutations.mount("/mnt", f"{work}/source", "bind")) == "from the host"


def test_bind_mount_of_a_file(inside: Inside, work: str) -> None:
    _put(f"{work}/source/file", "from the host")

    assert inside("cat /etc/hosts", mutations.mount("/etc/hosts", f"{work}/source/file", "bind")) == "from the host"


def test_bind_mount_whose_type_is_none(inside: Inside, work: str) -> None:
    _put(f"{work}/source/file", "from the host")

    mutate = mutations.mount("/mnt", f"{work}/source", "rbind", fstype="none")

    assert inside("cat /mnt/file", mutate) == "from the host"


def test_bind_mount_source_relative_to_the_bundle(runtime: Runtime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle("cat", "/mnt/file", mutate=mutations.mount("/mnt", "data", "bind"))
    _put(f"{bundle.directory}/data/file", "from the bundle")
    bundle.write()

    assert runtime.run(bundle).succeed().stdout == "from the bundle"


def test_readonly_bind_mount_cannot_be_written(inside: Inside, work: str) -> None:
    os.mkdir(f"{work}/source")

    inside("! touch /mnt/x", mutations.mount("/mnt", f"{work}/source", "bind", "ro"))

    assert os.listdir(f"{work}/source") == []


def test_writable_bind_mount_writes_to_the_host(inside: Inside, work: str) -> None:
    os.mkdir(f"{work}/source")

    inside("echo text > /mnt/x", mutations.mount("/mnt", f"{work}/source", "bind"))

    assert os.listdir(f"{work}/source") == ["x"]


@pytest.mark.parametrize(("word", "expected"), [("rbind", "deep\n"), ("bind", "")])
def test_rbind_includes_what_is_mounted_below(inside: Inside, work: str, word: str, expected: str) -> None:
    os.makedirs(f"{work}/source/below")
    host.mount("tmpfs", f"{work}/source/below", "tmpfs")
    _put(f"{work}/source/below/deep", "")
    try:
        listed = inside("ls /mnt/below", mutations.mount("/mnt", f"{work}/source", word))
    finally:
        host.umount(f"{work}/source/below")

    assert listed == expected


def test_recursive_readonly(inside: Inside, work: str) -> None:
    os.makedirs(f"{work}/source/below")
    host.mount("tmpfs", f"{work}/source/below", "tmpfs")
    try:
        found = inside(_MOUNTINFO, mutations.mount("/mnt", f"{work}/source", "rbind", "rro"))
    finally:
        host.umount(f"{work}/source/below")

    assert "ro" in _find(found, "/mnt/below").options


def test_mounts_are_made_in_order(inside: Inside, work: str) -> None:
    _put(f"{work}/first/file", "first")
    _put(f"{work}/second/file", "second")
    mutate = mutations.every(
        mutations.mount("/mnt", f"{work}/first", "bind"), mutations.mount("/mnt", f"{work}/second", "bind")
    )

    assert inside("cat /mnt/file", mutate) == "second"


def test_missing_mount_point_is_made(inside: Inside) -> None:
    found = inside(_MOUNTINFO, mutations.mount("/a/b/c", "tmpfs", fstype="tmpfs"))

    assert _find(found, "/a/b/c").fstype == "tmpfs"


def test_missing_mount_point_of_a_file_is_made(inside: Inside, work: str) -> None:
    _put(f"{work}/file", "text")

    assert inside("cat /a/b/file", mutations.mount("/a/b/file", f"{work}/file", "bind")) == "text"


def test_relative_destination_is_below_the_root(inside: Inside) -> None:
    found = inside(_MOUNTINFO, mutations.mount("a/b", "tmpfs", fstype="tmpfs"))

    assert _find(found, "/a/b").fstype == "tmpfs"


def test_symbolic_link_in_the_destination_stays_inside(runtime: Runtime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle("sh", "-c", _MOUNTINFO, mutate=mutations.mount("/link/x", "tmpfs", fstype="tmpfs"))
    os.mkdir(bundle.inside("/target"))
    os.symlink("/target", bundle.inside("/link"))

    assert _find(runtime.run(bundle).succeed().stdout, "/target/x").fstype == "tmpfs"


def test_tmpcopyup_keeps_what_was_below(runtime: Runtime, make_bundle: MakeBundle) -> None:
    mutate = mutations.mount("/mnt", "tmpfs", "tmpcopyup", fstype="tmpfs")
    bundle = make_bundle("cat", "/mnt/kept", mutate=mutate)
    bundle.put("/mnt/kept", "kept")

    assert runtime.run(bundle).succeed().stdout == "kept"


class TestCgroupMount:
    def test_shows_the_containers_cgroup(self, inside: Inside) -> None:
        assert inside("cat /sys/fs/cgroup/pids/cgroup.procs | head -1") == "1\n"

    def test_is_read_only(self, inside: Inside) -> None:
        assert "ro" in _find(inside(_MOUNTINFO), "/sys/fs/cgroup/pids").options

    def test_directory_cannot_be_made(self, inside: Inside) -> None:
        mutate = mutations.capabilities("CAP_DAC_OVERRIDE")

        inside("! mkdir /sys/fs/cgroup/pids/x", mutate)


class TestRoot:
    def test_is_read_only_when_asked(self, inside: Inside) -> None:
        inside("! touch /x")

    def test_is_writable_otherwise(self, inside: Inside) -> None:
        assert inside("touch /x && echo ok", mutations.writable_root) == "ok\n"

    def test_files_are_those_of_the_bundle(self, inside: Inside) -> None:
        assert "alice" in inside("cat /etc/passwd")

    def test_path_may_be_absolute(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle("echo", "ok")
        bundle.config["root"]["path"] = bundle.rootfs
        bundle.write()

        assert runtime.run(bundle).succeed().stdout == "ok\n"

    def test_old_root_is_gone(self, inside: Inside) -> None:
        points = [line.split()[4] for line in inside(_MOUNTINFO).splitlines()]

        assert points[0] == "/"
        assert len([point for point in points if point == "/"]) == 1

    def test_no_pivot(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle("cat", "/etc/passwd")

        assert "alice" in runtime.run(bundle, "--no-pivot").succeed().stdout

    @pytest.mark.parametrize(("value", "tags"), [("shared", 1), ("private", 0)])
    def test_propagation(self, inside: Inside, value: str, tags: int) -> None:
        found = _find(inside(_MOUNTINFO, mutations.linux(rootfsPropagation=value)), "/")

        assert len([tag for tag in found.tags if tag.startswith("shared:")]) == tags

    def test_unknown_propagation_is_refused(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        runtime.try_create(make_bundle(mutate=mutations.linux(rootfsPropagation="bogus"))).exit_with(1)


class _Mount:
    def __init__(self, line: str) -> None:
        left, _, right = line.partition(" - ")
        _, _, _, _, self.point, options, *self.tags = left.split(" ")
        self.fstype, _, data = right.split(" ", 2)
        self.data = data.split(",")
        self.options = {*options.split(","), *self.data} if "rw" not in self.data else set(options.split(","))
        self.options |= {word for word in self.data if word in ("sync", "dirsync")}


def _find(mountinfo: str, point: str) -> _Mount:
    mounts = [_Mount(line) for line in mountinfo.splitlines()]
    return [mount for mount in mounts if mount.point == point][-1]


def _put(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
