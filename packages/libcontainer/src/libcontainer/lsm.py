"""Writing to /proc/self/attr, the interface of security modules; what is written is told by apparmor and selinux."""

from __future__ import annotations

import errno
import os

from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.syscall import Syscall


def write_attribute(syscall: Syscall, proc_fd: int, names: tuple[str, ...], value: str) -> None:
    """Write to the first attribute of the calling process that exists.

    ``proc_fd`` is the root of a procfs that the container cannot change, in which this process is visible.
    ``names`` are paths below ``self/attr``, tried in order.

    Raises:
        OSError: ENOTSUP when ``proc_fd`` is not a procfs (CVE-2019-16884: the label would go nowhere); ENOENT when no
            attribute exists; else what the security module answered.
    """
    if syscall.fstatfs_type(proc_fd) != flags.PROC_SUPER_MAGIC:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), "procfs")
    fd = _open_first(syscall, proc_fd, names)
    try:
        if syscall.fstatfs_type(fd) != flags.PROC_SUPER_MAGIC:
            raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), names[-1])
        os.write(fd, os.fsencode(value))
    finally:
        os.close(fd)


def _open_first(syscall: Syscall, proc_fd: int, names: tuple[str, ...]) -> int:
    for name in names[:-1]:
        try:
            return _open(syscall, proc_fd, name)
        except FileNotFoundError:
            continue
    return _open(syscall, proc_fd, names[-1])


def _open(syscall: Syscall, proc_fd: int, name: str) -> int:
    # ``self`` is an ordinary symbolic link, so links must be followed; magic links and other mounts must not.
    return syscall.openat2(
        proc_fd,
        f"self/attr/{name}",
        os.O_WRONLY | os.O_CLOEXEC,
        resolve=flags.RESOLVE_BENEATH | flags.RESOLVE_NO_MAGICLINKS | flags.RESOLVE_NO_XDEV,
    )
