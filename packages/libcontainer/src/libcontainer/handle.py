"""Containers as objects, for programs that are no container runtime themselves: ``from libcontainer import Container``.

Everything may be called from any thread. What needs fork(2) is done by an engine, a process of its own for each handle;
the rest is done right here.
"""

from __future__ import annotations

import os
import threading
from enum import StrEnum
from typing import TYPE_CHECKING, Self, Unpack

from libcgroups.resources import LinuxResources
from libcontainer import cgroups, pidfd, user_ns
from libcontainer.container import exit_status, kill, pause, status, store, update
from libcontainer.engine.client import Answer, Engine
from libcontainer.errors import (
    ContainerNotFoundError,
    ContainerStatusError,
    LibcontainerError,
    StateFileError,
    TimeoutExpiredError,
)
from libcontainer.executed import ExecResult, ExecSettings, Process, process_of, signal_number
from libcontainer.oci import decode, json_text, load
from libcontainer.oci.validate import validate_process
from libcontainer.process.exec import ExecOptions
from libcontainer.process.plan import CreateOptions
from libcontainer.stdio_capture import Capture, Stdio

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from libcgroups import Stats
    from libcontainer.container.state import ContainerState
    from libcontainer.oci.spec import Spec
    from libcontainer.stdio_capture import Stream

    Path = str | os.PathLike[str]

DEFAULT_ROOT = "/run/libcontainer"


class ContainerStatus(StrEnum):
    """Where a container is in its life, runtime.md, State; equal to the word itself."""

    CREATING = "creating"
    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"

    def can_start(self) -> bool:
        """Tell whether it waits to be started."""
        return self is ContainerStatus.CREATED

    def can_kill(self) -> bool:
        """Tell whether signals reach it."""
        return self in (ContainerStatus.CREATED, ContainerStatus.RUNNING, ContainerStatus.PAUSED)

    def can_delete(self) -> bool:
        """Tell whether it can be deleted without force."""
        return self in (ContainerStatus.CREATED, ContainerStatus.STOPPED)

    def can_exec(self) -> bool:
        """Tell whether processes can be run in it."""
        return self in (ContainerStatus.CREATED, ContainerStatus.RUNNING)

    def can_pause(self) -> bool:
        """Tell whether it can be paused."""
        return self in (ContainerStatus.CREATED, ContainerStatus.RUNNING)

    def can_resume(self) -> bool:
        """Tell whether it is paused."""
        return self is ContainerStatus.PAUSED


class Container:
    """A container, from its creation to its end; a context manager that deletes it.

    Attributes:
        id: its name.
        root: the directory of all containers it is among.
        terminal: the master of its terminal, None without one or when it was sent elsewhere; belongs to this object.
    """

    def __init__(
        self,
        directory: store.ContainerDirectory,
        engine: Engine | None = None,
        answer: Answer | None = None,
        captures: tuple[Capture, ...] = (),
    ) -> None:
        """Programs use ``create`` and ``load``."""
        self._directory = directory
        self._engine_lock = threading.Lock()
        self._engine = engine
        self._answer = answer
        self._captures = captures
        self.id = directory.id
        self.root = directory.root
        fds = answer.fds if answer is not None else []
        self._pidfd: int | None = fds[0] if fds else None
        self.terminal: int | None = fds[1] if len(fds) > 1 else None

    @classmethod
    def create(
        cls,
        bundle: Path,
        *,
        id: str | None = None,
        root: Path | None = None,
        detach: bool = False,
        stdin: Stream | None = None,
        stdout: Stream | None = None,
        stderr: Stream | None = None,
        input: bytes | None = None,
        capture_output: bool = False,
        pass_fds: Sequence[int] = (),
        console_socket: Path = "",
        pid_file: Path = "",
        executors: Sequence[str] = (),
        no_pivot: bool = False,
        systemd_cgroup: bool = False,
        rootless: bool | None = None,
    ) -> Self:
        """Create a container whose process waits for ``start``.

        Args:
            bundle: directory with config.json.
            id: its name; a random one if there is none.
            root: directory of all containers; None is ``default_root()``.
            detach: it outlives this program and this object. Otherwise it is deleted when this object is closed or
                this program ends, however that happens.
            stdin: file or descriptor; None is /dev/null.
            stdout: file or descriptor; None is this program's own.
            stderr: file or descriptor; None is this program's own.
            input: standard input itself.
            capture_output: take standard output and error into memory, see ``stdout`` and ``stderr``.
            pass_fds: descriptors that the process gets as 3, 4 and so on.
            console_socket: socket that is sent the terminal's master, instead of ``terminal``.
            pid_file: file that is given init's pid.
            executors: who may run the workload instead of execve(2), each as ``module:object``.
            no_pivot: see ``CreateOptions``.
            systemd_cgroup: systemd manages the cgroup.
            rootless: missing rights over cgroups are forgiven; None: if this program is not root of the host.

        Raises:
            LibcontainerError: it could not be created, and nothing is left of it.
        """
        options = CreateOptions(
            container_id=store.check_id(id if id is not None else f"c-{os.urandom(8).hex()}"),
            bundle=os.path.abspath(bundle),
            root=os.path.abspath(root) if root is not None else default_root(),
            console_socket=_absolute(console_socket),
            pid_file=_absolute(pid_file),
            no_pivot=no_pivot,
            preserve_fds=len(pass_fds),
            systemd_cgroup=systemd_cgroup,
            rootless=is_rootless() if rootless is None else rootless,
            is_detached=False,
        )
        values = {name: getattr(options, name) for name in CreateOptions.__fields__}
        stdio = Stdio(stdin, stdout, stderr, captures=capture_output, data=input)
        engine = None
        try:
            engine = Engine(is_detached=detach)
            answer = engine.call("create", {**values, "executors": list(executors)}, [*stdio.fds, *pass_fds])
        except BaseException:
            if engine is not None:
                engine.close()
            for capture in stdio.captures:
                capture.close()
            raise
        finally:
            stdio.close()
        return cls(store.ContainerDirectory(options.root, options.container_id), engine, answer, stdio.captures)

    @classmethod
    def load(cls, root: Path, id: str) -> Self:
        """Return a container that exists, whoever created it; closing the object leaves it alone.

        Raises:
            ContainerNotFoundError: there is none.
            StateFileError: its state cannot be read.
        """
        directory = store.ContainerDirectory(os.path.abspath(root), id)
        directory.load()
        return cls(directory)

    @classmethod
    def list(cls, root: Path | None = None) -> Iterator[Self]:
        """Yield the containers of a root directory whose state can be read."""
        place = os.path.abspath(root) if root is not None else default_root()
        for name in store.list_ids(place):
            try:
                yield cls.load(place, name)
            except (ContainerNotFoundError, StateFileError):
                continue

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        try:
            self.delete(force=True)
        except ContainerNotFoundError:
            self.close()
        except LibcontainerError as failure:
            self.close()
            if error is None:
                raise
            error.add_note(f"delete {self.id}: {failure}")

    def __repr__(self) -> str:
        return f"<Container {self.id!r} in {self.root!r}>"

    def state(self) -> ContainerState:
        """Return what is known of it, with its present status; the pid of a stopped container is 0."""
        state = self._directory.load()
        present = status.current(state, self._directory)
        return state.replace(status=present, pid=0 if present == ContainerStatus.STOPPED else state.pid)

    @property
    def status(self) -> ContainerStatus:
        """Its present status."""
        return ContainerStatus(self.state().status)

    @property
    def pid(self) -> int:
        """The pid of its init, seen from here; 0 when it is stopped."""
        return self.state().pid

    @property
    def spec(self) -> Spec:
        """The configuration it was made of, with the limits as they were updated since."""
        self._directory.require()
        return load.parse(self._directory.read(store.CONFIG_FILE))

    @property
    def stdout(self) -> bytes:
        """What its processes have written to the captured standard output so far."""
        return self._captures[0].read() if self._captures else b""

    @property
    def stderr(self) -> bytes:
        """What its processes have written to the captured standard error so far."""
        return self._captures[1].read() if self._captures else b""

    def start(self) -> None:
        """Let its process execute the program.

        Raises:
            ContainerStatusError: it is not in status created.
            ExecutableError: the program cannot be executed; the container is stopped then.
        """
        self._call("start")

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status of its process, or 128 and the number of the signal that killed it.

        Args:
            timeout: seconds; None waits for ever.

        Raises:
            TimeoutExpiredError: it has not ended; it goes on.
            ContainerStatusError: it has ended, and was not created by this library, so that nobody has seen how.
        """
        what = f"container {self.id}"
        if self._answer is not None and self._answer.can_tell:
            return self._answer.wait(what, timeout)
        state = self._directory.load()
        process = pidfd.open_process(state.pid, state.pid_start_time)
        if process is not None:
            try:
                if not pidfd.wait_for_exit(process, timeout):
                    raise TimeoutExpiredError(f"{what} has not ended within {timeout} s", object=self.id)
            finally:
                os.close(process)
        ended = exit_status.read(self._directory)
        if ended is None:
            raise ContainerStatusError(
                f"{what} has ended and its exit status is unknown",
                object=self.id,
                hint="the parent of its process was another program, or is gone",
            )
        return ended

    def exec(
        self, args: Sequence[str], *, timeout: float | None = None, **settings: Unpack[ExecSettings]
    ) -> ExecResult:
        """Run a process in it and wait for its end.

        Args:
            args: the program and its arguments.
            timeout: seconds; the process is killed then.
            settings: see ``ExecSettings``.

        Raises:
            TimeoutExpiredError: it had to be killed; the error holds the output so far.
            LibcontainerError: it could not be executed.
        """
        with self.spawn(args, **settings) as process:
            return process.communicate(timeout)

    def spawn(self, args: Sequence[str], **settings: Unpack[ExecSettings]) -> Process:
        """Run a process in it and return when it has been executed.

        Args:
            args: the program and its arguments.
            settings: see ``ExecSettings``.

        Raises:
            ContainerStatusError: the container is stopped, or paused.
            LibcontainerError: the process could not be executed.
        """
        if isinstance(args, str):
            raise TypeError("args must be a sequence of strings, not one string")
        pass_fds = settings.get("pass_fds", ())
        process = process_of(self.spec, tuple(args), settings)
        validate_process(process)
        options = ExecOptions(
            root=self.root,
            console_socket=_absolute(settings.get("console_socket", "")),
            pid_file=_absolute(settings.get("pid_file", "")),
            preserve_fds=len(pass_fds),
            ignores_paused=settings.get("ignore_paused", False),
            sub_cgroups=tuple(settings.get("sub_cgroups", ())),
        )
        values = {name: getattr(options, name) for name in ExecOptions.__fields__}
        values |= {"container_id": self.id, "process": decode.encode(process)}
        stdio = Stdio(
            settings.get("stdin"),
            settings.get("stdout"),
            settings.get("stderr"),
            captures=settings.get("capture_output", False) and not process.terminal,
            data=settings.get("input"),
        )
        try:
            answer = self._running_engine().call("execute", values, [*stdio.fds, *pass_fds])
        except BaseException:
            for capture in stdio.captures:
                capture.close()
            raise
        finally:
            stdio.close()
        return Process(tuple(args), answer, stdio.captures)

    def kill(self, signal: int | str = "TERM", *, all: bool = False) -> None:
        """Send a signal, by number or name, to its init, or to all of its processes.

        Raises:
            ContainerStatusError: it is not running.
        """
        self._directory.require()
        kill.kill(self._directory, signal_number(signal), everything=all)

    def pause(self) -> None:
        """Freeze all of its processes.

        Raises:
            ContainerStatusError: it is not running.
        """
        with _locked(self._directory) as directory:
            pause.pause(directory)

    def resume(self) -> None:
        """Thaw it.

        Raises:
            ContainerStatusError: it is not paused.
        """
        with _locked(self._directory) as directory:
            pause.resume(directory)

    def update(self, resources: LinuxResources | Mapping[str, object]) -> None:
        """Change limits; those that are not named stay, and when one is refused all are what they were.

        Args:
            resources: as in config.json, ``{"pids": {"limit": 10}}``, or of ``libcgroups``.
        """
        if not isinstance(resources, LinuxResources):
            resources = load.load_resources(json_text.dumps(dict(resources)).encode())
        with _locked(self._directory) as directory:
            update.update(directory, resources)

    def stats(self) -> Stats:
        """Return what it uses."""
        with cgroups.translated("stats"):
            return cgroups.of_container(self._directory.load()).stats()

    def processes(self) -> tuple[int, ...]:
        """Return the pids of all of its processes, seen from here."""
        with cgroups.translated("processes"):
            return tuple(sorted(cgroups.of_container(self._directory.load()).get_all_pids()))

    def delete(self, *, force: bool = False) -> None:
        """Delete it and close this object; with force, whatever it is doing.

        Raises:
            ContainerStatusError: it is running, and force was not asked for.
        """
        self._call("delete", force=force)
        self.close()

    def close(self) -> None:
        """Close this object; waits until a container that was created by it and is not detached is deleted."""
        with self._engine_lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()
        for fd in (self._pidfd, self.terminal):
            if fd is not None:
                os.close(fd)
        self._pidfd = self.terminal = None
        for capture in self._captures:
            capture.close()
        if self._answer is not None:
            self._answer.close()

    def _call(self, name: str, **values: object) -> None:
        self._directory.require()
        self._running_engine().call(name, {"root": self.root, "container_id": self.id, **values}).close()

    def _running_engine(self) -> Engine:
        with self._engine_lock:
            if self._engine is None:
                self._engine = Engine(is_detached=True)
            return self._engine


class _locked:  # noqa: N801 - used as a statement
    """Hold the lock on a container for a while."""

    def __init__(self, directory: store.ContainerDirectory) -> None:
        # A lock of its own: threads share this program's objects, but must not share a lock.
        self._directory = store.ContainerDirectory(directory.root, directory.id)

    def __enter__(self) -> store.ContainerDirectory:
        self._directory.require()
        self._directory.lock()
        return self._directory

    def __exit__(self, *_: object) -> None:
        self._directory.unlock()


def default_root() -> str:
    """Return the directory of all containers of this user: /run/libcontainer, or $XDG_RUNTIME_DIR/libcontainer.

    Raises:
        LibcontainerError: this program is not root, and XDG_RUNTIME_DIR is not set.
    """
    if not is_rootless():
        return DEFAULT_ROOT
    place = os.environ.get("XDG_RUNTIME_DIR")
    if not place:
        raise LibcontainerError(
            "no directory for the states of containers", hint="set XDG_RUNTIME_DIR, or name a directory with root"
        )
    return os.path.join(place, "libcontainer")


def is_rootless() -> bool:
    """Tell whether this program is not root of the host: another user, or root of a user namespace only."""
    return os.geteuid() != 0 or user_ns.is_in_user_namespace()


def _absolute(path: Path) -> str:
    return os.path.abspath(path) if path else ""
