"""Unary gRPC calls over a Unix socket with curl and a dozen lines of Protocol Buffers; no client library is needed.

A message is a dict from field numbers to values; the numbers are those of the CRI's api.proto, runtime.v1.
"""

from __future__ import annotations

import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Union
from urllib.parse import unquote

Value = Union[int, str, bytes, "Message", list["Value"]]
Message = dict[int, Value]
Decoded = dict[int, list["int | bytes"]]

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


class RpcError(Exception):
    """The server answered with a status other than OK; the text is its message."""


def call(socket: str, method: str, message: Message, service: str = "RuntimeService") -> Decoded:
    """Call a method of the CRI.

    Args:
        socket: path of containerd's socket.
        method: such as ``RunPodSandbox``.
        message: the request.
        service: ``RuntimeService`` or ``ImageService``.

    Raises:
        RpcError: the server refused.
    """
    body = encode(message)
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        (directory / "request").write_bytes(b"\0" + struct.pack(">I", len(body)) + body)
        subprocess.run(
            [
                *("curl", "--silent", "--max-time", "60", "--http2-prior-knowledge", "--unix-socket", socket),
                *("--header", "content-type: application/grpc", "--header", "te: trailers"),
                *("--data-binary", f"@{directory}/request", "--dump-header", f"{directory}/headers"),
                *("--output", f"{directory}/answer", f"http://localhost/runtime.v1.{service}/{method}"),
            ],
            check=True,
        )
        headers: dict[str, str] = {}
        for line in (directory / "headers").read_text(errors="replace").splitlines():
            name, _, content = line.partition(":")
            headers[name.lower()] = content.strip()
        if headers.get("grpc-status") != "0":
            raise RpcError(unquote(headers.get("grpc-message", f"no grpc-status in {headers}")))
        return decode((directory / "answer").read_bytes()[5:])


def encode(message: Message) -> bytes:
    """Write a message in the wire format."""
    return b"".join(
        _encode_field(field, one)
        for field, value in message.items()
        for one in (value if isinstance(value, list) else [value])
    )


def _encode_field(field: int, value: Value) -> bytes:
    if isinstance(value, int):
        return _varint(field << 3 | _VARINT) + _varint(int(value))
    if isinstance(value, dict):
        content = encode(value)
    elif isinstance(value, str):
        content = value.encode()
    else:
        assert isinstance(value, bytes)
        content = value
    return _varint(field << 3 | _LENGTH) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def decode(data: bytes) -> Decoded:
    """Read a message: for each field the list of its values, numbers or bytes."""
    message: Decoded = {}
    position = 0
    while position < len(data):
        key, position = _read_varint(data, position)
        value: int | bytes
        if key & 7 == _VARINT:
            value, position = _read_varint(data, position)
        else:
            if key & 7 == _LENGTH:
                length, position = _read_varint(data, position)
            else:
                length = {_FIXED64: 8, _FIXED32: 4}[key & 7]
            value = data[position : position + length]
            position += length
        message.setdefault(key >> 3, []).append(value)
    return message


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7


def inner(message: Decoded, field: int) -> Decoded:
    """Return a message inside a message; an empty one if it is absent."""
    value = message.get(field, [b""])[0]
    assert isinstance(value, bytes)
    return decode(value)


def text(message: Decoded, field: int) -> str:
    """Return a field of text; "" if it is absent."""
    value = message.get(field, [b""])[0]
    assert isinstance(value, bytes)
    return value.decode()


def number(message: Decoded, field: int) -> int:
    """Return a number; 0 if it is absent."""
    value = message.get(field, [0])[0]
    assert isinstance(value, int)
    return value
