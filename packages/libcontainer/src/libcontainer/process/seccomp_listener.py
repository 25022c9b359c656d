"""Hand the seccomp listener of a container to the agent at ``linux.seccomp.listenerPath``, config-linux.md, Seccomp."""

from __future__ import annotations

import os
import sys

from libcontainer.container.state import oci_state
from libcontainer.errors import SyscallError
from libcontainer.oci import json_text

try:
    import _socket
except ImportError:  # another interpreter than CPython
    import socket as _socket  # type: ignore[no-redef]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.container.state import ContainerState
    from libcontainer.oci.spec import LinuxSeccomp

FD_NAME = "seccompFd"
"""What the listener's descriptor is called in the message."""


def message(section: LinuxSeccomp, state: ContainerState, pid: int) -> bytes:
    """Return the container process state, the JSON that the agent reads beside the descriptor."""
    value: dict[str, object] = {"ociVersion": state.oci_version, "fds": [FD_NAME], "pid": pid}
    if section.listener_metadata is not None:
        value["metadata"] = section.listener_metadata
    value["state"] = oci_state(state, state.status, pid=state.pid or pid)
    return json_text.dumps(value).encode()


def send(section: LinuxSeccomp, state: ContainerState, pid: int, listener: int) -> None:
    """Send the listener and the container process state over one connection, and close the listener.

    Raises:
        SyscallError: no agent listens, or it hung up.
    """
    path = section.listener_path or ""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        connection.connect(path)
        data = message(section, state, pid)
        rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, listener.to_bytes(4, sys.byteorder))
        sent = connection.sendmsg([data], [rights], _socket.MSG_NOSIGNAL)
        connection.sendall(data[sent:], _socket.MSG_NOSIGNAL)
    except OSError as error:
        raise SyscallError(
            f"send the seccomp listener to {path}",
            error.errno,
            step="seccomp",
            property="linux.seccomp.listenerPath",
            object=path,
            hint="does the agent listen on it?",
        ) from None
    finally:
        connection.close()
        os.close(listener)
