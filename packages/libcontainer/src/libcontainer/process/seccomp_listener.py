"""Hand the seccomp listener of a container to the agent at ``linux.seccomp.listenerPath``, config-linux.md, Seccomp."""

from __future__ import annotations

import os

from libcontainer import unix_socket
from libcontainer.container.state import oci_state
from libcontainer.errors import SyscallError
from libcontainer.oci import json_text

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
    try:
        unix_socket.send_to(path, message(section, state, pid), listener)
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
        os.close(listener)
