"""The engine's loop: answers the program's calls one after the other, and reaps what it has started.

Everything in this process is single-threaded, so that forking is safe. Descriptors 3 to 34 are kept occupied: those
that a container is to be passed are put there for the moment of its creation.
"""

from __future__ import annotations

import _signal
import errno
import os
import select

from libcgroups.record import Record
from libcontainer import descriptors, log
from libcontainer.container import exit_status
from libcontainer.container.store import ContainerDirectory
from libcontainer.engine import calls
from libcontainer.errors import LibcontainerError, ProcessDiedError
from libcontainer.process import channel as channel_module
from libcontainer.process import steps
from libcontainer.syscall import flags
from libcontainer.syscall.linux import LinuxSyscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from libcontainer.engine.calls import Started
    from libcontainer.process.channel import Channel, Message
    from libcontainer.syscall import Syscall

RESERVED = 32
"""How many descriptors can be passed to a container."""

CALL = "call"
ANSWER = "answer"
EXITED = "exited"

_FIRST_OWN = descriptors.FIRST + RESERVED
_STDIO = 3


class Child(Record):
    """A process that this engine is the parent of.

    Attributes:
        pid: its pid.
        pidfd: itself.
        answer: where its exit status is sent.
        status_file: where it is written as well, -1 for nowhere.
    """

    pid: int
    pidfd: int
    answer: Channel
    status_file: int


def serve(control_fd: int, *, is_detached: bool) -> None:
    """Serve a program until it closes its end of the socket.

    A container that was created here ends with the program then. If it is detached, or was created elsewhere, it lives
    on, and so does this process, until all that it has started has ended and their exit statuses are told.
    """
    _occupy(control_fd)
    syscall = LinuxSyscall()
    # Processes that outlive their parents in a container without a pid namespace of its own come to us.
    syscall.prctl(flags.PR_SET_CHILD_SUBREAPER, 1)
    Server(syscall, channel_module.of_descriptor(_FIRST_OWN, "the program"), is_detached=is_detached).run()


def _occupy(control_fd: int) -> None:
    """Move the control socket above the reserved descriptors, fill these, and close all others but 0 to 2."""
    os.dup2(control_fd, _FIRST_OWN, inheritable=False)
    os.closerange(_FIRST_OWN + 1, os.sysconf("SC_OPEN_MAX"))
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    for fd in range(descriptors.FIRST, _FIRST_OWN):
        if fd != null:
            os.dup2(null, fd, inheritable=False)
    if null >= _FIRST_OWN:
        os.close(null)


class Server:
    """One engine: at most one container is created in it, any number of processes are executed."""

    def __init__(self, syscall: Syscall, control: Channel, *, is_detached: bool) -> None:
        self._syscall = syscall
        self._control: Channel | None = control
        self._is_detached = is_detached
        self._children: dict[int, Child] = {}
        self._created: ContainerDirectory | None = None
        self._wakeup, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        _signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        _signal.signal(_signal.SIGCHLD, _noted)

    def run(self) -> None:
        """Serve until nobody needs this engine any more."""
        while self._control is not None or (self._is_detached and self._children):
            for fd in self._ready():
                if self._control is not None and fd == self._control.fileno():
                    self._receive(self._control)
            self._reap_others()
        if self._created is not None and not self._is_detached:
            self._abandon(self._created)

    def _ready(self, timeout_ms: int | None = None) -> Iterator[int]:
        """Wait for something to do; ended children are seen to right here."""
        poll = select.poll()
        watched = [self._wakeup, *self._children]
        if self._control is not None:
            watched.append(self._control.fileno())
        for fd in watched:
            poll.register(fd, select.POLLIN)
        for fd, _ in poll.poll(timeout_ms):
            if fd == self._wakeup:
                os.read(self._wakeup, 4096)
            elif fd in self._children:
                self._reap(self._children.pop(fd))
            else:
                yield fd

    def _receive(self, control: Channel) -> None:
        message = control.receive()
        if message is None:
            control.close()
            self._control = None
            return
        answer_fd, *fds = message.fds
        answer = channel_module.of_descriptor(answer_fd, "the program")
        log.set_sink(answer.send_log, message.number("log_level"))
        try:
            self._answer(message, answer, fds)
        finally:
            log.set_sink(None)
            for fd in fds:
                os.close(fd)

    def _answer(self, message: Message, answer: Channel, fds: Sequence[int]) -> None:
        try:
            with _Installed(self._syscall, fds):
                started = self._do(message)
        except Exception as error:  # noqa: BLE001 - the program must hear of it, whatever it is
            answer.send_error(_described(error, str(message.values["name"])))
            answer.close()
            return
        if started is None:
            _tell(answer, ANSWER)
            answer.close()
            return
        self._children[started.pidfd] = Child(started.pid, started.pidfd, answer, started.status_file)
        handed = [started.pidfd] if started.master < 0 else [started.pidfd, started.master]
        _tell(answer, ANSWER, fds=handed, pid=started.pid)
        for fd in handed[1:]:
            os.close(fd)

    def _do(self, message: Message) -> Started | None:
        name, values = str(message.values["name"]), message.values["values"]
        assert isinstance(values, dict)  # both ends are of one version
        if name == "create":
            started = calls.create(self._syscall, values)
            self._created = ContainerDirectory(str(values["root"]), str(values["container_id"]))
            return started
        if name == "execute":
            return calls.execute(self._syscall, values)
        directory = ContainerDirectory(str(values["root"]), str(values["container_id"]))
        if name == "start":
            calls.start(self._syscall, directory)
        elif name == "delete":
            calls.delete(self._syscall, directory, self._serve_children, force=values["force"] is True)
        else:
            raise LibcontainerError(f"the engine does not know the call {name!r}")
        return None

    def _serve_children(self, timeout_s: float) -> None:
        """Reap what ends within a time: the init of a pid namespace ends only after all its processes were reaped."""
        control, self._control = self._control, None
        try:
            for _ in self._ready(int(timeout_s * 1000)):
                pass
            self._reap_others()
        finally:
            self._control = control

    def _reap(self, child: Child) -> None:
        _, status = os.waitpid(child.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        code = code if code >= 0 else 128 - code
        os.close(child.pidfd)
        if child.status_file >= 0:
            exit_status.write(child.status_file, code)
        _tell(child.answer, EXITED, status=code)
        child.answer.close()

    def _reap_others(self) -> None:
        """Reap the orphans that come to a subreaper; our own children are told of by their pidfds."""
        own = {child.pid for child in self._children.values()}
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None or found.si_pid in own:
                return
            os.waitpid(found.si_pid, 0)

    def _abandon(self, directory: ContainerDirectory) -> None:
        """Delete the container of a program that has gone without doing so."""
        try:
            calls.delete(self._syscall, directory, self._serve_children, force=True)
        except LibcontainerError as error:
            if error.code != "container-not-found":
                os.write(2, f"libcontainer: delete {directory.id}: {error}\n".encode(errors="replace"))


class _Installed:
    """Stands the program's descriptors at 0, 1, 2, 3 … for a while: what is cloned in it inherits them there."""

    def __init__(self, syscall: Syscall, fds: Sequence[int]) -> None:
        self._fds = fds
        self._kept: list[int] = []

    def __enter__(self) -> None:
        self._kept = [_duplicate(fd) for fd in range(len(self._fds))]
        for target, fd in enumerate(self._fds):
            os.dup2(fd, target, inheritable=True)

    def __exit__(self, *_: object) -> None:
        for target, fd in enumerate(self._kept):
            os.dup2(fd, target, inheritable=target < _STDIO)
            os.close(fd)


def _duplicate(fd: int) -> int:
    try:
        return os.dup(fd)
    except OSError as error:
        if error.errno != errno.EBADF:
            raise
        return os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)


def _tell(answer: Channel, kind: str, *, fds: Sequence[int] = (), **values: object) -> None:
    try:
        answer.send(kind, fds=fds, **values)
    except ProcessDiedError:
        pass  # Nobody waits for the answer any more.


def _described(error: Exception, name: str) -> LibcontainerError:
    if type(error).__module__ == "libcgroups.errors":
        from libcontainer import cgroups

        return cgroups.translate(error, name)
    return steps.unexpected(error, name)


def _noted(number: int, frame: object) -> None:
    """Do nothing: the wakeup descriptor has told the number already."""
