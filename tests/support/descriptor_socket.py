"""The listening end of a socket over which a runtime sends a descriptor: of --console-socket, --pidfd-socket."""

from __future__ import annotations

import os
import socket


class DescriptorSocket:
    """A listening stream socket; what comes over it is closed with it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        self._listener.settimeout(5)
        self._received: list[int] = []

    def receive(self) -> tuple[str, int]:
        """Accept a connection and return the text of one message and the one descriptor that came with it."""
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
