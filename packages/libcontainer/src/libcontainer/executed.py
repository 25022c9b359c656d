"""Processes that a program has run in its containers: ``Process`` goes on, ``ExecResult`` is over."""

from __future__ import annotations

import os
import select
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypedDict

from libcontainer import pidfd, signals
from libcontainer.errors import LibcontainerError, SyscallError, TimeoutExpiredError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from libcontainer.engine.client import Answer
    from libcontainer.oci.spec import LinuxCapabilities, Spec
    from libcontainer.oci.spec import Process as ProcessSpec
    from libcontainer.stdio_capture import Capture, Stream

_SLICE_S = 0.05
_CHUNK = 65536


class ExecSettings(TypedDict, total=False):
    """What a process may be given that is not as the container's own process has it.

    Attributes:
        env: variables, added to those of the container.
        cwd: working directory in the container.
        user: user id, or user and group id; the group stays otherwise.
        additional_gids: supplementary groups.
        tty: a new terminal; its master is ``Process.terminal``.
        stdin: file or descriptor; /dev/null without one.
        stdout: file or descriptor; this program's own without one.
        stderr: file or descriptor; this program's own without one.
        input: standard input itself.
        capture_output: take standard output and standard error into memory.
        pass_fds: descriptors that the process gets as 3, 4 and so on.
        capabilities: all five sets.
        no_new_privileges: prctl(2) PR_SET_NO_NEW_PRIVS.
        apparmor_profile: AppArmor profile.
        selinux_label: SELinux label.
        sub_cgroups: cgroups below the container's to join, ``[controllers:]path``.
        ignore_paused: go on in a paused container; the call returns when it is resumed.
        console_socket: socket that is sent the terminal's master, instead of ``Process.terminal``.
        pid_file: file that is given the pid.
    """

    env: Mapping[str, str]
    cwd: str
    user: int | tuple[int, int]
    additional_gids: Sequence[int]
    tty: bool
    stdin: Stream
    stdout: Stream
    stderr: Stream
    input: bytes
    capture_output: bool
    pass_fds: Sequence[int]
    capabilities: LinuxCapabilities
    no_new_privileges: bool
    apparmor_profile: str
    selinux_label: str
    sub_cgroups: Sequence[str]
    ignore_paused: bool
    console_socket: str | os.PathLike[str]
    pid_file: str | os.PathLike[str]


@dataclass(frozen=True)
class ExecResult:
    """How a process ended.

    Attributes:
        args: the program and its arguments.
        returncode: exit status, or 128 and the number of the signal that killed it.
        stdout: what it wrote, b"" unless it was captured. With a terminal everything is here.
        stderr: the same for standard error.
    """

    args: tuple[str, ...]
    returncode: int
    stdout: bytes = b""
    stderr: bytes = b""


class Process:
    """A process that runs in a container beside its own; to be closed.

    Attributes:
        args: the program and its arguments.
        pid: seen from here.
        terminal: the master of its terminal, None without one; belongs to this object.
    """

    def __init__(self, args: tuple[str, ...], answer: Answer, captures: tuple[Capture, ...]) -> None:
        """Take over what the engine has answered; programs use ``Container.spawn``."""
        self.args = args
        self.pid = answer.pid
        self._pidfd, *masters = answer.fds
        self.terminal: int | None = masters[0] if masters else None
        self._answer = answer
        self._captures = captures

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status, or 128 and the number of the signal that killed it.

        Args:
            timeout: seconds; None waits for ever.

        Raises:
            TimeoutExpiredError: it has not ended; it goes on.
        """
        return self._answer.wait(self._name(), timeout)

    def kill(self, signal: int | str = "TERM") -> None:
        """Send a signal, by number or name; one that has ended is left alone."""
        try:
            pidfd.pidfd_send_signal(self._pidfd, signal_number(signal))
        except ProcessLookupError:
            pass
        except OSError as error:
            raise SyscallError(
                f"send signal {signal} to {self._name()}", error.errno, syscall="pidfd_send_signal"
            ) from None

    def communicate(self, timeout: float | None = None) -> ExecResult:
        """Wait for the end and return it with the output; a terminal is read on the way, so that it does not fill up.

        Raises:
            TimeoutExpiredError: it has not ended in time and was killed; the error holds the output so far.
        """
        read: list[bytes] = []
        try:
            status = self._read_terminal(read, timeout) if self.terminal is not None else self.wait(timeout)
        except TimeoutExpiredError as error:
            self.kill("KILL")
            self.wait()
            error.stdout, error.stderr = self._output(read)
            raise
        return ExecResult(self.args, status, *self._output(read))

    def close(self) -> None:
        """Give up the terminal, the captured output and the right to wait; the process goes on."""
        for fd in (self._pidfd, self.terminal):
            if fd is not None and fd >= 0:
                os.close(fd)
        self._pidfd, self.terminal = -1, None
        for capture in self._captures:
            capture.close()
        self._answer.close()

    def _output(self, read: list[bytes]) -> tuple[bytes, bytes]:
        if self.terminal is not None:
            return b"".join(read), b""
        stdout, stderr = (capture.read() for capture in self._captures) if self._captures else (b"", b"")
        return stdout, stderr

    def _read_terminal(self, read: list[bytes], timeout: float | None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _SLICE_S if deadline is None else min(_SLICE_S, deadline - time.monotonic())
            self._read_some(read, max(left, 0))
            try:
                status = self.wait(0)
            except TimeoutExpiredError:
                if deadline is not None and time.monotonic() >= deadline:
                    raise
            else:
                while self._read_some(read, 0):
                    pass
                return status

    def _read_some(self, read: list[bytes], timeout_s: float) -> bool:
        """Read what the terminal has; False if that is nothing."""
        assert self.terminal is not None
        if not select.select([self.terminal], [], [], timeout_s)[0]:
            return False
        try:
            data = os.read(self.terminal, _CHUNK)
        except OSError:  # EIO: nobody has the other side open
            time.sleep(min(timeout_s, 0.01))
            return False
        read.append(data)
        return bool(data)

    def _name(self) -> str:
        return f"process {self.pid} ({self.args[0]})"


def signal_number(signal: int | str) -> int:
    """Return the number of a signal given by number or name, with or without SIG.

    Raises:
        ValueError: there is no such signal.
    """
    return signals.parse(str(int(signal)) if isinstance(signal, int) else signal)


def process_of(spec: Spec, args: tuple[str, ...], settings: ExecSettings) -> ProcessSpec:
    """Return the process to execute: the container's own, changed by the settings."""
    own = spec.process
    if own is None:
        raise LibcontainerError("the container has no process to take after")
    changes: dict[str, object] = {
        "args": args,
        "terminal": settings.get("tty", False),
        "env": (*own.env, *(f"{name}={value}" for name, value in settings.get("env", {}).items())),
    }
    for setting, name in _COPIED.items():
        if setting in settings:
            changes[name] = settings[setting]  # type: ignore[literal-required]  # _COPIED has names of settings only
    user = own.user
    if "user" in settings:
        given = settings["user"]
        uid, gid = (given, user.gid) if isinstance(given, int) else given
        user = user.replace(uid=uid, gid=gid)
    if "additional_gids" in settings:
        user = user.replace(additional_gids=tuple(settings["additional_gids"]))
    return own.replace(user=user, **changes)


_COPIED = {
    "cwd": "cwd",
    "capabilities": "capabilities",
    "no_new_privileges": "no_new_privileges",
    "apparmor_profile": "apparmor_profile",
    "selinux_label": "selinux_label",
}
