"""The present status of a container, from its state, its init and its freezer; not what was last written to disk."""

from __future__ import annotations

import os

from libcontainer import pidfd
from libcontainer.container import store
from libcontainer.container.state import CREATED, CREATING, PAUSED, RUNNING, STOPPED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.container.state import ContainerState
    from libcontainer.container.store import ContainerDirectory


def current(state: ContainerState, directory: ContainerDirectory) -> str:
    """Return creating, created, running, paused or stopped.

    A zombie is stopped, and so is what a creator left behind that died before the container was created.
    """
    if state.status == CREATING:
        return CREATING if directory.is_being_changed() else STOPPED
    if not state.pid or pidfd.start_time(state.pid) != state.pid_start_time:
        return STOPPED
    if is_frozen(state):
        return PAUSED
    # `start` removes the socket just before it says go, and writes the status when it has heard of the success.
    if state.status == CREATED and directory.has(store.NOTIFY_SOCKET):
        return CREATED
    return RUNNING


def is_frozen(state: ContainerState) -> bool:
    """Tell whether the cgroup is frozen: ``freezer.state`` of v1 or ``cgroup.freeze`` of v2, cgroups(7)."""
    if not state.freezer:
        return False
    try:
        fd = os.open(state.freezer, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.read(fd, 16).strip() in (b"FROZEN", b"FREEZING", b"1")
    except OSError:
        return False
    finally:
        os.close(fd)
