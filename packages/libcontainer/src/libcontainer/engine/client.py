"""The program's side of an engine: starting one and calling it, from any thread; nothing is forked in the program."""

from __future__ import annotations

import errno
import os
import select
import sys
import threading
import time

from libcontainer import descriptors, executor, log
from libcontainer.engine.server import ANSWER, CALL, RESERVED
from libcontainer.errors import LibcontainerError, ProcessDiedError, SyscallError, TimeoutExpiredError
from libcontainer.process import channel as channel_module
from libcontainer.syscall import flags
from libcontainer.syscall.linux import LinuxSyscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from libcontainer.process.channel import Channel, Message

_MAIN = f"{os.path.dirname(os.path.abspath(__file__))}/__main__.py"
_NEEDED = ("libcontainer", "libcgroups", "libseccomp", "_cffi_backend")


class Engine:
    """A running engine; to be closed."""

    def __init__(self, *, is_detached: bool = False) -> None:
        """Start it.

        Args:
            is_detached: what it starts may outlive this program and ``close``.

        Raises:
            SyscallError: no process could be made.
        """
        self._lock = threading.Lock()
        self._control, its = channel_module.pair("the program", "the container engine")
        self._is_closed = False
        try:
            self._pid = _spawn(its.fileno(), "detached" if is_detached else "attached")
        except BaseException:
            self._control.close()
            raise
        finally:
            its.close()
        if is_detached:
            _reap(self._pid)  # The engine is its child, and nobody's concern.
            self._pid = 0

    def call(self, name: str, values: Mapping[str, object], fds: Sequence[int] = ()) -> Answer:
        """Have the engine do something and wait until it is done.

        Args:
            name: of the call, see ``server``.
            values: JSON-able.
            fds: descriptors that are 0, 1, 2 and so on in what is started.

        Raises:
            LibcontainerError: it could not be done.
            ProcessDiedError: the engine was killed.
        """
        if len(fds) > RESERVED:
            raise LibcontainerError(f"pass {len(fds)} descriptors: no more than {RESERVED} can be passed")
        ours, its = channel_module.pair("the program", "the container engine")
        level = log.DEBUG if log.is_enabled(log.DEBUG) else log.WARNING
        try:
            with self._lock:
                if self._is_closed:
                    raise LibcontainerError(f"{name}: the container handle is closed")
                self._control.send(CALL, fds=[its.fileno(), *fds], name=name, values=dict(values), log_level=level)
            its.close()
            return Answer(ours, ours.expect(ANSWER))
        except OSError as error:
            ours.close()
            raise SyscallError(f"{name}: send the call to the engine", error.errno, syscall="sendmsg") from None
        except BaseException:
            ours.close()
            raise
        finally:
            its.close()

    def close(self) -> None:
        """Let the engine end; waits until it has, and with it its container, unless it is detached."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._control.close()
        if self._pid:
            _reap(self._pid)


class Answer:
    """What a call has started, and how that ends; any thread may wait for it."""

    def __init__(self, channel: Channel, message: Message) -> None:
        """Take over the answer and its channel."""
        self._channel = channel
        self._lock = threading.Lock()
        self._status: int | None = None
        self._is_closed = False
        self.pid = message.number("pid") if "pid" in message.values else 0
        self.fds = message.fds

    def wait(self, what: str, timeout_s: float | None) -> int:
        """Return the exit status of what was started, or 128 and the number of the signal that killed it.

        Raises:
            TimeoutExpiredError: it has not ended in time; ``what`` names it in the error.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        if not self._lock.acquire(timeout=-1 if timeout_s is None else max(timeout_s, 0)):
            raise TimeoutExpiredError(f"{what} has not ended within {timeout_s} s")
        try:
            if self._status is None:
                if self._is_closed:
                    raise LibcontainerError(f"{what} has not ended when its handle was closed")
                if not _is_readable(self._channel.fileno(), deadline):
                    raise TimeoutExpiredError(f"{what} has not ended within {timeout_s} s")
                message = self._channel.receive()
                if message is None:
                    raise ProcessDiedError(f"the engine ended: nobody knows the exit status of {what}")
                self._status = message.number("status")
            return self._status
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the channel; the exit status stays known if it has come by now."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            if self._status is None and _is_readable(self._channel.fileno(), 0):
                message = self._channel.receive()
                if message is not None:
                    self._status = message.number("status")
            self._channel.close()

    @property
    def can_tell(self) -> bool:
        """Whether ``wait`` can still succeed."""
        return not self._is_closed or self._status is not None


def _is_readable(fd: int, deadline: float | None) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    left_ms = None if deadline is None else max(0, int((deadline - time.monotonic()) * 1000) + 1)
    return bool(poll.poll(left_ms))


def _spawn(control_fd: int, kind: str) -> int:
    """Start the engine by posix_spawn(3), which is safe with threads, and return its pid."""
    if not sys.executable:
        raise LibcontainerError("start the container engine: sys.executable does not name a Python interpreter")
    interpreter = os.path.abspath(sys.executable)
    number = 3 if control_fd != 3 else 4  # dup2 to itself would leave it close-on-exec with old C libraries
    actions: list[tuple[object, ...]] = [
        (os.POSIX_SPAWN_DUP2, control_fd, number),
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDWR, 0),
        (os.POSIX_SPAWN_DUP2, 0, 1),
    ]
    if not descriptors.is_open(2):
        actions.append((os.POSIX_SPAWN_DUP2, 0, 2))
    program = _protected(interpreter)
    try:
        return os.posix_spawn(
            interpreter if program < 0 else f"/proc/self/fd/{program}",
            [interpreter, "-ISB", _MAIN, str(number), kind, *_import_paths()],
            os.environ,
            file_actions=actions,
            setsid=True,  # so that the terminal's signals reach the program alone
            setsigmask=(),
            setsigdef=[signal for signal in range(1, 65) if signal not in (9, 19, 32, 33)],
        )
    except OSError as error:
        raise SyscallError(
            f"start the container engine with {interpreter}", error.errno, syscall="posix_spawn", object=interpreter
        ) from None
    finally:
        if program >= 0:
            os.close(program)


def _protected(interpreter: str) -> int:
    """Open the interpreter so that no container can write it through /proc/PID/exe (CVE-2019-5736); -1: no need.

    A read-only clone of its mount if we may make one, a sealed copy if the file is the caller's own.
    """
    syscall = LinuxSyscall()
    try:
        fd = syscall.open_tree(-100, interpreter, flags.OPEN_TREE_CLONE)
    except OSError:
        fd = -1
    if fd >= 0:
        try:
            syscall.mount_setattr(fd, "", flags.AT_EMPTY_PATH, flags.MOUNT_ATTR_RDONLY)
        except OSError:
            os.close(fd)
        else:
            return fd
    with open(interpreter, "rb", buffering=0) as file:
        if os.fstat(file.fileno()).st_uid != os.geteuid():
            return -1
        return executor.memory_file("python", file.read())


def _import_paths() -> list[str]:
    """Return where the engine finds what this program finds: our packages first, wherever they were imported from."""
    found = []
    for name in _NEEDED:
        module = __import__(name)
        if module.__file__ is not None:
            place = os.path.dirname(os.path.abspath(module.__file__))
            found.append(os.path.dirname(place) if hasattr(module, "__path__") else place)
    return list(dict.fromkeys([*found, *(os.path.abspath(path) for path in sys.path)]))


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, 0)
    except OSError as error:
        if error.errno != errno.ECHILD:  # the program's own SIGCHLD handling was faster
            raise
