"""Terminals: the console socket of detached containers, and the caller's own terminal in the foreground."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import MakeBundle
    from tests.support.descriptor_socket import DescriptorSocket
    from tests.support.runtime import Container, Runtime

pytestmark = pytest.mark.root

_TERMINAL = mutations.process(terminal=True)


@pytest.fixture
def console(descriptor_socket: DescriptorSocket) -> DescriptorSocket:
    """A listening console socket."""
    return descriptor_socket


def _start(
    runtime: Runtime, make_bundle: MakeBundle, console: DescriptorSocket, script: str, *changes: mutations.Mutation
) -> tuple[Container, int]:
    bundle = make_bundle("sh", "-c", script, mutate=mutations.every(_TERMINAL, *changes))
    container = runtime.create(bundle, "--console-socket", console.path)
    _, master = console.receive()
    container.start()
    return container, master


def test_output_comes_through_the_master(runtime: Runtime, make_bundle: MakeBundle, console: DescriptorSocket) -> None:
    _, master = _start(runtime, make_bundle, console, "echo hello")

    assert _read_until_closed(master) == "hello\r\n"


def test_input_goes_through_the_master(runtime: Runtime, make_bundle: MakeBundle, console: DescriptorSocket) -> None:
    _, master = _start(runtime, make_bundle, console, "stty -echo; echo go; read line; echo got $line")
    _read_until(master, "go")

    os.write(master, b"this\n")

    assert _read_until_closed(master).endswith("got this\r\n")


def test_all_three_streams_are_the_terminal(
    runtime: Runtime, make_bundle: MakeBundle, console: DescriptorSocket
) -> None:
    _, master = _start(runtime, make_bundle, console, "for n in 0 1 2; do readlink /proc/self/fd/$n; done")

    assert set(_read_until_closed(master).split()) <= {"/dev/pts/0", "/dev/console"}


def test_it_is_the_controlling_terminal(runtime: Runtime, make_bundle: MakeBundle, console: DescriptorSocket) -> None:
    _, master = _start(runtime, make_bundle, console, "echo to the terminal > /dev/tty")

    assert _read_until_closed(master) == "to the terminal\r\n"


def test_dev_console_is_the_terminal(runtime: Runtime, make_bundle: MakeBundle, console: DescriptorSocket) -> None:
    _, master = _start(runtime, make_bundle, console, "echo to the console > /dev/console")

    assert _read_until_closed(master) == "to the console\r\n"


def test_terminal_belongs_to_the_containers_devpts(
    runtime: Runtime, make_bundle: MakeBundle, console: DescriptorSocket
) -> None:
    _, master = _start(runtime, make_bundle, console, "ls /dev/pts")

    assert _read_until_closed(master).split() == ["0", "ptmx"]


def test_console_size(runtime: Runtime, make_bundle: MakeBundle, console: DescriptorSocket) -> None:
    size = mutations.process(consoleSize={"height": 33, "width": 99})

    _, master = _start(runtime, make_bundle, console, "stty size", size)

    assert _read_until_closed(master) == "33 99\r\n"


def test_terminal_of_an_ordinary_user_is_his(
    runtime: Runtime, make_bundle: MakeBundle, console: DescriptorSocket
) -> None:
    user = mutations.process(user={"uid": 1000, "gid": 1000})

    _, master = _start(runtime, make_bundle, console, "stat -c %u /dev/pts/0; echo ok > /dev/tty", user)

    assert _read_until_closed(master) == "1000\r\nok\r\n"


def test_detached_run(runtime: Runtime, make_bundle: MakeBundle, console: DescriptorSocket) -> None:
    bundle = make_bundle("echo", "hello", mutate=_TERMINAL)

    runtime.run(bundle, "--detach", "--console-socket", console.path).succeed()

    _, master = console.receive()
    assert _read_until_closed(master) == "hello\r\n"


def test_detached_exec(runtime: Runtime, make_bundle: MakeBundle, console: DescriptorSocket) -> None:
    container = runtime.start(make_bundle())
    options = ["--tty", "--detach", "--console-socket", console.path]

    container.exec("sh", "-c", "tty; echo hello", options=options).succeed()

    _, master = console.receive()
    assert _read_until_closed(master) == "/dev/pts/0\r\nhello\r\n"


class TestFailure:
    def test_create_with_a_terminal_needs_a_console_socket(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        result = runtime.try_create(make_bundle(mutate=_TERMINAL)).exit_with(1)

        assert "console" in result.message

    def test_console_socket_needs_a_terminal(
        self, runtime: Runtime, make_bundle: MakeBundle, console: DescriptorSocket
    ) -> None:
        runtime.try_create(make_bundle(), "--console-socket", console.path).exit_with(1)

    def test_nobody_listens(self, runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
        bundle = make_bundle(mutate=_TERMINAL)

        runtime.try_create(bundle, "--console-socket", f"{work}/nobody").exit_with(1)

        assert runtime.ids() == []


class Foreground:
    """``run`` or ``exec`` on a terminal of the test's own."""

    def __init__(self, runtime: Runtime, *args: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
        self.process = subprocess.Popen(
            ["setsid", "--ctty", runtime.path, "--root", runtime.root, *args], stdin=slave, stdout=slave, stderr=slave
        )
        os.close(slave)

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        os.close(self.master)


@pytest.fixture
def foreground(runtime: Runtime, make_bundle: MakeBundle) -> Iterator[Foreground]:
    """A container in the foreground whose shell waits for commands."""
    # A signal that comes while the shell reads ends that read as the end of the input would: it reads again.
    script = "trap 'stty size' WINCH; stty -echo; echo up; while :; do if read line; then eval \"$line\"; fi; done"
    bundle = make_bundle("sh", "-c", script, mutate=_TERMINAL)
    opened = Foreground(runtime, "run", "--bundle", bundle.directory, bundle.id)
    try:
        _read_until(opened.master, "up")
        # Raw mode is what passes keys on; setting it may discard what was typed before.
        eventually(lambda: not termios.tcgetattr(opened.master)[3] & termios.ICANON, "raw mode")
        yield opened
    finally:
        opened.close()


class TestForeground:
    def test_what_is_typed_reaches_the_program(self, foreground: Foreground) -> None:
        os.write(foreground.master, b"echo $((6 * 7))\n")

        assert _read_until(foreground.master, "42")

    def test_size_is_the_callers(self, foreground: Foreground) -> None:
        os.write(foreground.master, b"stty size\n")

        assert _read_until(foreground.master, "30 90")

    def test_new_size_is_passed_on(self, foreground: Foreground) -> None:
        fcntl.ioctl(foreground.master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        os.write(foreground.master, b"sleep 0.3; stty size\n")

        assert _read_until(foreground.master, "40 120")

    def test_interrupt_character_signals_the_program(self, foreground: Foreground) -> None:
        os.write(foreground.master, b"trap 'echo interrupted' INT; echo ready\n")
        _read_until(foreground.master, "ready")

        os.write(foreground.master, b"\x03")

        assert _read_until(foreground.master, "interrupted")

    def test_exit_status_is_the_programs(self, foreground: Foreground) -> None:
        os.write(foreground.master, b"exit 5\n")

        assert foreground.process.wait(10) == 5

    def test_callers_terminal_is_as_before(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle("true", mutate=_TERMINAL)
        opened = Foreground(runtime, "run", "--bundle", bundle.directory, bundle.id)
        before = termios.tcgetattr(opened.master)

        opened.process.wait(10)

        after = termios.tcgetattr(opened.master)
        opened.close()
        assert after == before

    def test_termination_of_the_runtime_ends_the_container(self, foreground: Foreground, runtime: Runtime) -> None:
        os.write(foreground.master, b"trap 'exit 9' TERM; echo ready\n")
        _read_until(foreground.master, "ready")

        foreground.process.send_signal(signal.SIGTERM)
        os.write(foreground.master, b"\n")

        assert foreground.process.wait(10) == 9
        assert runtime.ids() == []

    def test_exec(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle())
        opened = Foreground(runtime, "exec", "--tty", container.id, "sh", "-c", "tty; exit 3")

        seen = _read_until_closed(opened.master)

        status = opened.process.wait(10)
        opened.close()
        assert (seen, status) == ("/dev/pts/0\r\n", 3)


def _read_until_closed(master: int) -> str:
    return _read(master, lambda _: False)


def _read_until(master: int, text: str) -> str:
    seen = _read(master, lambda so_far: text in so_far)
    assert text in seen
    return seen


def _read(master: int, enough: Callable[[str], bool]) -> str:
    """Read until enough was seen, the last slave was closed (EIO), or five seconds have passed."""
    seen = b""
    deadline = time.monotonic() + 5
    while not enough(seen.decode(errors="replace")) and time.monotonic() < deadline:
        if not select.select([master], [], [], 0.1)[0]:
            continue
        try:
            seen += os.read(master, 4096)
        except OSError:
            break
    return seen.decode(errors="replace")
