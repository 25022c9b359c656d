"""What an engine does for a program, one function a call; the values of a call are checked by nobody but its sender."""

from __future__ import annotations

import time

from libcgroups.record import Record
from libcontainer.container import delete as delete_module
from libcontainer.container import exit_status, kill, status, store
from libcontainer.container import start as start_module
from libcontainer.container.state import CREATED
from libcontainer.errors import LibcontainerError, StateFileError
from libcontainer.oci import decode, load
from libcontainer.oci.spec import Process
from libcontainer.oci.validate import validate, validate_process
from libcontainer.process import create as create_module
from libcontainer.process import exec as exec_module
from libcontainer.process.exec import ExecOptions
from libcontainer.process.plan import CreateOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from libcontainer.container.store import ContainerDirectory
    from libcontainer.executor import Executor
    from libcontainer.syscall import Syscall

    R = TypeVar("R", bound=Record)

_DEATH_TIMEOUT_S = 10.0
_PAUSE_S = 0.02


class Started(Record):
    """A process that was started and is a child of this one.

    Attributes:
        pid: its pid.
        pidfd: itself, owned by the receiver.
        master: the master of its terminal, owned by the receiver; -1 for none.
        status_file: where its exit status is to be written, owned by the receiver; -1 for nowhere.
    """

    pid: int
    pidfd: int
    master: int
    status_file: int


def create(syscall: Syscall, values: Mapping[str, object]) -> Started:
    """Create a container; the values are those of ``CreateOptions``, and ``executors``."""
    names = values["executors"]
    assert isinstance(names, list)
    options: CreateOptions = _record(CreateOptions, values)
    config = load.read(options.config or f"{options.bundle}/{load.CONFIG_NAME}")
    spec = load.complete(load.parse(config))
    validate(spec)
    created = create_module.create(syscall, options, spec, config, [_executor(name) for name in names])
    try:
        status_file = exit_status.open_for(created.directory)
    finally:
        created.directory.unlock()
    return Started(created.state.pid, created.pidfd, created.master, status_file)


def execute(syscall: Syscall, values: Mapping[str, object]) -> Started:
    """Run a process in a container; the values are ``container_id``, ``process`` and those of ``ExecOptions``."""
    options: ExecOptions = _record(ExecOptions, values)
    directory = store.ContainerDirectory(options.root, str(values["container_id"]))
    directory.require()
    spec = load.complete(load.parse(directory.read(store.CONFIG_FILE)))
    process = decode.decode(Process, values["process"], "process")
    validate_process(process)
    executed = exec_module.execute(syscall, directory, spec, process, options)
    return Started(executed.pid, executed.pidfd, executed.master, -1)


def start(syscall: Syscall, directory: ContainerDirectory) -> None:
    """Start a created container."""
    directory.require()
    directory.lock()
    try:
        start_module.start(lambda: syscall, directory)
    finally:
        directory.unlock()


def delete(
    syscall: Syscall, directory: ContainerDirectory, serve_children: Callable[[float], None], *, force: bool
) -> None:
    """Delete a container; ``serve_children(seconds)`` reaps those of its processes that are children of this one."""
    directory.require()
    directory.lock()
    try:
        _kill(directory, serve_children, force=force)
        delete_module.delete(lambda: syscall, directory, force=force)
    finally:
        directory.unlock()


def _kill(directory: ContainerDirectory, serve_children: Callable[[float], None], *, force: bool) -> None:
    try:
        state = directory.load()
    except StateFileError:
        return  # delete says so, or goes without
    if not force and status.current(state, directory) != CREATED:
        return
    deadline = time.monotonic() + _DEATH_TIMEOUT_S
    while not kill.kill_everything(state, 0) and time.monotonic() < deadline:
        serve_children(_PAUSE_S)
    serve_children(0)


def _record(kind: type[R], values: Mapping[str, object]) -> R:
    return kind(**{name: values[name] for name in kind.__fields__})


def _executor(name: object) -> Executor:
    """Make the executor that ``module:object`` names; a class is called."""
    module_name, _, path = str(name).partition(":")
    try:
        found: object = __import__(module_name, None, None, ("",))
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise LibcontainerError(
            f"import the executor {name}: {error}",
            object=str(name),
            hint="an executor is named MODULE:OBJECT and imported in a process of its own, so not from __main__",
        ) from None
    executor: Executor = found() if isinstance(found, type) else found  # type: ignore[assignment]  # the caller's word
    return executor
