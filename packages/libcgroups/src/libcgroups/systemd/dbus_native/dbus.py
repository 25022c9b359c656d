"""A blocking connection to a message bus, or directly to a peer such as systemd; not what is said on it (``proxy``).

System calls only through ``_socket``: the ``socket`` module costs 6 ms to import.
"""

from __future__ import annotations

import _socket
import os
import time

from libcgroups.systemd.dbus_native import message as messages
from libcgroups.systemd.dbus_native.errors import (
    AuthenticationError,
    ConnectionFailedError,
    MethodError,
    SerializeError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libcgroups.systemd.dbus_native.message import Message

SYSTEM_BUS_ADDRESS = "unix:path=/run/dbus/system_bus_socket"
#: systemd's own sockets: no bus between us, so they work before and without dbus-daemon. The first is for root only.
SYSTEMD_PRIVATE_ADDRESS = "unix:path=/run/systemd/private"

#: What libdbus waits for an answer.
CALL_TIMEOUT_S = 25.0

BUS_NAME = "org.freedesktop.DBus"
BUS_PATH = "/org/freedesktop/DBus"

#: The longest line of the authentication that we are willing to read.
_MAX_LINE_BYTES = 16384


class DbusConnection:
    """One authenticated connection; a context manager.

    Signals that arrive while an answer is awaited are kept for ``wait_for_signal``.
    """

    def __init__(self, address: str, *, is_bus: bool = True, timeout_s: float = CALL_TIMEOUT_S) -> None:
        """Connect to the first reachable address and authenticate as ourselves.

        Args:
            address: D-Bus address, several are separated by ``;``. Transport ``unix`` with path or abstract only.
            is_bus: a bus, where everybody has to say Hello; False for a direct peer.
            timeout_s: for the connection and as the default of each call.

        Raises:
            ConnectionFailedError: nobody listens there.
            AuthenticationError: we are refused.
        """
        self.address = address
        self.is_bus = is_bus
        self.timeout_s = timeout_s
        self._serial = 0
        self._signals: list[Message] = []
        self._socket, begun = _open(address, timeout_s)
        self._buffer = bytearray(begun)
        try:
            if is_bus:
                self.call(BUS_NAME, BUS_PATH, BUS_NAME, "Hello")
        except BaseException:
            self.close()
            raise

    @classmethod
    def new_system(cls) -> DbusConnection:
        """Connect to the system bus; without one, and as root, to systemd's private socket."""
        addresses = os.getenv("DBUS_SYSTEM_BUS_ADDRESS") or SYSTEM_BUS_ADDRESS
        return cls._new_or_private(addresses, SYSTEMD_PRIVATE_ADDRESS)

    @classmethod
    def new_session(cls) -> DbusConnection:
        """Connect to the user's bus; without one, to the private socket of the user's systemd.

        Raises:
            ConnectionFailedError: none of both is there, or XDG_RUNTIME_DIR is not set.
        """
        addresses = os.getenv("DBUS_SESSION_BUS_ADDRESS", "")
        directory = os.getenv("XDG_RUNTIME_DIR", "")
        if not addresses and not directory:
            raise ConnectionFailedError(
                "connect to the user's bus: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set",
                hint="log in through systemd-logind, or run loginctl enable-linger and export XDG_RUNTIME_DIR",
            )
        runtime = f"unix:path={escape_address(directory)}" if directory else ""
        return cls._new_or_private(addresses or f"{runtime}/bus", f"{runtime}/systemd/private" if runtime else "")

    @classmethod
    def _new_or_private(cls, address: str, private: str) -> DbusConnection:
        try:
            return cls(address)
        except ConnectionFailedError as error:
            if not private:
                raise
            try:
                return cls(private, is_bus=False)
            except ConnectionFailedError:
                raise error from None  # the bus is what is missing, not the fallback

    def __enter__(self) -> DbusConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket; harmless when done before."""
        self._socket.close()

    def call(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        values: Sequence[object] = (),
        timeout_s: float | None = None,
    ) -> tuple[object, ...]:
        """Call a method and return the values of its answer.

        Raises:
            MethodError: the peer answered with an error.
            ConnectionFailedError: the connection broke, or no answer came in time.
            SerializeError: a value does not fit the signature.
        """
        self._serial += 1
        serial = self._serial
        target = destination if self.is_bus else None
        self.send_message(messages.method_call(serial, target, path, interface, member, signature, values))
        deadline = time.monotonic() + (self.timeout_s if timeout_s is None else timeout_s)
        while True:
            answer = self._receive(deadline, f"{interface}.{member}")
            if answer.kind == messages.SIGNAL:
                self._signals.append(answer)
            elif answer.reply_serial == serial and answer.kind == messages.METHOD_RETURN:
                return tuple(answer.values)
            elif answer.reply_serial == serial and answer.kind == messages.ERROR:
                text = answer.values[0] if answer.values and isinstance(answer.values[0], str) else ""
                raise MethodError(f"call {interface}.{member}", answer.error_name or "", text)

    def send_message(self, message: Message) -> None:
        """Write one message.

        Raises:
            ConnectionFailedError: the connection broke.
            SerializeError: a value does not fit its type.
        """
        data = messages.encode(message)
        self._socket.settimeout(self.timeout_s)
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise _broken(self.address, error) from error

    def add_match(self, rule: str) -> None:
        """Ask the bus for the signals that match; a direct peer sends all of its own unasked."""
        if self.is_bus:
            self.call(BUS_NAME, BUS_PATH, BUS_NAME, "AddMatch", "s", (rule,))

    def wait_for_signal(self, interface: str, member: str, deadline: float) -> Message:
        """Return the next signal of this name, received before or from now on; others are dropped.

        Args:
            interface: of the signal.
            member: its name.
            deadline: on the clock of ``time.monotonic``.

        Raises:
            ConnectionFailedError: it did not come, or the connection broke.
        """
        while True:
            signal = self._signals.pop(0) if self._signals else self._receive(deadline, f"{interface}.{member}")
            if signal.kind == messages.SIGNAL and (signal.interface, signal.member) == (interface, member):
                return signal

    def _receive(self, deadline: float, purpose: str) -> Message:
        preamble = messages.decode_preamble(self._read(messages.PREAMBLE_BYTES, deadline, purpose, keep=True))
        return messages.decode(self._read(messages.PREAMBLE_BYTES + preamble.rest_bytes, deadline, purpose))

    def _read(self, size: int, deadline: float, purpose: str, *, keep: bool = False) -> bytes:
        """Return the next ``size`` bytes, and leave them in the buffer if ``keep``."""
        while len(self._buffer) < size:
            left = deadline - time.monotonic()
            if left <= 0:
                raise ConnectionFailedError(f"wait for {purpose} on {self.address}: timed out")
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                continue
            except OSError as error:
                raise _broken(self.address, error) from error
            if not data:
                raise ConnectionFailedError(f"wait for {purpose} on {self.address}: the connection was closed")
            self._buffer += data
        data = bytes(self._buffer[:size])
        if not keep:
            del self._buffer[:size]
        return data


def _broken(address: str, error: OSError) -> ConnectionFailedError:
    return ConnectionFailedError(f"talk to {address}: {error.strerror or error}", errno=error.errno)


def escape_address(value: str) -> str:
    """Write a value so that it can be part of a D-Bus address."""
    plain = b"-_/.\\*"
    return "".join(
        chr(byte) if byte in plain or (chr(byte).isascii() and chr(byte).isalnum()) else f"%{byte:02x}"
        for byte in os.fsencode(value)
    )


def parse_address(address: str) -> list[bytes]:
    """Return the socket names of a D-Bus address; an abstract one begins with NUL.

    Addresses of transports other than ``unix`` are left out, since systemd is never behind one.

    Raises:
        SerializeError: not an address.
    """
    names = []
    for entry in filter(None, address.split(";")):
        transport, colon, rest = entry.partition(":")
        if not colon:
            raise SerializeError(f"d-bus address {address!r}: no transport in {entry!r}")
        values = dict(pair.partition("=")[::2] for pair in rest.split(",") if pair)
        if transport == "unix" and "path" in values:
            names.append(_unescape(values["path"]))
        elif transport == "unix" and "abstract" in values:
            names.append(b"\0" + _unescape(values["abstract"]))
    return names


def _unescape(value: str) -> bytes:
    head, *escapes = value.split("%")
    out = os.fsencode(head)
    for escape in escapes:
        try:
            out += bytes.fromhex(escape[:2]) + os.fsencode(escape[2:])
        except ValueError as error:
            raise SerializeError(f"d-bus address: escape %{escape[:2]} in {value!r} is not valid") from error
    return out


def _open(address: str, timeout_s: float) -> tuple[_socket.socket, bytes]:
    """Connect and prove by the socket's credentials who we are: SASL mechanism EXTERNAL.

    First without naming a user id: inside a user namespace ours is not the one that the bus sees, and a wrong one is
    rejected. Peers that know only the other way get a second connection.

    BEGIN is sent at once, before the answer: systemd does not look at a message that it reads together with it.

    Returns:
        The socket, and what the peer has sent of its first message.
    """
    uid = str(os.geteuid()).encode().hex().encode()
    answer = b""
    for offer in (b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n", b"\0AUTH EXTERNAL " + uid + b"\r\nBEGIN\r\n"):
        connection = _connect(address, timeout_s)
        try:
            connection.sendall(offer)
            answer, rest = _read_verdict(connection)
        except OSError as error:
            connection.close()
            raise _broken(address, error) from error
        if answer.startswith(b"OK"):
            return connection, rest
        connection.close()
    raise AuthenticationError(
        f"authenticate to {address} as uid {os.geteuid()}: answer {answer.decode(errors='replace')!r}",
        hint="the bus must accept EXTERNAL authentication for this user",
    )


def _read_verdict(connection: _socket.socket) -> tuple[bytes, bytes]:
    """Read lines up to the one that accepts or rejects us; return it, empty at the end, and what follows."""
    data = b""
    while len(data) <= _MAX_LINE_BYTES:
        line, end, rest = data.partition(b"\r\n")
        if not end:
            piece = connection.recv(_MAX_LINE_BYTES)
            if not piece:
                break
            data += piece
        elif line.startswith(b"DATA"):
            data = rest
        else:
            return line, rest
    return b"", b""


def _connect(address: str, timeout_s: float) -> _socket.socket:
    failure: OSError | None = None
    for name in parse_address(address):
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        connection.settimeout(timeout_s)
        try:
            connection.connect(name)
        except OSError as error:
            connection.close()
            failure = error
            continue
        return connection
    reason = (failure.strerror or str(failure)).lower() if failure else "no usable unix socket in it"
    raise ConnectionFailedError(
        f"connect to {address}: {reason}",
        errno=failure.errno if failure else None,
        hint="is dbus running? without systemd use the cgroupfs driver (no --systemd-cgroup)",
    ) from failure
