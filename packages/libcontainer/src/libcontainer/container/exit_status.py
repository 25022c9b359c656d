"""How a container's init ended, kept beside its state by the process that was its parent; others read it there.

The parent holds ``flock`` on the file for as long as it lives: a file that is unlocked and empty means that nobody
will ever know.
"""

from __future__ import annotations

import fcntl
import os
import time

from libcontainer.errors import SyscallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.container.store import ContainerDirectory

FILE = "exit_status"


def open_for(directory: ContainerDirectory) -> int:
    """Promise, as the parent of init, to tell its end; returns the descriptor for ``write``."""
    path = f"{directory.path}/{FILE}"
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
    except OSError as error:
        raise SyscallError(f"open {path}", error.errno, object=path) from None
    return fd


def write(fd: int, status: int) -> None:
    """Tell the exit status, or 128 and a signal's number, and close the descriptor; a full disk is nobody's fault."""
    try:
        os.write(fd, b"%d\n" % status)
    except OSError:
        pass
    finally:
        os.close(fd)


def read(directory: ContainerDirectory, timeout_s: float = 2.0) -> int | None:
    """Return the exit status of an init that has ended, None if its parent did not say.

    Args:
        directory: the container.
        timeout_s: how long to wait for a parent that is about to say it.
    """
    try:
        fd = os.open(f"{directory.path}/{FILE}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    deadline = time.monotonic() + timeout_s
    try:
        while not (text := os.pread(fd, 16, 0)).endswith(b"\n"):
            if (not _is_locked(fd) and not os.pread(fd, 1, 0)) or time.monotonic() >= deadline:
                return None
            time.sleep(0.002)
    finally:
        os.close(fd)
    return int(text)


def _is_locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(fd, fcntl.LOCK_UN)
    return False
