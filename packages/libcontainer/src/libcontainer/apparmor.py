"""Putting the container's program under an AppArmor profile, apparmor(7); not for loading profiles."""

from __future__ import annotations

import errno
import os

from libcontainer import errors, lsm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.syscall import Syscall

_PROPERTY = "process.apparmorProfile"


def is_enabled(parameter_path: str = "/sys/module/apparmor/parameters/enabled") -> bool:
    """Tell whether the kernel that runs has AppArmor switched on."""
    try:
        fd = os.open(parameter_path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.read(fd, 1) == b"Y"
    finally:
        os.close(fd)


def require_enabled(profile: str) -> None:
    """Check early, on the host, that a profile can be applied at all.

    Raises:
        SpecError: AppArmor is not enabled.
    """
    if not is_enabled():
        raise _not_enabled(profile)


def apply_profile(syscall: Syscall, proc_fd: int, profile: str) -> None:
    """Have the kernel switch to the profile when this process executes the next program.

    ``proc_fd`` is the root of a procfs that the container cannot change.

    Raises:
        SpecError: AppArmor is not enabled.
        SyscallError: ENOENT when the profile is not loaded.
    """
    try:
        # attr/apparmor since Linux 5.8; attr/exec belongs to the first of several security modules.
        lsm.write_attribute(syscall, proc_fd, ("apparmor/exec", "exec"), f"exec {profile}")
    except OSError as error:
        if error.errno == errno.EINVAL:  # no security module owns the attribute
            raise _not_enabled(profile) from error
        raise errors.syscall_error(
            error,
            f"apply AppArmor profile {profile!r}",
            step="apparmor",
            property=_PROPERTY,
            hint="the profile is not loaded, see apparmor_parser(8)" if error.errno == errno.ENOENT else None,
        ) from error


def _not_enabled(profile: str) -> errors.SpecError:
    return errors.SpecError(
        _PROPERTY,
        f"profile {profile!r} was asked for, but AppArmor is not enabled on this host",
        hint="remove the profile, or boot with lsm=…,apparmor",
    )
