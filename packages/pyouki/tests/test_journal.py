"""Records for journald and syslog, read back from sockets of our own."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libcontainer.errors import LibcontainerError
from pyouki import journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(5)
        listening.bind(str(tmp_path / "s"))
        yield listening


def fields(datagram: bytes) -> dict[str, str]:
    """Read the native protocol, written apart from the code under test."""
    found = {}
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            length = int.from_bytes(rest[:8], "little")
            value, rest = rest[8 : 8 + length], rest[8 + length + 1 :]
        found[name.decode()] = value.decode()
        datagram = rest
    return found


def test_journal_gets_message_priority_identifier_and_details(listener: socket.socket) -> None:
    with contextlib.closing(journal.Journal("web", listener.getsockname())) as log:
        log.write(40, "no such file", {"code": "x", "hint": "look\nhere"})

    assert fields(listener.recv(65536)) == {
        "MESSAGE": "no such file",
        "PRIORITY": "3",
        "SYSLOG_IDENTIFIER": "web",
        "SYSLOG_PID": str(os.getpid()),
        "PYOUKI_CODE": "x",
        "PYOUKI_HINT": "look\nhere",
    }


def test_journal_entry_too_large_for_a_datagram_comes_as_a_file(listener: socket.socket) -> None:
    text = "x" * 4_000_000

    with contextlib.closing(journal.Journal("web", listener.getsockname())) as log:
        log.write(20, text, {})

    _, (descriptor,), _, _ = socket.recv_fds(listener, 16, 1)
    with open(descriptor, "rb") as file:
        file.seek(0)
        assert fields(file.read())["MESSAGE"] == text


def test_syslog_gets_one_line(listener: socket.socket) -> None:
    with contextlib.closing(journal.Syslog("web", listener.getsockname())) as log:
        log.write(30, "first\nsecond", {"hint": "look here"})

    line = listener.recv(65536).decode()

    assert line.startswith("<12>")
    assert line.endswith(f" web[{os.getpid()}]: first second (hint: look here)")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (journal.Journal, r"^log to journald: connect to /no/socket: no such file or directory$"),
        (journal.Syslog, r"^log to syslog: connect to /no/socket: no such file or directory$"),
    ],
)
def test_nobody_there_is_an_error_with_a_remedy(kind: type[journal.Journal], message: str) -> None:
    with pytest.raises(LibcontainerError, match=message) as caught:
        kind("web", "/no/socket")

    assert caught.value.hint


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_the_native_protocol(text: str) -> None:
    assert fields(journal._field("MESSAGE", text)) == {"MESSAGE": text}
