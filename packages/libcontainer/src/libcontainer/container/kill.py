"""Send a signal to a container: to its init, or to all of its processes."""

from __future__ import annotations

import os

from libcontainer import pidfd
from libcontainer.container import status
from libcontainer.container.state import CREATED, PAUSED, RUNNING
from libcontainer.errors import CgroupsError, ContainerStatusError, SyscallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.container.state import ContainerState
    from libcontainer.container.store import ContainerDirectory

SIGKILL = 9


def kill(directory: ContainerDirectory, signal: int, *, everything: bool = False) -> None:
    """Send a signal to the container's init, which must be created, running or paused.

    SIGKILL ends the whole container: without a pid namespace of its own every process of its cgroup is killed, and a
    frozen one is thawed so that it can die.

    Args:
        directory: the container.
        signal: number of the signal.
        everything: signal all processes of the container.

    Raises:
        ContainerStatusError: the container is not running.
    """
    state = directory.load()
    if everything:
        # As runc's --all: of a stopped container whatever is left gets the signal, and nothing left is fine.
        _signal_cgroup(state, signal)
        return
    present = status.current(state, directory)
    if present not in (CREATED, RUNNING, PAUSED):
        raise _not_running(state.id)
    ends_all = signal == SIGKILL and not state.has_private_pids
    if ends_all:
        _signal_cgroup(state, signal)
    fd = pidfd.open_process(state.pid, state.pid_start_time)
    if fd is None:
        if ends_all:
            return
        raise _not_running(state.id)
    try:
        pidfd.pidfd_send_signal(fd, signal)
    except ProcessLookupError:
        if not ends_all:  # else it has died of the first signal, and been reaped meanwhile
            raise _not_running(state.id) from None
    except OSError as error:
        raise SyscallError(
            f"send signal {signal} to the container's init",
            error.errno,
            syscall="pidfd_send_signal",
            object=state.id,
            hint="the container belongs to another user" if error.errno == 1 else None,
        ) from None
    finally:
        os.close(fd)
    if signal == SIGKILL and present == PAUSED:
        thaw(state)


def kill_everything(state: ContainerState, timeout_s: float = 10.0) -> bool:
    """Kill all processes of the container and wait until its init has ended; False if it has not within the time."""
    fd = pidfd.open_process(state.pid, state.pid_start_time)
    if fd is not None:
        try:
            pidfd.pidfd_send_signal(fd, SIGKILL)
        except ProcessLookupError:
            pass
    if status.is_frozen(state):
        thaw(state)
    if not state.has_private_pids and state.cgroup:
        _signal_cgroup(state, SIGKILL)
    if fd is None:
        return True
    try:
        return pidfd.wait_for_exit(fd, timeout_s)
    finally:
        os.close(fd)


def thaw(state: ContainerState) -> None:
    """Thaw a frozen container whose processes were killed: only on cgroup v1 they need it to die.

    Its cgroup may be gone: systemd removes one whose last process ends.
    """
    from libcontainer import cgroups

    manager = cgroups.of_container(state)
    try:
        with cgroups.translated("thaw"):
            manager.freeze("THAWED")
    except CgroupsError:
        if manager.exists():
            raise


def _signal_cgroup(state: ContainerState, signal: int) -> None:
    from libcontainer import cgroups

    with cgroups.translated("kill"):
        cgroups.of_container(state).kill(signal)


def _not_running(container_id: str) -> ContainerStatusError:
    return ContainerStatusError("container not running", object=container_id)
