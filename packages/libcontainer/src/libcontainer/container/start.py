"""Start a created container: let its init execute the program, and hear whether that worked."""

from __future__ import annotations

import errno
import os

from libcontainer import notify_socket, pidfd
from libcontainer.container import status, store
from libcontainer.container.state import CREATED, CREATING, RUNNING, STOPPED
from libcontainer.errors import ContainerStatusError, LibcontainerError, ProcessDiedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.container.state import ContainerState
    from libcontainer.container.store import ContainerDirectory
    from libcontainer.syscall import Kernel, Syscall

_HINTS = {
    9: "if nobody sent it, the kernel's log (dmesg) may know why",
    31: "linux.seccomp ends whoever executes a program: it must allow execve",
}


def start(kernel: Kernel, directory: ContainerDirectory) -> ContainerState:
    """Start the container and return its new state; the container must be locked.

    Raises:
        ContainerStatusError: it is not in status created.
        LibcontainerError: its program could not be executed, or a poststart hook failed; it is stopped then.
    """
    state = directory.load()
    present = status.current(state, directory)
    if present != CREATED:
        raise _wrong_status(present, state.id)
    try:
        connection = notify_socket.connect(directory.path)
    except LibcontainerError as error:
        if error.errno in (errno.ECONNREFUSED, errno.ENOENT):
            raise ProcessDiedError("the container's init ended before it was started", object=state.id) from error
        raise
    # Before the word: a runtime that dies between the two leaves a container that is running, or about to.
    os.unlink(f"{directory.path}/{store.NOTIFY_SOCKET}")
    connection.say_go()
    failure = connection.wait_for_exec() or _death(state)
    if failure is not None:
        raise _explained(kernel, state, failure)
    state = state.replace(status=RUNNING)
    directory.save(state)
    if "poststart" in state.hooks:
        _run_poststart_hooks(kernel(), directory, state)
    return state


def _wrong_status(present: str, container_id: str) -> ContainerStatusError:
    if present == STOPPED:
        message = "cannot start a container that has stopped"
    elif present == RUNNING:
        message = "cannot start an already running container"
    else:
        message = f"cannot start a container in the {present} state"
    hint = "the command that was creating it was killed: delete it" if present == CREATING else None
    return ContainerStatusError(message, object=container_id, hint=hint)


def _death(state: ContainerState) -> ProcessDiedError | None:
    """Return the death of an init that has executed nothing: its end closes the connection as execve(2) does.

    One that was reaped by now is taken for a short program.
    """
    killed = pidfd.killed_as(state.pid, state.pid_start_time)
    if killed is None or not notify_socket.is_waiting(killed[0]):
        return None
    from libcontainer import signals

    number = killed[1]
    how = f"was killed by signal {number} ({signals.name_of(number)})" if number else "was killed"
    return ProcessDiedError(
        f"the container's init {how} before it executed the program", object=state.id, hint=_HINTS.get(number)
    )


def _explained(kernel: Kernel, state: ContainerState, failure: LibcontainerError) -> LibcontainerError:
    """Say why execve(2) refused, which it does with one number for ten reasons."""
    fd = pidfd.open_process(state.pid, state.pid_start_time)
    if fd is not None:
        pidfd.wait_for_exit(fd, 1.0)
        os.close(fd)
    if failure.syscall != "execve" or failure.errno is None:
        return failure
    from libcontainer import executable

    try:
        root = os.open(state.rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return failure  # gone meanwhile: there is nothing to explain it with
    try:
        return executable.explain(kernel(), root, state.executable, failure.errno)
    finally:
        os.close(root)


def _run_poststart_hooks(syscall: Syscall, directory: ContainerDirectory, state: ContainerState) -> None:
    from libcontainer import hooks
    from libcontainer.container.state import oci_state
    from libcontainer.oci import json_text, load

    spec = load.parse(directory.read(store.CONFIG_FILE))
    assert spec.hooks is not None
    text = json_text.dumps(oci_state(state, RUNNING, pid=state.pid))
    try:
        hooks.run_outside(
            syscall,
            spec.hooks.poststart,
            text.encode(),
            kind="poststart",
            cwd=state.bundle,
            annotations=state.annotations,
        )
    except LibcontainerError:
        # Since runtime-spec 1.3 a container whose poststart hook fails is stopped.
        from libcontainer.container import kill

        kill.kill_everything(state)
        raise
