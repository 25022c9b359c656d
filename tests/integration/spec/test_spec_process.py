"""``process`` of config.json: every property as the program itself sees it; the rest is in the contest suite."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.integration.spec.proofs import MEMORY_FLAGS, MEMORY_MODES
from tests.support import host, mutations
from tests.support.runtime import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Inside, MakeBundle
    from tests.support.runtime import Runtime
    from tests.support.tracking import Tracker

pytestmark = pytest.mark.root

_FIFO, _RR, _BATCH, _IDLE, _DEADLINE = 1, 2, 3, 5, 6
_RESET_ON_FORK, _RECLAIM, _OVERRUN = 1, 2, 4
_MS = 1_000_000
_MODULES = {"apparmorProfile": "/sys/module/apparmor", "selinuxLabel": "/sys/fs/selinux"}


@pytest.fixture(autouse=True)
def _probe_is_there() -> None:
    host.require("gcc")


@pytest.fixture
def real_time(tracker: Tracker) -> Iterator[mutations.Mutation]:
    """A share of the processors for real-time processes, which cgroup v1 gives to the root cgroup only."""
    if not tracker.has("cpu") or not os.path.exists(tracker.file("cpu", ".", "cpu.rt_runtime_us")):
        yield mutations.top()
        return
    assert _write(tracker.file("cpu", ".", "cpu.rt_runtime_us"), "20000")
    yield mutations.resources(cpu={"realtimeRuntime": 10000, "realtimePeriod": 1000000})
    # A removed cgroup keeps its share for a moment.
    eventually(lambda: _write(tracker.file("cpu", ".", "cpu.rt_runtime_us"), "0"), "the end of the real-time share")


def _write(path: str, text: str) -> bool:
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
    except OSError:
        return False
    return True


def scheduled(policy: str, **rest: object) -> mutations.Mutation:
    return mutations.process(scheduler={"policy": policy, **rest})


class TestScheduler:
    @pytest.mark.parametrize(
        ("mutate", "expected"),
        [
            (scheduled("SCHED_OTHER", nice=7), (0, 0, 7, 0)),
            (scheduled("SCHED_OTHER", nice=-5, flags=["SCHED_FLAG_RESET_ON_FORK"]), (0, _RESET_ON_FORK, -5, 0)),
            (scheduled("SCHED_BATCH", nice=3), (_BATCH, 0, 3, 0)),
            (scheduled("SCHED_IDLE"), (_IDLE, 0, 0, 0)),
        ],
        ids=["other", "reset-on-fork", "batch", "idle"],
    )
    def test_policy(self, inside: Inside, mutate: mutations.Mutation, expected: tuple[int, ...]) -> None:
        assert tuple(map(int, inside("exec probe schedattr", mutate).split()[:4])) == expected

    @pytest.mark.parametrize(("policy", "number"), [("SCHED_FIFO", _FIFO), ("SCHED_RR", _RR)])
    def test_real_time_policy(
        self, runtime: Runtime, make_bundle: MakeBundle, real_time: mutations.Mutation, policy: str, number: int
    ) -> None:
        mutate = mutations.every(scheduled(policy, priority=10), real_time)

        found = runtime.run(make_bundle("probe", "schedattr", mutate=mutate)).succeed().stdout

        assert found.split()[:4] == [str(number), "0", "0", "10"]

    def test_deadline(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        mutate = scheduled("SCHED_DEADLINE", runtime=5 * _MS, deadline=20 * _MS, period=30 * _MS)

        found = runtime.run(make_bundle("probe", "schedattr", mutate=mutate)).succeed().stdout

        assert found.split() == ["6", "0", "0", "0", str(5 * _MS), str(20 * _MS), str(30 * _MS)]

    @pytest.mark.parametrize(
        ("flag", "number"),
        [("SCHED_FLAG_RECLAIM", _RECLAIM), ("SCHED_FLAG_DL_OVERRUN", _OVERRUN)],
    )
    def test_flag_of_deadline(self, runtime: Runtime, make_bundle: MakeBundle, flag: str, number: int) -> None:
        mutate = scheduled("SCHED_DEADLINE", runtime=5 * _MS, deadline=20 * _MS, period=30 * _MS, flags=[flag])

        found = runtime.run(make_bundle("probe", "schedattr", mutate=mutate)).succeed().stdout

        assert int(found.split()[1]) == number

    @pytest.mark.parametrize("flag", ["SCHED_FLAG_KEEP_POLICY", "SCHED_FLAG_KEEP_PARAMS"])
    def test_what_is_kept_is_the_callers(self, runtime: Runtime, make_bundle: MakeBundle, flag: str) -> None:
        bundle = make_bundle("probe", "schedattr", mutate=scheduled("SCHED_OTHER", flags=[flag]))

        assert runtime.run(bundle).succeed().stdout.split()[:4] == ["0", "0", "0", "0"]

    def test_is_that_of_exec_too(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle(mutate=scheduled("SCHED_BATCH", nice=4)))

        assert container.exec("probe", "schedattr").succeed().stdout.split()[:3] == [str(_BATCH), "0", "4"]

    def test_what_the_kernel_refuses_names_the_property(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle(mutate=scheduled("SCHED_ISO"))

        assert runtime.try_create(bundle).exit_with(1).records[-1]["property"] == "process.scheduler"


@pytest.mark.parametrize(
    ("name", "number", "priority"), [("RT", 1, 0), ("BE", 2, 6), ("IDLE", 3, 0)], ids=["rt", "be", "idle"]
)
def test_io_priority(inside: Inside, name: str, number: int, priority: int) -> None:
    mutate = mutations.process(ioPriority={"class": f"IOPRIO_CLASS_{name}", "priority": priority})

    assert inside("probe ioprio", mutate).split() == [str(number), str(priority)]


class TestAffinity:
    def test_final_is_that_of_an_exec_process(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        affinity = {"initial": "0", "final": "0"}
        container = runtime.start(make_bundle(mutate=mutations.process(execCPUAffinity=affinity)))

        found = container.exec("grep", "Cpus_allowed_list", "/proc/self/status").succeed().stdout

        assert found.split() == ["Cpus_allowed_list:", "0"]

    def test_initial_is_kept_without_a_final_one(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        # cgroup v1's cpuset takes the affinity away on entry; a container without limits stays where it is.
        container = runtime.start(make_bundle(mutate=mutations.process(execCPUAffinity={"initial": "0"})))

        container.exec("true").succeed()

    def test_init_is_left_alone(self, inside: Inside) -> None:
        everything = inside("grep Cpus_allowed_list /proc/self/status")

        found = inside(
            "grep Cpus_allowed_list /proc/self/status",
            mutations.process(execCPUAffinity={"initial": "0", "final": "0"}),
        )

        assert found == everything

    def test_processor_that_does_not_exist(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle(mutate=mutations.process(execCPUAffinity={"final": "1023"})))

        assert "process.execCPUAffinity.final" in str(container.exec("true").fail().records[-1])


@pytest.mark.parametrize(
    ("kind", "line", "scale"),
    [
        ("AS", "Max address space", 1), ("CORE", "Max core file size", 1), ("CPU", "Max cpu time", 1),
        ("DATA", "Max data size", 1), ("FSIZE", "Max file size", 1), ("LOCKS", "Max file locks", 1),
        ("MEMLOCK", "Max locked memory", 1), ("MSGQUEUE", "Max msgqueue size", 1), ("NICE", "Max nice priority", 1),
        ("NOFILE", "Max open files", 1), ("NPROC", "Max processes", 1), ("RSS", "Max resident set", 1),
        ("RTPRIO", "Max realtime priority", 1), ("RTTIME", "Max realtime timeout", 1),
        ("SIGPENDING", "Max pending signals", 1), ("STACK", "Max stack size", 1),
    ],
)  # fmt: skip
def test_every_limit(inside: Inside, kind: str, line: str, scale: int) -> None:
    soft, hard = (20, 40) if kind in ("NICE", "RTPRIO") else (1 << 29, 1 << 30)
    if kind == "NOFILE":
        soft, hard = 100, 200
    present = inside(f"grep '{line}' /proc/self/limits").removeprefix(line).split()[1]
    if present != "unlimited":
        hard = min(hard, int(present))
        soft = min(soft, hard)
    mutate = mutations.process(rlimits=[{"type": f"RLIMIT_{kind}", "soft": soft, "hard": hard}])

    found = inside(f"grep '{line}' /proc/self/limits", mutate)

    assert found.removeprefix(line).split()[:2] == [str(soft * scale), str(hard * scale)]


def test_unlimited(inside: Inside) -> None:
    mutate = mutations.process(rlimits=[{"type": "RLIMIT_CORE", "soft": 2**64 - 1, "hard": 2**64 - 1}])

    assert inside("grep 'Max core' /proc/self/limits", mutate).split()[-3:-1] == ["unlimited", "unlimited"]


class TestAdditionalGroups:
    def test_of_a_mapped_user_namespace(self, inside: Inside) -> None:
        user = mutations.process(user={"uid": 1000, "gid": 1000, "additionalGids": [44, 60000]})

        found = inside("id -G", mutations.every(mutations.user_namespace(), user))

        assert sorted(map(int, found.split())) == [44, 1000, 60000]

    def test_that_is_not_mapped_is_refused(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        user = mutations.process(user={"uid": 0, "gid": 0, "additionalGids": [70000]})
        bundle = make_bundle(mutate=mutations.every(mutations.user_namespace(), user))

        assert "additionalgids" in str(runtime.try_create(bundle).exit_with(1).records[-1]).lower()


class TestMemoryPolicy:
    @pytest.mark.parametrize("mode", MEMORY_MODES)
    def test_mode(self, inside: Inside, mode: str) -> None:
        nodes, expected = MEMORY_MODES[mode]
        policy = {"mode": mode} if nodes is None else {"mode": mode, "nodes": nodes}

        assert inside("probe mempolicy", mutations.linux(memoryPolicy=policy)) == f"{expected}\n"

    def test_preferred_with_no_nodes_is_local(self, inside: Inside) -> None:
        assert (
            inside("probe mempolicy", mutations.linux(memoryPolicy={"mode": "MPOL_PREFERRED", "nodes": ""})) == "4 0\n"
        )

    @pytest.mark.parametrize("flag", MEMORY_FLAGS)
    def test_flag(self, inside: Inside, flag: str) -> None:
        mutate = mutations.linux(memoryPolicy={"mode": "MPOL_BIND", "nodes": "0", "flags": [flag]})

        assert int(inside("probe mempolicy", mutate).split()[0]) == 2 | MEMORY_FLAGS[flag]

    def test_node_that_does_not_exist(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle(mutate=mutations.linux(memoryPolicy={"mode": "MPOL_BIND", "nodes": "63"}))

        assert "memorypolicy" in str(runtime.try_create(bundle).exit_with(1).records[-1]).lower()


class TestSecurityModules:
    """Neither is active on most machines that build this; what they do is tried in the guest with AppArmor."""

    @pytest.mark.parametrize("name", ["apparmorProfile", "selinuxLabel"])
    def test_label_without_its_module_is_refused(self, runtime: Runtime, make_bundle: MakeBundle, name: str) -> None:
        if os.path.exists(_MODULES[name]):
            pytest.skip(f"this machine has {_MODULES[name]}")
        bundle = make_bundle(mutate=mutations.process(**{name: "unknown_t"}))

        assert runtime.try_create(bundle).exit_with(1).records[-1]["property"] == f"process.{name}"

    def test_mount_label_without_selinux_is_refused(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        if os.path.exists(_MODULES["selinuxLabel"]):
            pytest.skip("this machine has SELinux")
        bundle = make_bundle(mutate=mutations.linux(mountLabel="system_u:object_r:container_file_t:s0"))

        record = runtime.try_create(bundle).exit_with(1).records[-1]

        assert "selinux" in str(record).lower()

    def test_attributes_of_the_process_are_the_callers(self, inside: Inside) -> None:
        assert inside("cat /proc/self/attr/exec 2>/dev/null; true").strip("\0\n") == ""


def test_properties_of_windows_are_ignored(inside: Inside) -> None:
    mutate = mutations.every(
        mutations.process(commandLine="cmd.exe", user={"uid": 0, "gid": 0, "username": "nobody"}),
        mutations.top(windows={"layerFolders": [1]}, solaris={}, vm={}, zos={}, freebsd={}),
    )

    assert inside("id -u", mutate) == "0\n"


def test_unknown_properties_are_ignored(inside: Inside) -> None:
    mutate = mutations.every(
        mutations.top(**{"org.example.unknown": {"a": [1]}}),
        mutations.process(futureProperty=True),
        mutations.linux(landlock={"rules": []}),
    )

    assert inside("echo ok", mutate) == "ok\n"


def test_personality_is_that_of_exec_too(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.start(make_bundle(mutate=mutations.linux(personality={"domain": "LINUX32"})))

    assert container.exec("uname", "-m").succeed().stdout.strip() in ("i686", "armv8l")
