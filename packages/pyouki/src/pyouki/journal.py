"""Log records for systemd's journal and for syslog, one datagram each; not for files and terminals, see ``log``.

The journal's native protocol is described in systemd.journal-fields(7) and the Native Journal Protocol page of
systemd; syslog's lines in RFC 3164, as local daemons read them.
"""

from __future__ import annotations

import _socket
import errno
import os
import time

from libcontainer.errors import SyscallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

JOURNAL_SOCKET = "/run/systemd/journal/socket"
SYSLOG_SOCKET = "/dev/log"

_PRIORITIES = {10: 7, 20: 6, 30: 4, 40: 3}  # of syslog(3): debug, info, warning, err
_USER_FACILITY = 1 << 3
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MAX_LINE = 8192


class Journal:
    """A connection to systemd's journal."""

    def __init__(self, identifier: str, path: str) -> None:
        """Connect; SyscallError if nobody listens."""
        self._identifier = identifier
        self._socket = _connect(path, "journald", "is systemd-journald running? give a file with --log")

    def write(self, level: int, text: str, details: Mapping[str, object]) -> None:
        """Write one record; the details become fields such as PYOUKI_HINT."""
        fields = {
            "MESSAGE": text,
            "PRIORITY": str(_PRIORITIES[level]),
            "SYSLOG_IDENTIFIER": self._identifier,
            "SYSLOG_PID": str(os.getpid()),
        }
        fields.update((f"PYOUKI_{name.upper()}", str(value)) for name, value in details.items())
        self._send(b"".join(_field(name, value) for name, value in fields.items()))

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _send(self, datagram: bytes) -> None:
        try:
            self._socket.send(datagram)
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                return  # a journal that stops must not change what the command does
            # The protocol's way for large entries: the content of a sealed file, by descriptor.
            from libcontainer.executor import memory_file

            fd = memory_file("journal-entry", datagram)
            try:
                self._socket.sendmsg([b""], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, fd.to_bytes(4, "little"))])
            except OSError:
                pass
            finally:
                os.close(fd)


class Syslog:
    """A connection to the local syslog daemon."""

    def __init__(self, identifier: str, path: str) -> None:
        """Connect; SyscallError if nobody listens."""
        self._identifier = identifier
        self._socket = _connect(path, "syslog", "is a syslog daemon running? give a file with --log")

    def write(self, level: int, text: str, details: Mapping[str, object]) -> None:
        """Write one record; of the details only the hint has a place in a line."""
        now = time.localtime()
        moment = f"{_MONTHS[now.tm_mon - 1]} {now.tm_mday:2} {now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02}"
        words = f"{text} (hint: {details['hint']})" if "hint" in details else text
        line = f"<{_USER_FACILITY | _PRIORITIES[level]}>{moment} {self._identifier}[{os.getpid()}]: {words}"
        try:
            self._socket.send(line.replace("\n", " ").encode()[:_MAX_LINE])
        except OSError:
            pass

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def connect(target: str) -> Journal | Syslog:
    """Connect to what a ``--log`` names: ``journald:IDENTIFIER`` or ``syslog:IDENTIFIER``.

    Raises:
        SyscallError: nobody listens there.
    """
    kind, _, identifier = target.partition(":")
    if kind == "syslog":
        return Syslog(identifier or "pyouki", SYSLOG_SOCKET)
    return Journal(identifier or "pyouki", JOURNAL_SOCKET)


def _connect(path: str, name: str, hint: str) -> _socket.socket:
    # Non-blocking: a daemon that does not read must not hold up a container.
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK)
    try:
        connection.connect(path)
    except OSError as error:
        connection.close()
        raise SyscallError(f"log to {name}: connect to {path}", error.errno, object=path, hint=hint) from None
    return connection


def _field(name: str, value: str) -> bytes:
    """Write a field; one with line breaks needs its length, 64 bits in little endian."""
    content = value.encode(errors="backslashreplace")
    if b"\n" not in content:
        return b"%s=%s\n" % (name.encode(), content)
    return b"%s\n%s%s\n" % (name.encode(), len(content).to_bytes(8, "little"), content)
