"""Resource limits of the container's process, getrlimit(2); not for cgroup limits.

Apply them last: a small RLIMIT_NOFILE or RLIMIT_AS also binds the runtime's own code until it executes the program.
"""

from __future__ import annotations

import errno

from libcontainer import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libcontainer.oci.spec import Rlimit
    from libcontainer.syscall import Syscall

INFINITY = (1 << 64) - 1
"""RLIM_INFINITY as config.json writes it."""

NUMBERS: dict[str, int] = {
    "RLIMIT_CPU": 0,
    "RLIMIT_FSIZE": 1,
    "RLIMIT_DATA": 2,
    "RLIMIT_STACK": 3,
    "RLIMIT_CORE": 4,
    "RLIMIT_RSS": 5,
    "RLIMIT_NPROC": 6,
    "RLIMIT_NOFILE": 7,
    "RLIMIT_MEMLOCK": 8,
    "RLIMIT_AS": 9,
    "RLIMIT_LOCKS": 10,
    "RLIMIT_SIGPENDING": 11,
    "RLIMIT_MSGQUEUE": 12,
    "RLIMIT_NICE": 13,
    "RLIMIT_RTPRIO": 14,
    "RLIMIT_RTTIME": 15,
}
"""The limits of the specification, as asm-generic/resource.h numbers them (mips, alpha and sparc do otherwise)."""


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
                hint=_hint(syscall, error, limit, pid),
            ) from error


def _hint(syscall: Syscall, error: OSError, limit: Rlimit, pid: int) -> str | None:
    if error.errno == errno.EPERM:
        try:
            present = syscall.hard_limit(NUMBERS[limit.type], pid)
        except OSError:
            return None
        return f"raising the hard limit above {_text(present)} needs CAP_SYS_RESOURCE"
    if limit.soft > limit.hard:
        return "the soft limit must not be above the hard limit"
    return None


def _text(limit: int) -> str:
    return "unlimited" if limit == INFINITY else str(limit)
