"""Scheduling policy, I/O priority and processor affinity of a process, sched(7), ioprio_set(2); not cgroup limits."""

from __future__ import annotations

import errno

from libcontainer import errors, id_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.oci.spec import IOPriority, Scheduler
    from libcontainer.syscall import Syscall

POLICIES: dict[str, int] = {
    "SCHED_OTHER": 0,
    "SCHED_FIFO": 1,
    "SCHED_RR": 2,
    "SCHED_BATCH": 3,
    "SCHED_ISO": 4,  # reserved, no kernel implements it
    "SCHED_IDLE": 5,
    "SCHED_DEADLINE": 6,
}
"""linux/sched.h, sched_setattr(2)."""

FLAGS: dict[str, int] = {
    "SCHED_FLAG_RESET_ON_FORK": 0x01,
    "SCHED_FLAG_RECLAIM": 0x02,
    "SCHED_FLAG_DL_OVERRUN": 0x04,
    "SCHED_FLAG_KEEP_POLICY": 0x08,
    "SCHED_FLAG_KEEP_PARAMS": 0x10,
    "SCHED_FLAG_UTIL_CLAMP_MIN": 0x20,
    "SCHED_FLAG_UTIL_CLAMP_MAX": 0x40,
}
"""linux/sched.h, sched_setattr(2)."""

IO_PRIORITY_CLASSES: dict[str, int] = {"IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3}
"""linux/ioprio.h, ioprio_set(2)."""

_IOPRIO_CLASS_SHIFT = 13
_IOPRIO_WHO_PROCESS = 1


def set_scheduler(syscall: Syscall, scheduler: Scheduler) -> None:
    """Give the calling process a scheduling policy and its parameters; children inherit it.

    Raises:
        SyscallError: EPERM without CAP_SYS_NICE (or RLIMIT_NICE, RLIMIT_RTPRIO); EBUSY when no deadline bandwidth is
            left; EINVAL when the values do not fit the policy.
    """
    flags = 0
    for name in scheduler.flags:
        flags |= FLAGS[name]
    try:
        syscall.sched_setattr(
            POLICIES[scheduler.policy],
            flags,
            scheduler.nice or 0,
            scheduler.priority or 0,
            scheduler.runtime or 0,
            scheduler.deadline or 0,
            scheduler.period or 0,
        )
    except OSError as error:
        raise errors.syscall_error(
            error,
            f"set the scheduling policy {scheduler.policy}",
            step="scheduler",
            property="process.scheduler",
            hint=_scheduler_hint(error),
        ) from error


def set_io_priority(syscall: Syscall, io_priority: IOPriority) -> None:
    """Set the I/O priority of the calling process, which its children inherit.

    Call it in a process that is to be the first of its process group, so that the whole group has the priority.

    Raises:
        SyscallError: EPERM for IOPRIO_CLASS_RT without CAP_SYS_ADMIN or CAP_SYS_NICE.
    """
    value = IO_PRIORITY_CLASSES[io_priority.class_] << _IOPRIO_CLASS_SHIFT | io_priority.priority
    try:
        syscall.ioprio_set(_IOPRIO_WHO_PROCESS, 0, value)
    except OSError as error:
        raise errors.syscall_error(
            error,
            f"set the I/O priority {io_priority.class_} {io_priority.priority}",
            step="ioPriority",
            property="process.ioPriority",
            hint="CAP_SYS_NICE is missing" if error.errno == errno.EPERM else None,
        ) from error


def set_affinity(syscall: Syscall, processors: str, asked_by: str, pid: int = 0) -> None:
    """Bind a process, by default the calling one, to the processors of a list such as ``0-3,7``.

    ``asked_by`` is the property that says so, ``process.execCPUAffinity.initial`` or ``.final``.

    Raises:
        SpecError: the text is not a list.
        SyscallError: EINVAL when none of the processors is online and allowed by the cpuset.
    """
    try:
        numbers = id_list.parse(processors)
    except ValueError as error:
        raise errors.SpecError(asked_by, str(error)) from error
    try:
        syscall.sched_setaffinity(numbers, pid)
    except OSError as error:
        raise errors.syscall_error(
            error,
            f"bind to the processors {processors}",
            step="execCPUAffinity",
            property=asked_by,
            hint="no processor of the list is online and in the cpuset" if error.errno == errno.EINVAL else None,
        ) from error


def _scheduler_hint(error: OSError) -> str | None:
    if error.errno == errno.EPERM:
        return "CAP_SYS_NICE is missing, or the cgroup has no real-time bandwidth (cpu.rt_runtime_us)"
    if error.errno == errno.EBUSY:
        return "not enough deadline bandwidth is left on the machine"
    return None
