"""CRIU's messages: written, read back, and read when they are garbage; a CRIU of our own that answers."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libcontainer.criu import rpc
from libcontainer.errors import LibcontainerError

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = st.integers(1, 2**20)
NUMBERS = st.integers(0, 2**64 - 1)

# Answers each request by hand: a notification first, whose acknowledgement it wants to see.
FAKE = f"""#!{sys.executable} -S
import socket, sys
peer = socket.socket(fileno=int(sys.argv[2]))
peer.recv(65536)
peer.send(bytes.fromhex("0806 1001 2a0b 0a07 7072 652d 6475 6d10 2a".replace(" ", "")))
assert peer.recv(65536) == bytes.fromhex("08061801"), "acknowledgement"
peer.send(bytes.fromhex({{answer!r}}))
"""


def fake(tmp_path: Path, answer: str) -> str:
    path = tmp_path / "criu"
    path.write_text(FAKE.format(answer=answer.replace(" ", "")))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@given(st.dictionaries(FIELDS, st.one_of(NUMBERS, st.binary(max_size=300))))
def test_what_is_written_is_read_back(fields: dict[int, int | bytes]) -> None:
    assert rpc.decode(rpc.encode(list(fields.items()))) == fields


@given(st.binary(max_size=60))
def test_garbage_is_refused_or_read_but_never_crashes(data: bytes) -> None:
    with contextlib.suppress(rpc.Refused):
        rpc.decode(data)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ([(1, 150)], "08 96 01"),
        ([(2, "testing")], "12 07 74 65 73 74 69 6e 67"),
        ([(3, [(1, 150)])], "1a 03 08 96 01"),
        ([(1, True), (2, False)], "08 01 10 00"),
        ([(1, -1)], "08 ff ff ff ff ff ff ff ff ff 01"),
    ],
    ids=["varint", "string", "embedded message", "booleans", "negative"],
)
def test_messages_are_written_as_protocol_buffers_say(message: rpc.Message, expected: str) -> None:
    assert rpc.encode(message).hex(" ") == expected


def test_notifications_are_told_and_acknowledged(tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []
    worker = rpc.Worker(fake(tmp_path, "0802 1001 2202 082a"))

    answer = worker.request(rpc.RESTORE, [], lambda name, pid, _: told.append((name, pid)))
    worker.close()

    assert told == [("pre-dum", 42)]
    assert answer == rpc.Answer(pid=42)


def test_refusal_brings_criu_s_own_words(tmp_path: Path) -> None:
    worker = rpc.Worker(fake(tmp_path, "0801 1000 4a02 6e6f"))

    with pytest.raises(rpc.Refused, match=r"^no$"):
        worker.request(rpc.DUMP, [])

    worker.close()


def test_criu_that_dies_is_noticed() -> None:
    worker = rpc.Worker("/bin/true")

    with pytest.raises(rpc.Refused, match=r"^it has ended"):
        worker.version()

    worker.close()


def test_program_that_cannot_be_executed_is_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "criu")

    with pytest.raises(LibcontainerError, match=rf"^execute {missing}: .*No such file or directory"):
        rpc.Worker(missing)


def test_descriptors_are_inherited_under_their_numbers(tmp_path: Path) -> None:
    script = tmp_path / "criu"
    reader, writer = os.pipe()
    script.write_text(f"#!/bin/sh\necho inherited > /proc/self/fd/{writer}\n")
    script.chmod(0o755)

    rpc.Worker(str(script), [writer]).close()
    os.close(writer)

    with open(reader, encoding="ascii") as told:
        assert told.read() == "inherited\n"
