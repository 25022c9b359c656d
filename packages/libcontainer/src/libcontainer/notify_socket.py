"""The socket on which a created container waits for ``start``; not the sd_notify socket of systemd services.

``start`` connects and sends one byte. The silent end of the connection is success: exec has closed it, unless the
process was killed and has still the name it waited under. A failure comes as one JSON object, the ``to_dict()`` of an
error. Paths are used through a directory descriptor, because the address of a socket has 108 bytes and engines have
long state roots, unix(7).
"""

from __future__ import annotations

import errno
import os

from libcontainer.container import store
from libcontainer.errors import LibcontainerError, SyscallError, from_dict
from libcontainer.oci import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable

    from libcontainer.syscall import Syscall

WAITING = "memfd:container"
"""The name of a process that waits in Python; the kernel gives the stub the same, before Linux 6.14 a number."""

_BACKLOG = 8
_GO = b"s"
_REPLY_MAX = 64 * 1024


def listen(syscall: Syscall, directory: str) -> int:
    """Make the socket in a container's directory and return the listening descriptor (close-on-exec)."""
    from libcontainer.syscall import flags  # not for `start`

    fd = syscall.socket(flags.AF_UNIX, flags.SOCK_STREAM)
    try:
        _at(directory, lambda path: syscall.bind_unix(fd, path))
        syscall.listen(fd, _BACKLOG)
    except OSError as error:
        os.close(fd)
        raise SyscallError(f"bind the notify socket in {directory}", error.errno, syscall="bind") from None
    return fd


def connect(directory: str) -> Connection:
    """Connect to the waiting container.

    Raises:
        SyscallError: ECONNREFUSED or ENOENT if nobody waits any more.
    """
    import _socket

    socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        _at(directory, socket.connect)
    except OSError as error:
        socket.close()
        raise SyscallError("connect to the waiting container", error.errno, syscall="connect") from None
    return Connection(socket)


class Connection:
    """The caller's side of one ``start``."""

    def __init__(self, socket: _socket.socket) -> None:
        self._socket = socket

    def say_go(self) -> None:
        """Let the container execute its program."""
        import _socket

        self._socket.send(_GO, _socket.MSG_NOSIGNAL)

    def wait_for_exec(self) -> LibcontainerError | None:
        """Wait until the program is executed; returns the error if it could not be."""
        parts = []
        try:
            while part := self._socket.recv(_REPLY_MAX):
                parts.append(part)
        except OSError as error:
            if error.errno != errno.ECONNRESET:
                raise
        finally:
            self._socket.close()
        if not parts:
            return None
        try:
            details = json_text.loads(b"".join(parts))
        except ValueError:
            details = None
        return from_dict(details if isinstance(details, dict) else {"message": "the container ended while starting"})


def wait_for_start(listener: int) -> int:
    """Wait, as the container, for ``start`` and return the connection; callers that hang up silently are forgotten."""
    import _socket

    socket = _socket.socket(fileno=listener)
    while True:
        fd, _ = socket._accept()  # type: ignore[attr-defined]  # the C socket's accept, which gives a descriptor
        if os.read(fd, 1):
            socket.close()
            return int(fd)
        os.close(fd)


def is_waiting(name: str) -> bool:
    """Tell whether it is the name of a process that has not executed the container's program yet."""
    return name == WAITING or name.isdecimal()


def _at(directory: str, call: Callable[[str], object]) -> None:
    fd = os.open(directory, os.O_PATH | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        call(f"/proc/self/fd/{fd}/{store.NOTIFY_SOCKET}")
    finally:
        os.close(fd)
