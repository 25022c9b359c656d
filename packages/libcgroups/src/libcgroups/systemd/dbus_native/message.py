"""D-Bus messages: header and body as bytes and back ("Message Protocol" of the specification); not their transport."""

from __future__ import annotations

import struct

from libcgroups.record import Record
from libcgroups.systemd.dbus_native.errors import SerializeError
from libcgroups.systemd.dbus_native.serialize import Reader, Variant, deserialize, serialize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

METHOD_CALL = 1
METHOD_RETURN = 2
ERROR = 3
SIGNAL = 4

NO_REPLY_EXPECTED = 0x1
NO_AUTO_START = 0x2
ALLOW_INTERACTIVE_AUTHORIZATION = 0x4

PROTOCOL_VERSION = 1
#: Endianness, type, flags, version, body length, serial, length of the fields.
PREAMBLE_BYTES = 16
MAX_MESSAGE_BYTES = 128 << 20

# Header fields by their code: the attribute of Message and the signature.
_FIELDS = {
    1: ("path", "o"),
    2: ("interface", "s"),
    3: ("member", "s"),
    4: ("error_name", "s"),
    5: ("reply_serial", "u"),
    6: ("destination", "s"),
    7: ("sender", "s"),
    8: ("signature", "g"),
    9: ("unix_fds", "u"),
}


class Message(Record):
    """One message; the fields that do not apply to its type are None.

    ``values`` are the arguments, one for each complete type of ``signature``.
    """

    kind: int
    serial: int
    path: str | None = None
    interface: str | None = None
    member: str | None = None
    error_name: str | None = None
    reply_serial: int | None = None
    destination: str | None = None
    sender: str | None = None
    signature: str = ""
    values: Sequence[object] = ()
    flags: int = 0


class Preamble(Record):
    """The fixed begin of a message, from which its size is known."""

    endian: str
    kind: int
    flags: int
    body_bytes: int
    serial: int
    fields_bytes: int

    @property
    def rest_bytes(self) -> int:
        """How much of the message follows the preamble."""
        return self.fields_bytes + -self.fields_bytes % 8 + self.body_bytes


def method_call(
    serial: int,
    destination: str | None,
    path: str,
    interface: str,
    member: str,
    signature: str = "",
    values: Sequence[object] = (),
) -> Message:
    """Return the message that calls a method; ``serial`` is any number but 0 that the caller has not used yet."""
    return Message(
        METHOD_CALL,
        serial,
        path=path,
        interface=interface,
        member=member,
        destination=destination,
        signature=signature,
        values=values,
    )


def encode(message: Message) -> bytes:
    """Return the message as bytes, little-endian.

    Raises:
        SerializeError: a value does not fit its type, or the message is too long.
    """
    body = serialize(message.signature, message.values)
    fields = [
        (code, Variant(signature, value))
        for code, (name, signature) in _FIELDS.items()
        if name != "unix_fds" and (value := getattr(message, name)) not in (None, "")
    ]
    head = serialize(
        "yyyyuua(yv)",
        (ord("l"), message.kind, message.flags, PROTOCOL_VERSION, len(body), message.serial, fields),
    )
    data = head + bytes(-len(head) % 8) + body
    if len(data) > MAX_MESSAGE_BYTES:
        raise SerializeError(f"d-bus message of {len(data)} bytes: longer than {MAX_MESSAGE_BYTES}")
    return data


def decode_preamble(data: bytes) -> Preamble:
    """Read the first PREAMBLE_BYTES of a message.

    Raises:
        SerializeError: not the begin of a message.
    """
    endian = {b"l": "<", b"B": ">"}.get(data[:1])
    if endian is None or len(data) != PREAMBLE_BYTES:
        raise SerializeError(f"d-bus message: begins with {data[:4]!r}")
    _, kind, flags, version, body_bytes, serial, fields_bytes = struct.unpack(endian + "4B3I", data)
    if version != PROTOCOL_VERSION:
        raise SerializeError(f"d-bus message: protocol version {version}, expected {PROTOCOL_VERSION}")
    preamble = Preamble(endian, kind, flags, body_bytes, serial, fields_bytes)
    if PREAMBLE_BYTES + preamble.rest_bytes > MAX_MESSAGE_BYTES:
        raise SerializeError(f"d-bus message: longer than {MAX_MESSAGE_BYTES} bytes")
    return preamble


def decode(data: bytes) -> Message:
    """Read one whole message.

    Raises:
        SerializeError: not a message, or not all of it.
    """
    preamble = decode_preamble(data[:PREAMBLE_BYTES])
    if len(data) != PREAMBLE_BYTES + preamble.rest_bytes:
        raise SerializeError(f"d-bus message: {len(data)} bytes, expected {PREAMBLE_BYTES + preamble.rest_bytes}")
    reader = Reader(data, preamble.endian, PREAMBLE_BYTES - 4)
    entries = reader.read("a(yv)")
    reader.align(8)
    named: dict[str, object] = {}
    for code, variant in entries if isinstance(entries, list) else ():
        name, signature = _FIELDS.get(code, ("", ""))  # fields of a later protocol are to be ignored
        if name and variant.signature != signature:
            raise SerializeError(f"d-bus message: field {name} is {variant.signature!r}, expected {signature!r}")
        if name and name != "unix_fds":
            named[name] = variant.value
    signature = str(named.pop("signature", ""))
    values = deserialize(signature, data[reader.position :], preamble.endian)
    # The checks above made each value what its attribute is; a checker cannot follow that.
    return Message(
        preamble.kind,
        preamble.serial,
        signature=signature,
        values=values,
        flags=preamble.flags,
        **named,  # type: ignore[arg-type]
    )
