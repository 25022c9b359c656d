"""Labelling the container's process and mounts for SELinux; not for choosing labels."""

from __future__ import annotations

import errno
import os

from libcontainer import errors, lsm
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.syscall import Syscall


def is_enabled(syscall: Syscall, directory: str = "/sys/fs/selinux") -> bool:
    """Tell whether the kernel that runs enforces or at least loads SELinux: selinuxfs is mounted."""
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return syscall.fstatfs_type(fd) == flags.SELINUX_MAGIC
    finally:
        os.close(fd)


def require_enabled(syscall: Syscall, asked_by: str) -> None:
    """Check early, on the host, that a label can be applied at all.

    ``asked_by`` is the property that says so, ``process.selinuxLabel`` or ``linux.mountLabel``.

    Raises:
        SpecError: SELinux is disabled or not supported.
    """
    if not is_enabled(syscall):
        raise errors.SpecError(asked_by, "a label was asked for, but SELinux is disabled or not supported on this host")


def apply_label(syscall: Syscall, proc_fd: int, label: str) -> None:
    """Have the kernel give the label to the next program this process executes, and to the keys it makes until then.

    Call it before a session keyring is joined, so that the container may use its own keyring.

    ``proc_fd`` is the root of a procfs that the container cannot change.

    Raises:
        SyscallError: EINVAL for a label that the policy does not know or without SELinux, EACCES when the policy
            forbids the transition.
    """
    for attribute in ("keycreate", "exec"):
        try:
            lsm.write_attribute(syscall, proc_fd, (attribute,), label)
        except OSError as error:
            raise errors.syscall_error(
                error,
                f"set SELinux label {label!r} (attr/{attribute})",
                step="selinux",
                property="process.selinuxLabel",
                hint="the loaded policy does not know this label" if error.errno == errno.EINVAL else None,
            ) from error
