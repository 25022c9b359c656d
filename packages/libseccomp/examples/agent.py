#!/usr/bin/env python3
"""A seccomp agent: answers the system calls that containers send to it; a sample to start from, not a policy.

Usage: agent.py SOCKET

An OCI runtime connects to SOCKET (``linux.seccomp.listenerPath``), sends the container process state as JSON with the
listener's descriptor, and hangs up. Each listener is served by a thread until its container has no process left:

- ``mkdir`` and ``mkdirat`` of a path below /forbidden fail with EACCES, others are made;
- ``openat`` of /etc/motd, if its rule asks, yields a file that exists in no file system, whatever the metadata says;
- everything else goes on as if it had not been asked for.

The first is advice and no protection: the container may change the path after we have read it, seccomp_unotify(2).
Only an answer that does not need the call to be made, as the second, can be relied on.
"""

from __future__ import annotations

import errno
import json
import os
import select
import socket
import sys
import threading
from typing import Any

from libseccomp import Listener, Notification, SeccompError, syscall_name

_PATH_MAX = 4096
# Which argument of a call is the path.
_PATH_ARGUMENT = {"mkdir": 0, "mkdirat": 1, "openat": 1}


def main(address: str) -> None:
    """Serve every runtime that connects."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(address)
        server.listen()
        print(f"listening on {address}", flush=True)
        while True:
            connection, _ = server.accept()
            with connection:
                state, fds = receive(connection)
            for name, fd in zip(state["fds"], fds, strict=True):
                if name == "seccompFd":
                    threading.Thread(target=serve, args=(Listener(fd), state), daemon=True).start()
                else:
                    os.close(fd)


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Read the container process state and its descriptors, which come with the first bytes."""
    data, fds, _, _ = socket.recv_fds(connection, 65536, 16)
    while part := connection.recv(65536):
        data += part
    return json.loads(data), fds


def serve(listener: Listener, state: dict[str, Any]) -> None:
    """Answer the calls of one container until it has ended."""
    container = state["state"]["id"]
    poll = select.poll()
    with listener:
        poll.register(listener, select.POLLIN)
        while True:
            ((_, events),) = poll.poll()
            if not events & select.POLLIN:
                return  # POLLHUP: nobody has the filter any more
            try:
                answer(listener, listener.receive(), container, state.get("metadata", ""))
            except SeccompError as error:
                if error.errno != errno.ENOENT:  # the caller was killed, or interrupted, meanwhile
                    raise


def answer(listener: Listener, request: Notification, container: str, metadata: str) -> None:
    """Answer one call."""
    name = syscall_name(request.nr, request.arch)
    path = read_path(listener, request, _PATH_ARGUMENT[name]) if name in _PATH_ARGUMENT else None
    print(f"{container}: {name} {path or ''}", flush=True)
    if name in ("mkdir", "mkdirat") and path is not None and path.startswith("/forbidden"):
        listener.respond_errno(request, errno.EACCES)
    elif name == "openat" and path == "/etc/motd":
        fd = os.memfd_create("motd")
        try:
            os.write(fd, f"Welcome to {container}. {metadata}\n".encode())
            os.lseek(fd, 0, os.SEEK_SET)
            listener.add_fd(request, fd, close_on_exec=True, respond=True)
        finally:
            os.close(fd)
    else:
        listener.respond_continue(request)


def read_path(listener: Listener, request: Notification, argument: int) -> str | None:
    """Read a path out of the caller's memory; None if it cannot be read, or the caller is no more."""
    try:
        with open(f"/proc/{request.pid}/mem", "rb", buffering=0) as memory:
            memory.seek(request.args[argument])
            text = memory.read(_PATH_MAX) or b""
    except OSError:
        return None
    # The pid may have been reused before we opened its memory: only now do we know that it was the caller's.
    if not listener.id_valid(request):
        return None
    return os.fsdecode(text.partition(b"\0")[0])


if __name__ == "__main__":
    main(sys.argv[1])
