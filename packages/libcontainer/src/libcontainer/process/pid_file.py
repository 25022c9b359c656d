"""Telling callers which process it is: ``--pid-file`` and ``--pidfd-socket``."""

from __future__ import annotations

import os

from libcontainer.errors import SyscallError


def write(path: str, pid: int) -> None:
    """Write a pid, completely or not at all; a symbolic link at the place is replaced, not followed."""
    directory, name = os.path.split(path)
    temporary = os.path.join(directory, f".{name}")
    try:
        fd = _open_new(temporary)
        try:
            os.write(fd, str(pid).encode())
            os.rename(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
        finally:
            os.close(fd)
    except OSError as error:
        raise SyscallError(
            f"write the pid file {path}", error.errno, step="pid file", object=path, hint="see --pid-file"
        ) from None


def _open_new(path: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_SYNC
    try:
        return os.open(path, flags, 0o666)
    except FileExistsError:  # of a runtime that was killed before it could rename it
        os.unlink(path)
        return os.open(path, flags, 0o666)


def send_pidfd(path: str, fd: int, payload: str) -> None:
    """Send a pidfd over the socket at the path, by SCM_RIGHTS with a word that says what it is of.

    Raises:
        SyscallError: nobody listens there, or it hung up.
    """
    from libcontainer import unix_socket

    try:
        unix_socket.send_to(path, payload.encode(), fd)
    except OSError as error:
        raise SyscallError(
            f"send the pidfd over pidfd socket {path}",
            error.errno,
            step="pidfd",
            object=path,
            hint="does the client listen on it?",
        ) from None
