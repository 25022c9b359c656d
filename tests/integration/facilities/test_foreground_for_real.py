"""Run and exec in the foreground: exit status, forwarded signals, and a terminal between two real pseudoterminals."""

from __future__ import annotations

import os
import select
import signal
import termios
import time
from typing import TYPE_CHECKING, Any

import pytest

from libcontainer import foreground, signals, tty
from tests.integration.facilities import child
from tests.integration.facilities.child import SYSCALL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHELL = ["/bin/sh", "-c"]


def create(argv: list[str], *, terminal: bool = False) -> tuple[int, int, int | None, int]:
    """Fork a program that starts when the last result, a descriptor, is closed; returns pid, pidfd, master and that."""
    master = slave = None
    gate, start = os.pipe()
    if terminal:
        directory = os.open("/dev", os.O_PATH | os.O_CLOEXEC)
        master, slave, _ = tty.open_pair(SYSCALL, directory)
        os.close(directory)
    pid, pidfd = SYSCALL.clone3(0)
    if pid == 0:
        try:
            os.close(start)
            os.setsid()
            SYSCALL.default_signals()
            if slave is not None:
                tty.attach(slave)
            os.read(gate, 1)
            os.execv(argv[0], argv)
        finally:
            os._exit(127)
    if slave is not None:
        os.close(slave)
    os.close(gate)
    return pid, pidfd, master, start


def status_of(script: str) -> int:
    pid, pidfd, _, start = create([*SHELL, script])
    waiting = foreground.Foreground(SYSCALL)
    os.close(start)
    try:
        return waiting.wait(pid, pidfd)
    finally:
        waiting.close()
        os.close(pidfd)


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill $$", 143)])
def test_exit_status_comes_back(script: str, status: int) -> None:
    assert child.run(lambda: status_of(script)) == status


def test_handlers_are_given_back() -> None:
    def handlers() -> list[Any]:
        return [signal.getsignal(number) for number in range(1, 65)]

    before = handlers()
    waiting = foreground.Foreground(SYSCALL)
    waiting.close()

    assert handlers() == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGRTMIN + 5])
def test_signal_is_forwarded(number: int) -> None:
    def work() -> int:
        name = signals.name_of(number).removeprefix("SIG") if number < signal.SIGRTMIN else str(int(number))
        reader, writer = os.pipe()
        os.dup2(writer, 9)  # the shell takes one digit
        os.close(writer)
        pid, pidfd, _, start = create([*SHELL, f"trap 'exit 42' {name}; echo ready >&9; while :; do sleep 0.02; done"])
        os.close(9)
        waiting = foreground.Foreground(SYSCALL)
        os.close(start)
        os.read(reader, 5)
        os.kill(os.getpid(), number)  # before it waits: it must not be lost
        return waiting.wait(pid, pidfd)

    assert child.run(work) == 42


def test_orphans_of_the_container_are_reaped_on_the_way() -> None:
    def work() -> list[int]:
        SYSCALL.prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
        pid, pidfd, _, start = create([*SHELL, "(sleep 0.1 & sleep 0.1 &) ; sleep 0.5; exit 3"])
        waiting = foreground.Foreground(SYSCALL)
        os.close(start)
        status = waiting.wait(pid, pidfd)
        try:
            return [status, os.waitpid(-1, os.WNOHANG)[0]]
        except ChildProcessError:
            return [status, -1]

    assert child.run(work) == [3, -1]


class Caller:
    """A runtime in the foreground, seen from the user's side of its terminal."""

    def __init__(self, argv: list[str], *, stdin: int | None = None, stdout: int | None = None) -> None:
        self.master, slave = os.openpty()
        termios.tcsetwinsize(self.master, (11, 77))
        self.slave = slave
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                tty.attach(slave)
                if stdin is not None:
                    os.dup2(stdin, 0)
                if stdout is not None:
                    os.dup2(stdout, 1)
                pid, pidfd, master, start = create(argv, terminal=True)
                waiting = foreground.Foreground(SYSCALL, master)
                os.close(start)
                status = waiting.wait(pid, pidfd)
                waiting.close()
                os._exit(status)
            finally:
                os._exit(99)

    def until(self, wanted: bytes, timeout_s: float = 5) -> bytes:
        """Read the user's screen until some text appears."""
        seen = b""
        deadline = time.monotonic() + timeout_s
        while wanted not in seen:
            ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"saw only {seen!r}"
            seen += os.read(self.master, 4096)
        return seen

    def type(self, text: bytes) -> None:
        os.write(self.master, text)

    def mode(self) -> list[Any]:
        return termios.tcgetattr(self.slave)

    def end(self) -> int:
        """Wait for the runtime; returns its exit status."""
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        """Hang up, and kill the runtime if the test did not see its end."""
        os.close(self.master)
        os.close(self.slave)
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


@pytest.fixture
def call() -> Iterator[Callable[..., Caller]]:
    """A function that runs a shell script on a terminal in the foreground; all of them are ended with the test."""
    callers: list[Caller] = []

    def make(script: str, **redirections: int) -> Caller:
        callers.append(Caller([*SHELL, script], **redirections))
        return callers[-1]

    yield make
    for caller in callers:
        caller.close()


def test_terminal_carries_input_output_size_and_status(call: Callable[..., Caller]) -> None:
    caller = call("stty size; tty; read line; echo got $line; exit 5")
    cooked = caller.mode()

    assert b"11 77\r\n/dev/pts/" in caller.until(b"/dev/pts/")
    assert caller.mode()[3] & (termios.ECHO | termios.ICANON | termios.ISIG) == 0
    caller.type(b"hello\r")
    told = caller.until(b"got hello\r\n")
    # The echo may come before the rest of what tty(1) has printed.
    assert b"hello\r\n" in told.removesuffix(b"got hello\r\n")
    assert caller.end() == 5
    assert caller.mode()[:4] == cooked[:4]


def test_interrupt_key_reaches_the_container_and_not_the_runtime(call: Callable[..., Caller]) -> None:
    caller = call("trap 'echo interrupted; exit 6' INT; echo ready; while :; do sleep 0.02; done")

    caller.until(b"ready")
    caller.type(b"\x03")

    caller.until(b"interrupted\r\n")
    assert caller.end() == 6


def test_change_of_size_is_passed_on(call: Callable[..., Caller]) -> None:
    caller = call("trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.02; done")

    caller.until(b"ready")
    termios.tcsetwinsize(caller.master, (22, 33))

    caller.until(b"22 33\r\n")
    assert caller.end() == 0


def test_last_output_of_an_ended_process_is_not_lost(call: Callable[..., Caller]) -> None:
    caller = call("seq 1 20000")

    assert caller.until(b"\n20000\r\n", 20).count(b"\r\n") == 20000
    assert caller.end() == 0


def test_background_process_on_the_terminal_delays_nobody(call: Callable[..., Caller]) -> None:
    caller = call("trap '' HUP; sleep 3 & echo done; exit 4")

    caller.until(b"done\r\n")
    started = time.monotonic()
    assert caller.end() == 4
    assert time.monotonic() - started < 2


def test_large_paste_does_not_lock_up(call: Callable[..., Caller]) -> None:
    caller = call("stty raw -echo; echo ready; head -c 200000 | wc -c")
    caller.until(b"ready")
    os.set_blocking(caller.master, False)
    pasted = b"x" * 200_000
    seen = b""
    deadline = time.monotonic() + 20
    while b"200000" not in seen:
        assert time.monotonic() < deadline, (len(pasted), seen)
        readable, writable, _ = select.select([caller.master], [caller.master] if pasted else [], [], 1)
        if writable:
            pasted = pasted[os.write(caller.master, pasted) :]
        if readable:
            seen += os.read(caller.master, 4096)

    assert caller.end() == 0


def test_redirected_output_has_no_carriage_returns(call: Callable[..., Caller]) -> None:
    reader, writer = os.pipe()
    caller = call("echo a; echo b", stdout=writer)
    os.close(writer)

    with os.fdopen(reader, "rb") as output:
        assert output.read() == b"a\nb\n"
    assert caller.end() == 0


def test_closed_output_does_not_stop_the_container(call: Callable[..., Caller]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    caller = call("seq 1 20000; exit 0", stdout=writer)
    os.close(writer)

    assert caller.end() == 0


def test_input_that_ends_is_no_fault(call: Callable[..., Caller]) -> None:
    null = os.open("/dev/null", os.O_RDONLY)
    caller = call("echo a", stdin=null)
    os.close(null)

    assert b"a\r\n" in caller.until(b"a\r\n")
    assert caller.end() == 0
