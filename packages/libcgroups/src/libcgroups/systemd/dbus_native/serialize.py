"""Values of the D-Bus type system as bytes and back; not messages, that is ``message``.

A value is written by its signature, as in the D-Bus specification ("Type System", "Marshaling (Wire Format)")::

    serialize("sa(sv)", ("name.scope", [("Delegate", Variant("b", True))]))

=========  ==========================================
signature  Python value
=========  ==========================================
y          int, 0 to 255
b          bool
n q i u    int, 16 and 32 bits
x t        int, 64 bits
d          float
s o g      str
h          int, the index of a passed descriptor
v          Variant
aX         list of X; ``ay`` gives and also takes bytes
(XY)       tuple
a{XY}      dict
=========  ==========================================
"""

from __future__ import annotations

import struct

from libcgroups.record import Record
from libcgroups.systemd.dbus_native.errors import SerializeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    #: What a D-Bus value is in Python; ``object`` inside containers, since the signature says more than a type could.
    Value = object

#: Limits of the specification; a peer that breaks them is not talked to.
MAX_ARRAY_BYTES = 64 << 20
MAX_DEPTH = 64
MAX_SIGNATURE_BYTES = 255

_FIXED = {
    "y": ("B", 1),
    "n": ("h", 2),
    "q": ("H", 2),
    "i": ("i", 4),
    "u": ("I", 4),
    "x": ("q", 8),
    "t": ("Q", 8),
    "d": ("d", 8),
    "h": ("I", 4),
}
_ALIGNMENT = {"b": 4, "s": 4, "o": 4, "g": 1, "v": 1, "a": 4, "(": 8, "{": 8} | {
    code: size for code, (_, size) in _FIXED.items()
}


class Variant(Record):
    """A value that carries its type: signature ``v``.

    ``signature`` is one complete type.
    """

    signature: str
    value: Value


def split_signature(signature: str) -> list[str]:
    """Return the complete types of a signature, ``"sa(sv)u"`` → ``["s", "a(sv)", "u"]``.

    Raises:
        SerializeError: not a signature.
    """
    if len(signature) > MAX_SIGNATURE_BYTES:
        raise SerializeError(f"d-bus signature of {len(signature)} bytes: longer than {MAX_SIGNATURE_BYTES}")
    types, position = [], 0
    while position < len(signature):
        end = _end_of_type(signature, position, 0)
        types.append(signature[position:end])
        position = end
    return types


def _end_of_type(signature: str, position: int, depth: int) -> int:
    """Return where the complete type that begins at ``position`` ends."""
    code = signature[position : position + 1]
    if depth > MAX_DEPTH:
        _bad_signature(signature)
    if code == "a":
        if signature[position + 1 : position + 2] != "{":
            return _end_of_type(signature, position + 1, depth + 1)
        key = signature[position + 2 : position + 3]
        if (key not in _FIXED and key not in ("b", "s", "o", "g")) or key == "":
            _bad_signature(signature)
        end = _end_of_type(signature, position + 3, depth + 1)
        if signature[end : end + 1] != "}":
            _bad_signature(signature)
        return end + 1
    if code == "(":
        end = position + 1
        while signature[end : end + 1] != ")":
            end = _end_of_type(signature, end, depth + 1)
        if end == position + 1:
            _bad_signature(signature)
        return end + 1
    if code == "" or code not in _ALIGNMENT or code == "{":
        _bad_signature(signature)
    return position + 1


def _bad_signature(signature: str) -> NoReturn:
    raise SerializeError(f"d-bus signature {signature!r}: not valid")


def serialize(signature: str, values: Sequence[Value]) -> bytes:
    """Write values one after the other, little-endian, the first at offset 0.

    Args:
        signature: the types of all values.
        values: one for each complete type.

    Raises:
        SerializeError: a value does not fit its type.
    """
    types = split_signature(signature)
    if len(types) != len(values):
        raise SerializeError(f"d-bus signature {signature!r}: {len(types)} values expected, got {len(values)}")
    out = bytearray()
    for code, value in zip(types, values, strict=True):
        try:
            _write(out, code, value)
        except (struct.error, TypeError, AttributeError, UnicodeEncodeError, OverflowError) as error:
            raise SerializeError(f"d-bus value {value!r}: does not fit signature {code!r}") from error
    return bytes(out)


def _pad(out: bytearray, alignment: int) -> None:
    out += bytes(-len(out) % alignment)


def _write(out: bytearray, signature: str, value: Value) -> None:
    """Append one value of one complete type."""
    code = signature[0]
    _pad(out, _ALIGNMENT[code])
    if code in _FIXED:
        if isinstance(value, bool):
            raise TypeError("a number was expected, not a truth value")
        out += struct.pack("<" + _FIXED[code][0], value)
    elif code == "b":
        if not isinstance(value, bool):
            raise TypeError("a truth value was expected")
        out += struct.pack("<I", value)
    elif code in "sog":
        _write_text(out, code, value)
    elif code == "v":
        if not isinstance(value, Variant) or len(split_signature(value.signature)) != 1:
            raise TypeError("a variant of one complete type was expected")
        _write_text(out, "g", value.signature)
        _write(out, value.signature, value.value)
    elif code == "a":
        _write_array(out, signature[1:], value)
    else:
        types = split_signature(signature[1:-1])
        if not isinstance(value, tuple) or len(value) != len(types):
            raise TypeError(f"a tuple of {len(types)} was expected")
        for member, item in zip(types, value, strict=True):
            _write(out, member, item)


def _write_text(out: bytearray, code: str, value: Value) -> None:
    if not isinstance(value, str) or "\0" in value:
        raise TypeError("a string without NUL was expected")
    data = value.encode()
    if code == "g":
        split_signature(value)
        out.append(len(data))
    else:
        if code == "o" and not is_object_path(value):
            raise TypeError("an object path was expected")
        out += struct.pack("<I", len(data))
    out += data + b"\0"


def is_object_path(path: str) -> bool:
    """Tell whether a string is an object path: ``/``, or elements of letters, digits and underscores after slashes."""
    if path == "/":
        return True
    head, *elements = path.split("/")
    return head == "" and bool(elements) and all(e.isascii() and e.replace("_", "a").isalnum() for e in elements)


def _write_array(out: bytearray, element: str, value: Value) -> None:
    length_at = len(out)
    out += b"\0\0\0\0"
    _pad(out, _ALIGNMENT[element[0]])
    begin = len(out)
    if element[0] == "{":
        if not isinstance(value, dict):
            raise TypeError("a dict was expected")
        key_type, value_type = element[1], element[2:-1]
        for key, item in value.items():
            _pad(out, 8)
            _write(out, key_type, key)
            _write(out, value_type, item)
    elif element == "y" and isinstance(value, (bytes, bytearray)):
        out += value
    elif isinstance(value, (list, tuple)):
        for item in value:
            _write(out, element, item)
    else:
        raise TypeError("a list was expected")
    if len(out) - begin > MAX_ARRAY_BYTES:
        raise OverflowError("array too long")
    struct.pack_into("<I", out, length_at, len(out) - begin)


def deserialize(signature: str, data: bytes, endian: str = "<") -> tuple[Value, ...]:
    """Read back what ``serialize`` wrote.

    Args:
        signature: the types of all values.
        data: the bytes, the first value at offset 0; nothing may be left over.
        endian: ``<`` or ``>``, as the ``struct`` module has it.

    Raises:
        SerializeError: the bytes are not such values.
    """
    reader = Reader(data, endian)
    values = tuple(reader.read(code) for code in split_signature(signature))
    if reader.position != len(data):
        raise SerializeError(f"d-bus data for {signature!r}: {len(data) - reader.position} bytes too long")
    return values


class Reader:
    """Reads values off a byte string, alignment counted from its begin."""

    def __init__(self, data: bytes, endian: str = "<", position: int = 0) -> None:
        self.data = data
        self.endian = endian
        self.position = position

    def read(self, signature: str, depth: int = 0) -> Value:
        """Read one value of one complete type.

        Raises:
            SerializeError: the bytes end too early or are not such a value.
        """
        code = signature[0]
        if depth > MAX_DEPTH:
            raise SerializeError(f"d-bus data: nested deeper than {MAX_DEPTH}")
        self.align(_ALIGNMENT[code])
        if code in _FIXED:
            return self._number(*_FIXED[code])
        if code == "b":
            number = self._number("I", 4)
            if number not in (0, 1):
                raise SerializeError(f"d-bus data: truth value {number}")
            return number == 1
        if code in "so":
            return self._text(self.read_length())
        if code == "g":
            return self._text(self._take(1)[0])
        if code == "v":
            inner = self._text(self._take(1)[0])
            if len(split_signature(inner)) != 1:
                raise SerializeError(f"d-bus data: variant of signature {inner!r}")
            return Variant(inner, self.read(inner, depth + 1))
        if code == "a":
            return self._array(signature[1:], depth + 1)
        return tuple(self.read(member, depth + 1) for member in split_signature(signature[1:-1]))

    def align(self, alignment: int) -> None:
        """Skip the padding before a value; it must be zero."""
        padding = self._take(-self.position % alignment)
        if padding.strip(b"\0"):
            raise SerializeError("d-bus data: padding is not zero")

    def read_length(self) -> int:
        """Read an aligned 32-bit length."""
        length = self._number("I", 4)
        if not isinstance(length, int) or length > MAX_ARRAY_BYTES:
            raise SerializeError(f"d-bus data: length {length} is more than {MAX_ARRAY_BYTES}")
        return length

    def _take(self, size: int) -> bytes:
        piece = self.data[self.position : self.position + size]
        if len(piece) != size:
            raise SerializeError("d-bus data: ends too early")
        self.position += size
        return piece

    def _number(self, form: str, size: int) -> int | float:
        number: int | float = struct.unpack(self.endian + form, self._take(size))[0]
        return number

    def _text(self, size: int) -> str:
        data = self._take(size + 1)
        if data[-1] or b"\0" in data[:-1]:
            raise SerializeError("d-bus data: string with NUL inside or none at its end")
        try:
            return data[:-1].decode()
        except UnicodeDecodeError as error:
            raise SerializeError("d-bus data: string is not UTF-8") from error

    def _array(self, element: str, depth: int) -> Value:
        size = self.read_length()
        self.align(_ALIGNMENT[element[0]])
        end = self.position + size
        if end > len(self.data):
            raise SerializeError("d-bus data: ends too early")
        if element == "y":
            return self._take(size)
        pairs: dict[Value, Value] = {}
        items: list[Value] = []
        while self.position < end:
            if element[0] == "{":
                self.align(8)
                key = self.read(element[1], depth + 1)
                pairs[key] = self.read(element[2:-1], depth + 1)
            else:
                items.append(self.read(element, depth))
        if self.position != end:
            raise SerializeError("d-bus data: array is longer than its length")
        return pairs if element[0] == "{" else items
