"""Delete a container: everything that create has made, and nothing else; from any stage, however it was left."""

from __future__ import annotations

from libcontainer import log, pidfd
from libcontainer.container import kill, status
from libcontainer.container.state import CREATED, STOPPED, ContainerState, oci_state
from libcontainer.errors import ContainerStatusError, LibcontainerError, StateFileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libcontainer.container.store import ContainerDirectory
    from libcontainer.oci.spec import Hook
    from libcontainer.syscall import Kernel, Syscall


def delete(kernel: Kernel, directory: ContainerDirectory, *, force: bool = False) -> None:
    """Delete a stopped container, or one that was never started; with force, any.

    The container must be locked. Every step can be repeated: what a killed ``delete`` left, the next one removes.

    Raises:
        ContainerStatusError: the container is running, and force was not asked for.
        StateFileError: the state cannot be read, and force was not asked for.
        CgroupsError: processes of the container cannot be killed.
    """
    try:
        state = directory.load()
    except StateFileError as error:
        if not force:
            raise
        state = _recovered(directory, error)
    present = status.current(state, directory)
    if not force and present not in (STOPPED, CREATED) and not _is_own_creation(state, present):
        raise ContainerStatusError(
            f"cannot delete container {state.id} that is not stopped: {present}",
            object=state.id,
            hint=f"kill it first, or use delete --force {state.id}",
        )
    _kill(state)
    if state.cgroup:
        from libcontainer import cgroups

        with cgroups.translated("cgroup remove"):
            manager = cgroups.of_container(state)
            if force and manager.get_all_pids():
                manager.kill(kill.SIGKILL)
            manager.remove()
    if state.intel_rdt:
        from libcontainer import intel_rdt

        intel_rdt.clean_up(state.intel_rdt)
    if "poststop" in state.hooks:
        _run_hooks_of(kernel(), directory, state)
    directory.remove()


def _is_own_creation(state: ContainerState, present: str) -> bool:
    # We hold the lock: whoever was creating the container is gone.
    return state.status == present == "creating"


def _kill(state: ContainerState) -> None:
    if pidfd.start_time(state.pid) != state.pid_start_time or not state.pid:
        return
    log.debug("kill init (pid=%d)", state.pid)
    if not kill.kill_everything(state):
        raise ContainerStatusError(
            f"container init still running (pid {state.pid}) 10 s after SIGKILL",
            object=state.id,
            hint=f"it may hang in the kernel: see /proc/{state.pid}/stack",
        )


def _recovered(directory: ContainerDirectory, error: StateFileError) -> ContainerState:
    """Make a state of what is left when state.json is missing or garbled: the configuration's copy names the cgroup."""
    log.warning("%s; removing what the configuration names", error)
    from libcontainer.container import recover

    return recover.state_of(directory)


def _run_hooks_of(syscall: Syscall, directory: ContainerDirectory, state: ContainerState) -> None:
    from libcontainer.container import store
    from libcontainer.oci import load

    try:
        spec = load.parse(directory.read(store.CONFIG_FILE))
    except LibcontainerError as error:
        log.warning("poststop hooks: %s", error)
        return
    if spec.hooks is not None:
        run_poststop_hooks(syscall, state, spec.hooks.poststop)


def run_poststop_hooks(syscall: Syscall, state: ContainerState, hooks: Sequence[Hook]) -> None:
    """Run the poststop hooks; one that fails is a warning, and the next one runs (runtime.md, Lifecycle)."""
    from libcontainer import hooks as hooks_module
    from libcontainer.oci import json_text

    text = json_text.dumps(oci_state(state, STOPPED)).encode()
    for hook in hooks:
        try:
            hooks_module.run_outside(
                syscall, [hook], text, kind="poststop", cwd=state.bundle, annotations=state.annotations
            )
        except LibcontainerError as error:
            log.warning("%s", error)
