"""Messages between the runtime's processes over one SOCK_SEQPACKET pair per child; not what they mean.

One datagram is one message: a JSON object with its ``kind``, and descriptors beside it. The receiver knows who speaks,
and end of file means that this very process has died.

A child that shares main's memory and asks for nothing leaves its messages there instead, in a ``Mailbox``.
"""

from __future__ import annotations

import errno
import os
import sys

from libcontainer import log
from libcontainer.errors import LibcontainerError, ProcessDiedError, from_dict
from libcontainer.oci import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Sequence

_SIZE_MAX = 96 * 1024  # malloc(3) takes more from the kernel, and gives it back, with each message
_TEXT_MAX = 4096  # of one text in an error or log message that would be longer than that
_FDS_MAX = 64
_FD_SIZE = 4

# What init, or the intermediate process, tells main.
MAP_IDS = "map_ids"
INIT_FORKED = "init_forked"
SET_RLIMITS = "set_rlimits"
MOVE_NET_DEVICES = "move_net_devices"
ROOT_MOUNTED = "root_mounted"
CONSOLE = "console"
SECCOMP_FD = "seccomp_fd"
READY = "ready"
ERROR = "error"
LOG = "log"
# What main tells them.
IDS_MAPPED = "ids_mapped"
CGROUP_JOINED = "cgroup_joined"
RUNTIME_HOOKS_DONE = "runtime_hooks_done"
DONE = "done"


class Message:
    """A received message.

    Attributes:
        kind: one of the constants of this module.
        values: its fields.
        fds: its descriptors, close-on-exec, owned by the receiver.
    """

    __slots__ = ("fds", "kind", "values")

    def __init__(self, kind: str, values: dict[str, object], fds: list[int]) -> None:
        self.kind = kind
        self.values = values
        self.fds = fds

    def number(self, name: str) -> int:
        """Return an integer field."""
        value = self.values[name]
        if type(value) is not int:
            raise LibcontainerError(f"message {self.kind}: {name} is no number")
        return value


class Channel:
    """One end of a pair.

    Attributes:
        peer: the process at the other end, as error messages call it.
    """

    def __init__(self, socket: _socket.socket, peer: str) -> None:
        self._socket = socket
        self.peer = peer

    def fileno(self) -> int:
        """Return the descriptor, for poll and for what must stay open."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def drop(self) -> None:
        """Close a child's copy of this end; the object, which it may share with its parent, is left as it is."""
        os.close(self._socket.fileno())

    def send(self, kind: str, *, fds: Sequence[int] = (), **values: object) -> None:
        """Send a message.

        Raises:
            ProcessDiedError: nobody is at the other end.
            LibcontainerError: so it is, and this is the error that was the last word from there.
        """
        values["kind"] = kind
        import _socket

        ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, _pack(fds))] if fds else []
        try:
            self._socket.sendmsg([json_text.dumps(values).encode()], ancillary, _socket.MSG_NOSIGNAL)
        except OSError as error:
            if error.errno in (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN):
                while self.receive() is not None:
                    pass
                raise ProcessDiedError(f"{self.peer} ended before it was told {kind}") from None
            raise

    def send_error(self, error: LibcontainerError) -> None:
        """Tell main what went wrong; nobody listening is not an error any more."""
        details = error.to_dict()
        if len(json_text.dumps(details)) > _SIZE_MAX // 2:
            details = {name: _shortened(value) for name, value in details.items()}
        try:
            self.send(ERROR, error=details)
        except LibcontainerError:
            pass

    def send_log(self, level: int, text: str) -> None:
        """Pass on a log message, for main is the only one who writes the log; a ``log.Sink``."""
        try:
            self.send(LOG, level=level, text=_shortened(text))
        except ProcessDiedError:
            pass

    def receive(self) -> Message | None:
        """Receive the next message; None at the end of file: the other end has closed, by exec or by death.

        Raises:
            LibcontainerError: the error that the other process sent.
        """
        while True:
            message = self._receive()
            if message is None or message.kind != LOG:
                return message
            log.write(message.number("level"), str(message.values.get("text")))

    def _receive(self) -> Message | None:
        import _socket

        size = _socket.CMSG_SPACE(_FDS_MAX * _FD_SIZE)
        try:
            data, ancillary, _, _ = self._socket.recvmsg(_SIZE_MAX, size, _socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError:
            # The other end was closed before it had read everything. That is told once, before what it had sent.
            data, ancillary, _, _ = self._socket.recvmsg(_SIZE_MAX, size, _socket.MSG_CMSG_CLOEXEC)
        fds: list[int] = []
        for level, kind, content in ancillary:
            if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
                fds += _unpack(content)
        if not data:
            return None
        values = json_text.loads(data)
        if not isinstance(values, dict):
            raise LibcontainerError(f"{self.peer} sent no message")
        message = Message(str(values.pop("kind", "")), values, fds)
        if message.kind == ERROR:
            for fd in message.fds:
                os.close(fd)
            details = values.get("error")
            raise from_dict(details if isinstance(details, dict) else {"message": f"{self.peer} failed"})
        return message

    def expect(self, kind: str) -> Message:
        """Receive a message of one kind.

        Raises:
            ProcessDiedError: the other process ended instead.
        """
        message = self.receive()
        if message is None:
            raise ProcessDiedError(f"{self.peer} ended unexpectedly while {kind} was awaited", step=kind)
        if message.kind != kind:
            raise LibcontainerError(f"{self.peer} sent {message.kind} instead of {kind}")
        return message


class Mailbox(Channel):
    """Both ends of a channel in one memory: main reads when the child has executed a program or ended.

    So nobody can answer, and descriptors cannot be passed.
    """

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self._messages: list[Message] = []
        self._error: LibcontainerError | None = None

    def fileno(self) -> int:
        """Return -1: there is no descriptor."""
        return -1

    def close(self) -> None:
        """Do nothing."""

    def drop(self) -> None:
        """Do nothing."""

    def send(self, kind: str, *, fds: Sequence[int] = (), **values: object) -> None:
        """Leave a message."""
        if fds:
            raise LibcontainerError(f"{kind}: descriptors cannot be left in memory")
        self._messages.append(Message(kind, values, []))

    def send_error(self, error: LibcontainerError) -> None:
        """Leave what went wrong."""
        self._error = error

    def receive(self) -> Message | None:
        """Take the next message; None if there is none any more.

        Raises:
            LibcontainerError: the error that the child has left.
        """
        if self._messages:
            return self._messages.pop(0)
        if self._error is not None:
            error, self._error = self._error, None
            raise from_dict(error.to_dict())
        return None


def mailbox(there: str) -> tuple[Mailbox, Mailbox]:
    """Make a channel to a child that shares our memory, and asks for nothing."""
    box = Mailbox(there)
    return box, box


def pair(here: str, there: str) -> tuple[Channel, Channel]:
    """Make a channel: the first end is for ``here`` and speaks with ``there``, the second is the other's."""
    import _socket  # the seven hundred constants of this module take as long as all messages of an exec

    one, other = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    return Channel(one, there), Channel(other, here)


def of_descriptor(fd: int, there: str) -> Channel:
    """Return the channel whose one end the descriptor is; it is owned by the channel from here on."""
    import _socket

    return Channel(_socket.socket(fileno=fd), there)


def _shortened(value: object) -> object:
    """Cut what is too long to be sent: an argument of a program may be."""
    if isinstance(value, str) and len(value) > _TEXT_MAX:
        return f"{value[: _TEXT_MAX // 2]}[…]{value[-_TEXT_MAX // 2 :]}"
    if isinstance(value, list):
        return [_shortened(each) for each in value[:10]]
    return value


def _pack(fds: Sequence[int]) -> bytes:
    """Return the ints as C has them; array and struct would do it too, at the price of an import."""
    return b"".join(fd.to_bytes(_FD_SIZE, sys.byteorder) for fd in fds)


def _unpack(content: bytes) -> list[int]:
    ends = range(_FD_SIZE, len(content) + 1, _FD_SIZE)
    return [int.from_bytes(content[end - _FD_SIZE : end], sys.byteorder) for end in ends]
