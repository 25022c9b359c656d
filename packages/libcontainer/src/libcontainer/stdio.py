"""The three standard descriptors of the container's process when it has no terminal; terminals are in ``tty``."""

from __future__ import annotations

import errno
import os

from libcontainer import errors
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.syscall import Syscall

_NULL = os.makedev(1, 3)


def reopen_null(syscall: Syscall, root_fd: int) -> None:
    """Replace the host's /dev/null on descriptors 0 to 2 by the container's own, so that no host file stays open.

    A descriptor counts as /dev/null only if it is that very character device, and so does the replacement: a pipe and
    a regular file have the same device number 0 (CVE-2026-88265). Where the container has no genuine /dev/null the
    descriptors stay as they are.

    ``root_fd`` is the root directory of the container.
    """
    nulls = [fd for fd in range(3) if _is_null(fd)]
    if not nulls:
        return
    own = _open_null(syscall, root_fd)
    if own is None:
        return
    for fd in nulls:
        os.dup2(own, fd, inheritable=True)
    if own > 2:
        os.close(own)


def give_to(syscall: Syscall, uid: int) -> None:
    """Make the process's user the owner of the pipes and terminals on descriptors 0 to 2, so that it can reopen them.

    Devices such as /dev/null, regular files and sockets are shared with the host and left alone. Groups are kept:
    that of a terminal is tty, which lets write(1) work.

    ``uid`` is the user id as this process sees it, before it becomes that user.

    Raises:
        SyscallError: the kernel refused for another reason than missing rights over the host's file.
    """
    for fd in range(3):
        try:
            found = os.fstat(fd)
        except OSError as error:
            if error.errno == errno.EBADF:  # the caller started us with this descriptor closed
                continue
            raise
        if found.st_uid == uid or not (_is(found, flags.S_IFIFO) or os.isatty(fd)):
            continue
        try:
            syscall.fchown(fd, uid, found.st_gid)
        except OSError as error:
            # EINVAL: an id of the file is not mapped in this user namespace. The process still has the descriptor.
            if error.errno not in (errno.EINVAL, errno.EPERM, errno.EROFS):
                raise errors.syscall_error(
                    error, f"give descriptor {fd} to user {uid}", step="stdio", property="process.user.uid"
                ) from error


def _is_null(fd: int) -> bool:
    try:
        found = os.fstat(fd)
    except OSError:
        return False
    return _is(found, flags.S_IFCHR) and found.st_rdev == _NULL


def _is(found: os.stat_result, kind: int) -> bool:
    """Tell what kind of file it is; the stat module would be imported for this alone."""
    return found.st_mode & flags.S_IFMT == kind


def _open_null(syscall: Syscall, root_fd: int) -> int | None:
    try:
        fd = syscall.openat2(
            root_fd,
            "dev/null",
            os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC,
            resolve=flags.RESOLVE_IN_ROOT | flags.RESOLVE_NO_SYMLINKS,
        )
    except OSError:
        return None
    if _is_null(fd):
        os.set_blocking(fd, True)
        return fd
    os.close(fd)
    return None
