"""Stream sockets of clients at paths of any length, and descriptors sent over them, unix(7); not what is said there."""

from __future__ import annotations

import os
import sys

try:
    import _socket
except ImportError:  # another interpreter than CPython
    import socket as _socket  # type: ignore[no-redef]

_SUN_PATH_SIZE = 108


def connect(path: str) -> _socket.socket:
    """Connect to the stream socket that somebody listens on.

    Raises:
        OSError: nobody listens, or the path is not a socket.
    """
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        if len(os.fsencode(path)) < _SUN_PATH_SIZE:
            connection.connect(path)
        else:
            # sun_path holds 107 bytes; the name of a descriptor is shorter than any path.
            path_fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                connection.connect(f"/proc/self/fd/{path_fd}")
            finally:
                os.close(path_fd)
    except BaseException:
        connection.close()
        raise
    return connection


def send_to(path: str, data: bytes, fd: int) -> None:
    """Send a text with a descriptor to whoever listens on the stream socket, and hang up.

    Raises:
        OSError: nobody listens, or it hung up first.
    """
    connection = connect(path)
    try:
        send(connection, data, fd)
    finally:
        connection.close()


def send(connection: _socket.socket, data: bytes, fd: int) -> None:
    """Send a text that is not empty, with a descriptor beside its first byte.

    Raises:
        OSError: the other end hung up.
    """
    rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, fd.to_bytes(4, sys.byteorder))
    sent = connection.sendmsg([data], [rights], _socket.MSG_NOSIGNAL)
    if sent < len(data):
        # Not when nothing is left: sending nothing is a call too, and conmon hangs up as soon as it has the descriptor.
        connection.sendall(data[sent:], _socket.MSG_NOSIGNAL)
