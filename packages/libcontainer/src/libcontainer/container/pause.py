"""Freeze and thaw all processes of a container, cgroups(7) freezer."""

from __future__ import annotations

from libcontainer import cgroups
from libcontainer.container import status
from libcontainer.container.state import CREATED, PAUSED, RUNNING
from libcontainer.errors import ContainerStatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.container.store import ContainerDirectory


def pause(directory: ContainerDirectory) -> None:
    """Freeze a created or running container and wait until it is frozen; the container must be locked.

    Raises:
        ContainerStatusError: it is neither.
        CgroupsError: the freezer refused, or is missing.
    """
    state = directory.load()
    if status.current(state, directory) not in (CREATED, RUNNING):
        raise ContainerStatusError("container not running", object=state.id)
    with cgroups.translated("pause"):
        cgroups.of_container(state).freeze("FROZEN")


def resume(directory: ContainerDirectory) -> None:
    """Thaw a paused container; the container must be locked.

    Raises:
        ContainerStatusError: it is not paused.
    """
    state = directory.load()
    if status.current(state, directory) != PAUSED:
        raise ContainerStatusError("container not paused", object=state.id)
    with cgroups.translated("resume"):
        cgroups.of_container(state).freeze("THAWED")
