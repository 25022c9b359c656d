"""Namespaces of every kind joined by path, user namespaces with others, clocks, and shared mount namespaces."""

from __future__ import annotations

import os
import pwd
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support import host, mutations
from tests.support.runtime import Caller, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Inside, MakeBundle
    from tests.support.bundle import Bundle, Json
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

_FILES = {
    "pid": "pid",
    "network": "net",
    "ipc": "ipc",
    "uts": "uts",
    "cgroup": "cgroup",
    "time": "time",
    "user": "user",
}
_ALICE = 1000


def _join(kinds: list[str], pid: int) -> mutations.Mutation:
    spaces = [mutations.namespace(kind, f"/proc/{pid}/ns/{_FILES[kind]}") for kind in kinds]
    return mutations.every(*spaces, lambda config: config.pop("hostname"))


def _links(kinds: list[str]) -> str:
    return "; ".join(f"readlink /proc/self/ns/{_FILES[kind]}" for kind in kinds)


class TestJoining:
    def test_time(self, runtime: Runtime, make_bundle: MakeBundle, inside: Inside) -> None:
        offset = mutations.linux(timeOffsets={"boottime": {"secs": 5_000_000}})
        first = runtime.start(make_bundle(mutate=mutations.every(mutations.namespace("time"), offset)))

        found = inside("readlink /proc/self/ns/time; cut -d. -f1 /proc/uptime", _join(["time"], first.pid)).split()

        assert found[0] == os.readlink(f"/proc/{first.pid}/ns/time")
        assert int(found[1]) > 5_000_000

    def test_all_of_another_container(self, runtime: Runtime, make_bundle: MakeBundle, inside: Inside) -> None:
        kinds = ["pid", "network", "ipc", "uts", "cgroup", "time"]
        new = mutations.every(*(mutations.namespace(kind) for kind in kinds))
        first = runtime.start(make_bundle(mutate=new))

        found = inside(_links(kinds), _join(kinds, first.pid)).split()

        assert found == [os.readlink(f"/proc/{first.pid}/ns/{_FILES[kind]}") for kind in kinds]

    @pytest.mark.userns
    def test_all_of_a_container_with_a_user_namespace(
        self, runtime: Runtime, make_bundle: MakeBundle, inside: Inside
    ) -> None:
        kinds = ["pid", "network", "ipc", "uts", "cgroup", "time", "user"]
        new = mutations.every(mutations.user_namespace(), *(mutations.namespace(kind) for kind in kinds[4:6]))
        first = runtime.start(make_bundle(mutate=new))

        found = inside(_links(kinds), _join(kinds, first.pid)).split()

        assert found == [os.readlink(f"/proc/{first.pid}/ns/{_FILES[kind]}") for kind in kinds]

    @pytest.mark.userns
    @pytest.mark.parametrize("kind", ["network", "ipc", "uts", "time", "pid"])
    def test_one_of_the_host_with_a_new_user_namespace(
        self, runtime: Runtime, make_bundle: MakeBundle, inside: Inside, kind: str
    ) -> None:
        first = runtime.start(make_bundle(mutate=mutations.namespace(kind)))
        # The message queues of a namespace of the host cannot be mounted in a user namespace.
        mutate = mutations.every(
            mutations.user_namespace(), _join([kind], first.pid), mutations.without_mount("/dev/mqueue")
        )

        found = inside(f"{_links([kind])}; cat /proc/self/uid_map", mutate).split()

        assert found == [os.readlink(f"/proc/{first.pid}/ns/{_FILES[kind]}"), "0", "100000", "65536"]

    def test_type_must_be_the_one_that_is_said(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        for kind in _FILES:
            wrong = "uts" if kind != "uts" else "ipc"
            bundle = make_bundle(mutate=mutations.namespace(kind, f"/proc/self/ns/{wrong}"))

            record = runtime.try_create(bundle).exit_with(1).records[-1]

            assert f"is not a {kind} namespace" in record["msg"]

    def test_relative_path_is_refused(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle(mutate=mutations.namespace("network", "proc/self/ns/net"))

        assert "absolute" in runtime.try_create(bundle).exit_with(1).message


class TestTimeOffsets:
    def test_both_clocks_with_nanoseconds(self, inside: Inside) -> None:
        offsets = {"boottime": {"secs": 3600, "nanosecs": 500}, "monotonic": {"secs": -1, "nanosecs": 7}}
        mutate = mutations.every(mutations.namespace("time"), mutations.linux(timeOffsets=offsets))

        lines = inside("cat /proc/self/timens_offsets", mutate).splitlines()

        assert [line.split() for line in lines] == [["monotonic", "-1", "7"], ["boottime", "3600", "500"]]

    @pytest.mark.userns
    def test_in_a_user_namespace(self, inside: Inside) -> None:
        mutate = mutations.every(
            mutations.user_namespace(),
            mutations.namespace("time"),
            mutations.linux(timeOffsets={"monotonic": {"secs": 100}}),
        )

        assert inside("grep monotonic /proc/self/timens_offsets", mutate).split() == ["monotonic", "100", "0"]

    def test_clock_that_would_be_negative(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        offsets = {"boottime": {"secs": -(2**40)}}
        bundle = make_bundle(mutate=mutations.every(mutations.namespace("time"), mutations.linux(timeOffsets=offsets)))

        assert runtime.try_create(bundle).exit_with(1).records[-1]["property"] == "linux.timeOffsets.boottime"


def _without_mounts(config: Json) -> None:
    mutations.without_namespace("mount")(config)
    config["mounts"] = []
    config["root"]["readonly"] = False
    del config["linux"]["maskedPaths"], config["linux"]["readonlyPaths"]


class TestSharedMountNamespace:
    """Nothing may be mounted for such a container: it would stay in the namespace of others."""

    def test_of_the_caller(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        before = host.mounts()
        container = runtime.start(make_bundle(mutate=_without_mounts))

        same = os.readlink(f"/proc/{container.pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt")
        root = os.path.samefile(f"/proc/{container.pid}/root", container.bundle.rootfs)

        assert (same, root) == (True, True)
        assert host.mounts() == before
        assert os.path.isdir("/proc/self")

    def test_exec_is_in_the_containers_root(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle(mutate=_without_mounts))

        found = container.exec("sh", "-c", "test -e /proc/self || echo no procfs; cat /etc/passwd").succeed().stdout

        assert found.splitlines()[:2] == ["no procfs", "root:x:0:0:root:/root:/bin/sh"]

    def test_joined_by_path(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle("sh", "-c", "readlink /proc/self/ns/mnt; sleep 1000", mutate=_without_mounts)
        script = f"mount -t proc proc {bundle.inside('/proc')} && echo ready && exec sleep 1000"
        with subprocess.Popen(["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE, text=True) as other:
            try:
                assert other.stdout is not None
                assert other.stdout.readline() == "ready\n"
                path = f"/proc/{other.pid}/ns/mnt"
                bundle.config["linux"]["namespaces"].append({"type": "mount", "path": path})
                bundle.write()
                container = runtime.start(bundle)
                eventually(lambda: container.output() != "", "the output")

                assert container.output().strip() == os.readlink(path)
                assert container.exec("readlink", "/proc/self/ns/mnt").succeed().stdout.strip() == os.readlink(path)
                assert container.exec("ls", "/").succeed().stdout.split() == sorted(os.listdir(bundle.rootfs))
            finally:
                other.kill()

    @pytest.mark.parametrize(
        ("name", "mutate"),
        [
            ("mounts", mutations.mount("/mnt", "none", fstype="tmpfs")),
            ("root.readonly", mutations.top(root={"path": "rootfs", "readonly": True})),
            ("linux.rootfsPropagation", mutations.linux(rootfsPropagation="private")),
            ("process.terminal", mutations.process(terminal=True)),
            ("linux.maskedPaths", mutations.linux(maskedPaths=["/etc"])),
            ("linux.readonlyPaths", mutations.linux(readonlyPaths=["/etc"])),
        ],
    )
    def test_what_would_be_mounted_is_refused(
        self, runtime: Runtime, make_bundle: MakeBundle, name: str, mutate: mutations.Mutation
    ) -> None:
        bundle = make_bundle(mutate=mutations.every(_without_mounts, mutate))

        assert runtime.try_create(bundle).exit_with(1).records[-1]["property"] == name
        assert runtime.ids() == []


@pytest.mark.userns
class TestAutomaticMappings:
    """What crun does for an ordinary user whose configuration leaves the mappings out."""

    @pytest.fixture
    def caller(self, work: str) -> Caller:
        os.chown(work, _ALICE, _ALICE)
        return Caller(uid=_ALICE, env={"XDG_RUNTIME_DIR": work, "HOME": "/"})

    @pytest.fixture
    def subordinate(self, work: str, request: pytest.FixtureRequest) -> Iterator[None]:
        """Two ranges for user 1000, by number and by name, or none, in /etc of this mount namespace alone."""
        host.require("newuidmap")
        names = [entry.pw_name for entry in pwd.getpwall() if entry.pw_uid == _ALICE]
        lines = ["someone:9000000:5", f"{names[0] if names else _ALICE}:300000:1000", f"{_ALICE}:700000:10", "bad"]
        path = os.path.join(work, "subordinate")
        with open(path, "w", encoding="ascii") as file:
            file.write("\n".join(lines if getattr(request, "param", True) else lines[:1]))
        for kind in ("uid", "gid"):
            host.mount(path, f"/etc/sub{kind}", None, host.MS_BIND)
        yield
        host.umount("/etc/subuid")
        host.umount("/etc/subgid")

    def test_come_from_the_subordinate_ids(
        self, runtime: Runtime, make_bundle: MakeBundle, caller: Caller, subordinate: None
    ) -> None:
        result = runtime.run(_rootless(make_bundle, "cat", "/proc/self/uid_map"), caller=caller).succeed()

        assert result.stdout.split() == "0 1000 1 1 300000 1000 1001 700000 10".split()

    def test_allow_additional_groups(
        self, runtime: Runtime, make_bundle: MakeBundle, caller: Caller, subordinate: None
    ) -> None:
        bundle = _rootless(make_bundle, "id", "-G")
        bundle.config["process"]["user"] = {"uid": 5, "gid": 6, "additionalGids": [7]}
        bundle.write()

        assert runtime.run(bundle, caller=caller).succeed().stdout == "6 7\n"

    @pytest.mark.parametrize("subordinate", [False], indirect=True, ids=["none"])
    def test_are_the_users_own_id_without_any(
        self, runtime: Runtime, make_bundle: MakeBundle, caller: Caller, subordinate: None
    ) -> None:
        bundle = _rootless(make_bundle, "cat", "/proc/self/uid_map")
        _with_any_terminal_group(bundle)

        result = runtime.run(bundle, caller=caller).succeed()

        assert result.stdout.split() == ["0", "1000", "1"]

    def test_additional_groups_of_one_id_are_refused(
        self, runtime: Runtime, make_bundle: MakeBundle, caller: Caller
    ) -> None:
        bundle = _rootless(make_bundle)
        for kind in ("uid", "gid"):
            bundle.config["linux"][f"{kind}Mappings"] = [{"containerID": 0, "hostID": _ALICE, "size": 1}]
        bundle.config["process"]["user"]["additionalGids"] = [7]
        _with_any_terminal_group(bundle)

        record = runtime.try_create(bundle, caller=caller).exit_with(1).records[-1]

        assert record["property"] == "process.user.additionalGids"


def _with_any_terminal_group(bundle: Bundle) -> None:
    """Take out the option of devpts that needs more than one id."""
    options = next(mount["options"] for mount in bundle.config["mounts"] if mount["type"] == "devpts")
    options.remove("gid=5")
    bundle.write()


def _rootless(make_bundle: MakeBundle, *args: str) -> Bundle:
    def mutate(config: Json) -> None:
        mutations.namespace("user")(config)
        mutations.without_namespace("network")(config)
        mutations.without_mount("/sys")(config)
        config["linux"].pop("resources")

    bundle = make_bundle(*args, mutate=mutate, own_cgroup=False)
    for directory, _, _ in os.walk(bundle.directory):
        os.chown(directory, _ALICE, _ALICE)
    return bundle
