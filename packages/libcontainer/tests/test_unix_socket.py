"""Sockets of clients: long paths, and descriptors that arrive whole."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from libcontainer import unix_socket

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    """Bound to ``tmp_path/s`` and listening."""
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(f"{tmp_path}/s")
        bound.listen()
        yield bound


def _received(listener: socket.socket) -> tuple[bytes, list[int]]:
    connection, _ = listener.accept()
    with connection:
        data, fds, _, _ = socket.recv_fds(connection, 1024, 4)
    return data, fds


def test_a_descriptor_arrives_with_its_text(listener: socket.socket, tmp_path: Path) -> None:
    reader, writer = os.pipe()

    with closing(unix_socket.connect(f"{tmp_path}/s")) as connection:
        unix_socket.send(connection, b"a pipe", writer)
    data, (received,) = _received(listener)

    os.write(received, b"through")
    assert (data, os.read(reader, 100)) == (b"a pipe", b"through")
    for fd in (reader, writer, received):
        os.close(fd)


def test_a_path_longer_than_an_address_is_connected_to(listener: socket.socket, tmp_path: Path) -> None:
    long = tmp_path / ("d" * 120)
    long.mkdir()
    (tmp_path / "s").rename(long / "s")

    with closing(unix_socket.connect(f"{long}/s")) as connection:
        unix_socket.send(connection, b"x", 0)
    data, fds = _received(listener)

    assert data == b"x"
    for fd in fds:
        os.close(fd)


def test_a_socket_that_nobody_listens_on_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        unix_socket.connect(f"{tmp_path}/absent")


def test_a_long_text_arrives_whole() -> None:
    ours, its = socket.socketpair()
    text = b"x" * 100_000

    with ours, its:
        its.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        unix_socket.send(ours, text, 0)
        ours.shutdown(socket.SHUT_WR)
        first, fds, _, _ = socket.recv_fds(its, 1024, 1)
        rest = b"".join(iter(lambda: its.recv(1 << 16), b""))

    assert first + rest == text
    for fd in fds:
        os.close(fd)


def test_an_end_that_hung_up_is_an_error() -> None:
    ours, its = socket.socketpair()
    its.close()

    with ours, pytest.raises(BrokenPipeError):
        unix_socket.send(ours, b"x", 0)


class _HangsUp(socket.socket):
    """A connection whose other end is closed as soon as it has the descriptor, as conmon does it."""

    def __init__(self) -> None:
        ours, self.client = socket.socketpair()
        super().__init__(fileno=ours.detach())

    def sendmsg(self, *arguments: Any) -> int:
        """Send, then lose the client."""
        sent = super().sendmsg(*arguments)
        self.client.close()
        return sent


def test_a_client_may_hang_up_once_it_has_the_descriptor() -> None:
    reader, writer = os.pipe()

    with _HangsUp() as connection:
        unix_socket.send(connection, b"a pipe", writer)

    os.close(reader)
    os.close(writer)
