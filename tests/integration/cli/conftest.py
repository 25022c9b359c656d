"""What the tests of the command line share: runc to compare with, and the receiving end of a descriptor's socket."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from tests.support import host
from tests.support import runtime as runtimes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.guard import Guard
    from tests.support.runtime import Runtime


@pytest.fixture
def runc(work: str, guard: Guard) -> Iterator[Runtime]:
    """The runc that is installed; its containers are deleted afterwards."""
    host.require("runc")
    os.mkdir(os.path.join(work, "runc"))
    oracle = runtimes.Runtime(runtimes.find("runc"), os.path.join(work, "runc"))
    guard.watch(oracle)
    yield oracle
    for name in oracle.ids():
        oracle("delete", "--force", name).succeed()


class DescriptorSocket:
    """A listening socket that is sent one descriptor, as --pidfd-socket and --console-socket are."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        self._listener.settimeout(5)
        self._received: list[int] = []

    def receive(self) -> tuple[str, int]:
        """Return the text that came and the one descriptor that came with it."""
        connection, _ = self._listener.accept()
        with connection:
            text, descriptors, _, _ = socket.recv_fds(connection, 4096, 8)
        self._received += descriptors
        assert len(descriptors) == 1
        return text.decode(), descriptors[0]

    def close(self) -> None:
        """Close all."""
        self._listener.close()
        for descriptor in self._received:
            os.close(descriptor)


@pytest.fixture
def descriptor_socket(work: str) -> Iterator[DescriptorSocket]:
    """A listening socket."""
    opened = DescriptorSocket(os.path.join(work, "s"))
    yield opened
    opened.close()
