"""Capabilities, limits, scheduling, personality: applied to a real process and read back from the kernel."""

from __future__ import annotations

import errno
import os
import resource

import pytest

from libcontainer import capabilities, environment, memory_policy, personality, rlimits, scheduling
from libcontainer.capabilities import BITS, CapabilityMasks
from libcontainer.errors import SyscallError
from libcontainer.oci.spec import IOPriority, LinuxCapabilities, LinuxMemoryPolicy, LinuxPersonality, Rlimit, Scheduler
from libcontainer.syscall import flags
from tests.integration.facilities import child
from tests.integration.facilities.child import SYSCALL

pytestmark = pytest.mark.root


def capability_sets() -> dict[str, int]:
    with open("/proc/self/status", encoding="ascii") as status:
        return {line[3:6]: int(line.split()[1], 16) for line in status if line.startswith("Cap")}


def held() -> int:
    return SYSCALL.capget()[1]


def test_highest_capability_is_the_one_that_proc_tells() -> None:
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as told:
        assert capabilities.last_cap(SYSCALL) == int(told.read())


def become(uid: int, asked: LinuxCapabilities | None) -> dict[str, int]:
    last_cap = capabilities.last_cap(SYSCALL)
    masks, _ = capabilities.masks(asked, last_cap, held())
    capabilities.drop_bounding(SYSCALL, masks.bounding, last_cap)
    SYSCALL.prctl(flags.PR_SET_KEEPCAPS, 1)
    SYSCALL.setresgid(uid)
    SYSCALL.setresuid(uid)
    SYSCALL.prctl(flags.PR_SET_KEEPCAPS, 0)
    capabilities.apply(SYSCALL, masks)
    return capability_sets()


@pytest.mark.parametrize("uid", [0, 1000])
def test_five_sets_are_exactly_those_asked_for(uid: int) -> None:
    kill, chown = BITS["CAP_KILL"], BITS["CAP_CHOWN"]
    asked = LinuxCapabilities(
        ["CAP_KILL", "CAP_CHOWN"], ["CAP_CHOWN"], ["CAP_KILL", "CAP_CHOWN"], ["CAP_KILL"], ["CAP_KILL"]
    )

    assert child.run(lambda: become(uid, asked)) == {
        "Bnd": kill | chown, "Eff": chown, "Prm": kill | chown, "Inh": kill, "Amb": kill,
    }  # fmt: skip


def test_absent_capabilities_leave_nothing_as_runc_does() -> None:
    assert child.run(lambda: become(0, None)) == dict.fromkeys(("Bnd", "Eff", "Prm", "Inh", "Amb"), 0)


def test_capability_that_the_runtime_does_not_hold_is_no_error() -> None:
    everything = LinuxCapabilities(*[capabilities.NAMES] * 5)

    assert child.run(lambda: become(0, everything)) == dict.fromkeys(("Bnd", "Eff", "Prm", "Inh", "Amb"), held())


def test_effective_set_comes_back_after_a_change_of_user() -> None:
    def change() -> int:
        SYSCALL.prctl(flags.PR_SET_KEEPCAPS, 1)
        SYSCALL.setresuid(1000)
        assert capability_sets()["Eff"] == 0
        capabilities.reset_effective(SYSCALL)
        return capability_sets()["Eff"]

    assert child.run(change) == held()


def test_bounding_set_can_be_left_whole_without_any_right_but_not_dropped() -> None:
    def drop() -> list[str]:
        capabilities.drop_privileges(SYSCALL, CapabilityMasks(bounding=BITS["CAP_KILL"]), 40)
        capabilities.drop_bounding(SYSCALL, BITS["CAP_KILL"], 40)
        try:
            capabilities.drop_bounding(SYSCALL, 0, 40)
        except SyscallError as error:
            return [str(error), str(error.property)]
        return []

    assert child.run(drop) == [
        "drop CAP_KILL from the bounding set: operation not permitted",
        "process.capabilities.bounding",
    ]


def test_limits_are_those_asked_for() -> None:
    asked = [
        Rlimit("RLIMIT_NOFILE", 123, 456),
        Rlimit("RLIMIT_CORE", 0, 0),
        Rlimit("RLIMIT_STACK", 8 << 20, rlimits.INFINITY),
        Rlimit("RLIMIT_LOCKS", 5, 6),
    ]

    def limit() -> list[tuple[int, int]]:
        rlimits.set_all(SYSCALL, asked)
        return [resource.getrlimit(rlimits.NUMBERS[one.type]) for one in asked]

    assert child.run(limit) == [[123, 456], [0, 0], [8 << 20, resource.RLIM_INFINITY], [5, 6]]


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        (Rlimit("RLIMIT_NOFILE", 10, 5), "set RLIMIT_NOFILE to 10 (hard limit 5): invalid argument"),
        (
            Rlimit("RLIMIT_NOFILE", 10, 1 << 40),
            f"set RLIMIT_NOFILE to 10 (hard limit {1 << 40}): operation not permitted",
        ),
        (
            Rlimit("RLIMIT_NOFILE", 10, (1 << 64) - 2),
            f"set RLIMIT_NOFILE to 10 (hard limit {(1 << 64) - 2}): operation not permitted",
        ),
    ],
    ids=["soft above hard", "above fs.nr_open", "above 2**63"],
)
def test_refused_limit_is_told_with_its_errno(limit: Rlimit, message: str) -> None:
    def refused() -> str:
        try:
            rlimits.set_all(SYSCALL, [limit])
        except SyscallError as error:
            return str(error)
        return "accepted"

    assert child.run(refused) == message


def test_scheduler_nice_value_and_policy_are_set() -> None:
    def schedule() -> list[int]:
        scheduling.set_scheduler(SYSCALL, Scheduler("SCHED_BATCH", nice=5))
        return [os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)]

    assert child.run(schedule) == [os.SCHED_BATCH, 5]


def test_invalid_scheduler_is_told() -> None:
    def schedule() -> str:
        try:
            scheduling.set_scheduler(SYSCALL, Scheduler("SCHED_FIFO", priority=100))
        except SyscallError as error:
            return f"{error} {error.property}"
        return "accepted"

    assert child.run(schedule) == "set the scheduling policy SCHED_FIFO: invalid argument process.scheduler"


def test_io_priority_is_set() -> None:
    def prioritise() -> bool:
        scheduling.set_io_priority(SYSCALL, IOPriority("IOPRIO_CLASS_BE", 6))
        return os.system("ionice | grep -qx 'best-effort: prio 6'") == 0

    assert child.run(prioritise)


def test_affinity_is_set_and_impossible_affinity_is_told() -> None:
    def bind() -> list[object]:
        scheduling.set_affinity(SYSCALL, "0", "process.execCPUAffinity.initial")
        try:
            scheduling.set_affinity(SYSCALL, "60000", "process.execCPUAffinity.final")
        except SyscallError as error:
            return [sorted(os.sched_getaffinity(0)), error.errno, error.property]
        return []

    assert child.run(bind) == [[0], errno.EINVAL, "process.execCPUAffinity.final"]


def test_personality_changes_the_machine_name() -> None:
    def change() -> str:
        personality.apply(SYSCALL, LinuxPersonality("LINUX32"))
        return os.uname().machine

    assert child.run(change) in ("i686", "armv8l")


def test_memory_policy_is_set_and_a_missing_node_is_told() -> None:
    def change() -> list[object]:
        memory_policy.apply(SYSCALL, LinuxMemoryPolicy("MPOL_BIND", "0"))
        with open("/proc/self/numa_maps", encoding="ascii") as maps:
            shown = maps.readline().split()[1]
        try:
            memory_policy.apply(SYSCALL, LinuxMemoryPolicy("MPOL_BIND", "63"))
        except SyscallError as error:
            return [shown, error.errno]
        return [shown]

    assert child.run(change) == ["bind:0", errno.EINVAL]


def test_program_on_a_noexec_mount_is_refused_before_execve(tmp_path: object) -> None:
    def look_up() -> str:
        SYSCALL.mount("t", str(tmp_path), "tmpfs", flags.MS_NOEXEC, None)
        fd = os.open(f"{tmp_path}/f", os.O_CREAT | os.O_WRONLY, 0o755)
        os.close(fd)
        try:
            return environment.find_executable(f"{tmp_path}/f", None, "/")
        except Exception as error:  # noqa: BLE001 - compared below
            return str(error)

    assert child.run(look_up, flags.CLONE_NEWNS) == f'exec: "{tmp_path}/f": permission denied'
