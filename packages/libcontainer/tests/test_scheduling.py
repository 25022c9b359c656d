from __future__ import annotations

import errno

import pytest

from libcontainer import memory_policy, personality, scheduling
from libcontainer.errors import SpecError, SyscallError
from libcontainer.oci.spec import IOPriority, LinuxMemoryPolicy, LinuxPersonality, Scheduler
from libcontainer.testing.recording import RecordingSyscall


def test_scheduler_is_translated() -> None:
    kernel = RecordingSyscall()

    scheduling.set_scheduler(
        kernel,
        Scheduler(
            "SCHED_DEADLINE", flags=["SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM"], runtime=1, deadline=2, period=3
        ),
    )
    scheduling.set_scheduler(kernel, Scheduler("SCHED_BATCH", nice=-5))

    assert kernel.calls == [("sched_setattr", 6, 3, 0, 0, 1, 2, 3), ("sched_setattr", 3, 0, -5, 0, 0, 0, 0)]


def test_refused_scheduler_names_the_missing_capability() -> None:
    kernel = RecordingSyscall(failures={"sched_setattr": errno.EPERM})

    with pytest.raises(
        SyscallError, match=r"^set the scheduling policy SCHED_FIFO: operation not permitted$"
    ) as caught:
        scheduling.set_scheduler(kernel, Scheduler("SCHED_FIFO", priority=1))

    assert caught.value.hint is not None
    assert caught.value.hint.startswith("CAP_SYS_NICE is missing")


def test_io_priority_is_translated() -> None:
    kernel = RecordingSyscall()

    scheduling.set_io_priority(kernel, IOPriority("IOPRIO_CLASS_IDLE", 7))

    assert kernel.calls == [("ioprio_set", 1, 0, 3 << 13 | 7)]


def test_affinity_is_parsed() -> None:
    kernel = RecordingSyscall()

    scheduling.set_affinity(kernel, "0-1,5", "process.execCPUAffinity.initial")

    assert kernel.calls == [("sched_setaffinity", (0, 1, 5))]


def test_affinity_that_is_no_list_names_the_property() -> None:
    with pytest.raises(SpecError) as caught:
        scheduling.set_affinity(RecordingSyscall(), "all", "process.execCPUAffinity.final")

    assert str(caught.value) == "process.execCPUAffinity.final: 'all' is not a list such as 0-3,7"


def test_memory_policy_is_translated() -> None:
    kernel = RecordingSyscall()

    memory_policy.apply(kernel, LinuxMemoryPolicy("MPOL_BIND", "0,2", ["MPOL_F_STATIC_NODES"]))
    memory_policy.apply(kernel, LinuxMemoryPolicy("MPOL_DEFAULT", ""))

    assert kernel.calls == [("set_mempolicy", 2 | 1 << 15, (0, 2)), ("set_mempolicy", 0, ())]


def test_refused_memory_policy_is_shown() -> None:
    kernel = RecordingSyscall(failures={"set_mempolicy": errno.EINVAL})

    with pytest.raises(SyscallError, match=r"^set the memory policy MPOL_BIND nodes 9: invalid argument$"):
        memory_policy.apply(kernel, LinuxMemoryPolicy("MPOL_BIND", "9"))


def test_memory_nodes_that_are_no_list_name_the_property() -> None:
    with pytest.raises(SpecError, match=r"^linux\.memoryPolicy\.nodes: '0x1' is not a list such as 0-3,7$"):
        memory_policy.apply(RecordingSyscall(), LinuxMemoryPolicy("MPOL_BIND", "0x1"))


def test_personality_is_translated() -> None:
    kernel = RecordingSyscall()

    personality.apply(kernel, LinuxPersonality("LINUX32"))

    assert kernel.calls == [("personality", 8)]
