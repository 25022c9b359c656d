"""Resource limits of the container's process, getrlimit(2); not for cgroup limits.

Apply them last: a small RLIMIT_NOFILE or RLIMIT_AS also binds the runtime's own code until it executes the program.
"""

from __future__ import annotations

import errno
import resource

from libcontainer import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libcontainer.oci.spec import Rlimit
    from libcontainer.syscall import Syscall

INFINITY = (1 << 64) - 1
"""RLIM_INFINITY as config.json writes it."""

NUMBERS: dict[str, int] = {
    "RLIMIT_AS": resource.RLIMIT_AS,
    "RLIMIT_CORE": resource.RLIMIT_CORE,
    "RLIMIT_CPU": resource.RLIMIT_CPU,
    "RLIMIT_DATA": resource.RLIMIT_DATA,
    "RLIMIT_FSIZE": resource.RLIMIT_FSIZE,
    "RLIMIT_LOCKS": 10,  # without effect since Linux 2.4 and unknown to Python; the same number everywhere
    "RLIMIT_MEMLOCK": resource.RLIMIT_MEMLOCK,
    "RLIMIT_MSGQUEUE": resource.RLIMIT_MSGQUEUE,
    "RLIMIT_NICE": resource.RLIMIT_NICE,
    "RLIMIT_NOFILE": resource.RLIMIT_NOFILE,
    "RLIMIT_NPROC": resource.RLIMIT_NPROC,
    "RLIMIT_RSS": resource.RLIMIT_RSS,
    "RLIMIT_RTPRIO": resource.RLIMIT_RTPRIO,
    "RLIMIT_RTTIME": resource.RLIMIT_RTTIME,
    "RLIMIT_SIGPENDING": resource.RLIMIT_SIGPENDING,
    "RLIMIT_STACK": resource.RLIMIT_STACK,
}
"""The limits of the specification and their numbers on this architecture (they differ on mips, alpha and sparc)."""


def set_all(syscall: Syscall, rlimits: Sequence[Rlimit], pid: int = 0) -> None:
    """Set the limits of a process, by default the calling one, in the order given.

    Raises:
        SyscallError: EPERM when a hard limit is above the present one and CAP_SYS_RESOURCE is missing; EINVAL when
            soft is above hard.
    """
    for index, limit in enumerate(rlimits):
        try:
            syscall.setrlimit(NUMBERS[limit.type], limit.soft, limit.hard, pid)
        except OSError as error:
            raise errors.syscall_error(
                error,
                f"set {limit.type} to {_text(limit.soft)} (hard limit {_text(limit.hard)})",
                step="rlimits",
                property=f"process.rlimits[{index}]",
                hint=_hint(error, limit, pid),
            ) from error


def _hint(error: OSError, limit: Rlimit, pid: int) -> str | None:
    if error.errno == errno.EPERM:
        present = _present_hard_limit(limit, pid)
        return f"raising the hard limit above {present} needs CAP_SYS_RESOURCE" if present else None
    if limit.soft > limit.hard:
        return "the soft limit must not be above the hard limit"
    return None


def _present_hard_limit(limit: Rlimit, pid: int) -> str | None:
    try:
        _, hard = resource.prlimit(pid, NUMBERS[limit.type])
    except (OSError, ValueError):
        return None
    return _text(INFINITY if hard == resource.RLIM_INFINITY else hard)


def _text(limit: int) -> str:
    return "unlimited" if limit == INFINITY else str(limit)
