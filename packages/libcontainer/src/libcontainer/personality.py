"""The execution domain of a process, personality(2)."""

from __future__ import annotations

from libcontainer import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.oci.spec import LinuxPersonality
    from libcontainer.syscall import Syscall

DOMAINS: dict[str, int] = {"LINUX": 0x0000, "LINUX32": 0x0008}
"""The domains of the specification and their values in linux/personality.h."""


def apply(syscall: Syscall, personality: LinuxPersonality) -> None:
    """Set the execution domain of the calling process: LINUX32 makes uname(2) name the 32-bit machine.

    Raises:
        SyscallError: the kernel refused.
    """
    try:
        syscall.personality(DOMAINS[personality.domain])
    except OSError as error:
        raise errors.syscall_error(
            error,
            f"set the execution domain {personality.domain}",
            step="personality",
            property="linux.personality.domain",
        ) from error
