"""Running the hooks of a container, the OCI runtime-spec's POSIX-platform Hooks; not for deciding when they run.

A hook gets the state on standard input and nothing else of ours: descriptors above 2 are closed, signals are as after
boot, it leads its own process group. A hook of a creation dies with us: nobody would heed it. Only the hook itself is
waited for: what it leaves in the background may keep its output open, but delays nobody and finds the pipe closed when
it writes later.
"""

from __future__ import annotations

import _signal
import errno
import os
import select
import struct
import time

from libcontainer import errors, run_oci, seal
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

    from libcontainer.oci.spec import Hook
    from libcontainer.syscall import Syscall

OUTPUT_LIMIT = 8192
"""Bytes of each output stream that are kept for the error text, the last ones: there the reason is told."""

NO_COPIES = (-1, -1)

_CHUNK = 65536
_KEPT = ("poststart", "poststop")  # what they began, they had better finish: nobody takes it back


def run(
    syscall: Syscall,
    hooks: Sequence[Hook],
    state_json: bytes,
    *,
    kind: str,
    cwd: str,
    environment: Mapping[str, str],
    copies: tuple[int, int] = NO_COPIES,
) -> None:
    """Run hooks one after the other; the first that fails ends it.

    The calling process must have one thread.

    ``state_json`` is the container's state, written to each hook's standard input. ``kind`` is the property that names
    them, such as ``createRuntime``. ``cwd`` is their working directory. ``environment`` is for hooks without an ``env``
    of their own. The specification is silent about these; runc and crun pass on the runtime's environment, and
    startContainer hooks get that of the container's process. ``copies`` are files that their standard output and error
    are also written to, see ``open_copies``.

    Raises:
        HookError: a hook could not be started, failed, or ran past its timeout; its process group was killed then.
    """
    for index, hook in enumerate(hooks):
        error = _run_one(syscall, hook, state_json, cwd, environment, copies, is_kept=kind in _KEPT)
        if error is not None:
            raise errors.HookError(
                f"error running hook #{index}: {error}",
                step=f"hook {kind}",
                property=f"hooks.{kind}[{index}]",
                object=hook.path,
            )


def run_outside(
    syscall: Syscall,
    hooks: Sequence[Hook],
    state_json: bytes,
    *,
    kind: str,
    cwd: str,
    annotations: Mapping[str, str],
) -> None:
    """Run hooks of the runtime's own namespaces, as ``run`` does, with its environment.

    ``annotations`` are the container's, which may name files for the output.
    """
    copies = open_copies(annotations)
    try:
        run(syscall, hooks, state_json, kind=kind, cwd=cwd, environment=os.environ, copies=copies)
    finally:
        close_copies(copies)


def open_copies(annotations: Mapping[str, str]) -> tuple[int, int]:
    """Open the files that annotations name for the standard output and error of hooks; -1 where there is none.

    Raises:
        HookError: one cannot be opened for writing.
    """
    if not annotations:
        return NO_COPIES
    stdout = _open_copy(run_oci.HOOKS_STDOUT, annotations)
    try:
        return stdout, _open_copy(run_oci.HOOKS_STDERR, annotations)
    except errors.HookError:
        close_copies((stdout, -1))
        raise


def close_copies(copies: tuple[int, int]) -> None:
    """Close what ``open_copies`` opened."""
    for fd in copies:
        if fd >= 0:
            os.close(fd)


def _open_copy(name: str, annotations: Mapping[str, str]) -> int:
    path = annotations.get(name)
    if not path:
        return -1
    try:
        # Non-blocking: a FIFO that nobody reads must not make us wait.
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY, 0o600)
    except OSError as error:
        raise errors.HookError(
            f"open {path} for the output of hooks",
            error.errno,
            step="hooks",
            property=f"annotations[{name}]",
            object=path,
        ) from None


def _run_one(
    syscall: Syscall,
    hook: Hook,
    state_json: bytes,
    cwd: str,
    environment: Mapping[str, str],
    copies: tuple[int, int],
    *,
    is_kept: bool,
) -> str | None:
    """Run one hook; returns the reason when it failed, in runc's words, which engines show to their users."""
    deadline = None if hook.timeout is None else time.monotonic() + hook.timeout
    child = _Child(syscall, hook, cwd, environment, is_kept=is_kept)
    try:
        if child.start_error:
            return f"fork/exec {hook.path}: {errors.strerror(child.start_error)}"
        child.stream.copy_to(copies)
        child.stream.feed(state_json)
        if not child.stream.until_exit(child.pidfd, deadline):
            return f"hook ran past specified timeout of {hook.timeout}.0s"
        status = child.reap()
        if status == 0:
            return None
        stdout, stderr = child.stream.output()
        return f"error running hook: {_describe(status)}, stdout: {stdout}, stderr: {stderr}"
    finally:
        child.close()


def _describe(status: int) -> str:
    return f"exit status {status}" if status > 0 else f"signal: {(_signal.strsignal(-status) or str(-status)).lower()}"


class _Child:
    """The process of a hook, from clone to reaping; ``start_error`` is the errno when it could not be executed."""

    def __init__(
        self, syscall: Syscall, hook: Hook, cwd: str, environment: Mapping[str, str], *, is_kept: bool
    ) -> None:
        parent = 0 if is_kept else os.getpid()
        stdin, stdin_writer = os.pipe2(os.O_CLOEXEC)
        stdout_reader, stdout = os.pipe2(os.O_CLOEXEC)
        stderr_reader, stderr = os.pipe2(os.O_CLOEXEC)
        report_reader, report = os.pipe2(os.O_CLOEXEC)
        self.stream = _Stream(stdin_writer, stdout_reader, stderr_reader)
        self.pidfd = -1
        self.reaped = False
        try:
            self.pid, self.pidfd = syscall.clone3(0)
            if self.pid == 0:
                _execute(syscall, hook, cwd, environment, (stdin, stdout, stderr), report, parent)
        except BaseException:
            self.stream.close()
            os.close(report_reader)
            raise
        finally:
            for fd in (stdin, stdout, stderr, report):
                os.close(fd)
        # Nothing is written when execve succeeds: the descriptor closes with it.
        told = os.read(report_reader, 4)
        os.close(report_reader)
        self.start_error: int = struct.unpack("i", told)[0] if len(told) == 4 else 0

    def reap(self) -> int:
        """Wait for the exit; returns the exit status, or the negative number of the signal that killed it."""
        self.reaped = True
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        """Kill what still runs, with everything in its process group, and close the descriptors."""
        if not self.reaped:
            try:
                # The hook is not reaped, so its pid, and with it the number of its group, cannot have been reused.
                os.killpg(self.pid, _signal.SIGKILL)
            except OSError as error:
                if error.errno != errno.ESRCH:
                    raise
            self.reap()
        self.stream.close()
        os.close(self.pidfd)


def _execute(
    syscall: Syscall,
    hook: Hook,
    cwd: str,
    environment: Mapping[str, str],
    stdio: tuple[int, int, int],
    report: int,
    parent: int,
) -> NoReturn:
    """Become the hook, which ends with its parent unless that is 0; tells the errno over ``report`` when that fails."""
    number = errno.EINVAL
    try:
        # All descriptors get other numbers here.
        seal.take_into_memory()
        if parent:
            syscall.prctl(flags.PR_SET_PDEATHSIG, _signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(127)  # it was gone before
        os.setpgid(0, 0)
        syscall.default_signals()
        # Duplicated above the report first: the pipes may have got numbers below 3 when the caller had these closed.
        copies = [_above_report(fd) for fd in (*stdio, report)]
        for target, fd in enumerate(copies[:3]):
            os.dup2(fd, target, inheritable=True)
        os.dup2(copies[3], _REPORT_FD, inheritable=False)
        report = _REPORT_FD
        syscall.close_range(_REPORT_FD + 1, _LAST_FD)
        os.chdir(cwd)
        own = None if hook.env is None else dict(entry.split("=", 1) for entry in hook.env if "=" in entry)
        syscall.execve(hook.path, list(hook.args or (hook.path,)), environment if own is None else own)
    except OSError as error:
        number = error.errno or errno.EIO
    finally:
        os.write(report, struct.pack("i", number))
        os._exit(127)


_REPORT_FD = 3
_LAST_FD = (1 << 32) - 1


def _above_report(fd: int) -> int:
    while fd <= _REPORT_FD:
        fd = os.dup(fd)
    return fd


class _Stream:
    """The parent's ends of a hook's three pipes, served without ever blocking on one of them."""

    def __init__(self, stdin: int, stdout: int, stderr: int) -> None:
        self.stdin = stdin
        self.pending = memoryview(b"")
        self.registered = False
        self.kept = {stdout: b"", stderr: b""}
        self.readers = [stdout, stderr]
        self.copies: dict[int, int] = {}
        for fd in (stdin, stdout, stderr):
            os.set_blocking(fd, False)

    def feed(self, data: bytes) -> None:
        """Set what the hook reads from its standard input."""
        self.pending = memoryview(data)

    def copy_to(self, copies: tuple[int, int]) -> None:
        """Write what is read from the two outputs also to these files, -1 for none."""
        self.copies = dict(zip(self.kept, copies, strict=True))

    def until_exit(self, pidfd: int, deadline: float | None) -> bool:
        """Serve the pipes until the process ends; returns False when the deadline passed before.

        ``deadline`` is time.monotonic() seconds, None to wait for ever.
        """
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        for fd in self.readers:
            poll.register(fd, select.POLLIN)
        self._write(poll)
        while True:
            left_ms = None if deadline is None else (deadline - time.monotonic()) * 1000
            if left_ms is not None and left_ms <= 0:
                return False
            for fd, _ in poll.poll(left_ms):
                if fd == pidfd:
                    self._drain(poll)
                    return True
                if fd == self.stdin:
                    self._write(poll)
                else:
                    self._read(fd, poll)

    def output(self) -> tuple[str, str]:
        """Return the last bytes of standard output and standard error as text."""
        out, err = (kept.decode("utf-8", "replace") for kept in self.kept.values())
        return out, err

    def close(self) -> None:
        """Close all descriptors."""
        for fd in (self.stdin, *self.kept):
            if fd >= 0:
                os.close(fd)

    def _write(self, poll: select.poll) -> None:
        """Write what the pipe takes; closes it when all is written or the hook does not want to read."""
        try:
            if self.pending:
                self.pending = self.pending[os.write(self.stdin, self.pending) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self.pending = memoryview(b"")
        if self.pending:
            poll.register(self.stdin, select.POLLOUT)
            self.registered = True
            return
        if self.registered:
            poll.unregister(self.stdin)
        os.close(self.stdin)
        self.stdin = -1

    def _drain(self, poll: select.poll) -> None:
        """Read what the pipes hold at the end, and no more: a background process may write for ever."""
        for _ in range(2):
            for fd in list(self.readers):
                self._read(fd, poll)

    def _read(self, fd: int, poll: select.poll) -> None:
        """Read once and keep the end of it."""
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return
        if not data:
            poll.unregister(fd)
            self.readers.remove(fd)
            return
        self.kept[fd] = (self.kept[fd] + data)[-OUTPUT_LIMIT:]
        if self.copies.get(fd, -1) >= 0:
            try:
                os.write(self.copies[fd], data)
            except OSError:
                self.copies[fd] = -1  # a full disk is no fault of the hook
