"""Processes that cannot be mistaken for others."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from libcontainer import pidfd


def test_a_process_is_itself() -> None:
    started = pidfd.start_time(os.getpid())
    assert started is not None

    fd = pidfd.open_process(os.getpid(), started)

    assert fd is not None
    assert not os.get_inheritable(fd)
    os.close(fd)


def test_a_process_with_another_start_is_another() -> None:
    assert pidfd.open_process(os.getpid(), 1) is None


def test_a_number_that_is_no_process_is_none() -> None:
    assert pidfd.open_process(0, 0) is None
    assert pidfd.open_process(-1, 0) is None
    assert pidfd.open_process(2**22 + 1, 0) is None
    assert pidfd.start_time(2**22 + 1) is None


def test_a_name_with_blanks_and_parentheses_is_no_trap() -> None:
    with subprocess.Popen(["bash", "-c", "printf 'a) Z (b' > /proc/self/comm; echo; read x"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:  # fmt: skip
        assert child.stdout is not None
        child.stdout.readline()
        with open(f"/proc/{child.pid}/comm", encoding="ascii") as file:
            assert file.read() == "a) Z (b\n"

        started = pidfd.start_time(child.pid)

        assert started is not None
        own = pidfd.start_time(os.getpid())
        assert own is not None
        assert started >= own


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("kill -TERM $$", ("sh", signal.SIGTERM)),
        ("exec sh -c 'printf waiting > /proc/self/comm; kill -KILL $$'", ("waiting", signal.SIGKILL)),
        ("printf waiting > /proc/self/comm; exec timeout -s KILL 0.01 sleep 9", ("timeout", signal.SIGKILL)),
        ("exit 3", None),
    ],
    ids=["signal", "name of its own", "name of the program", "exit status"],
)
def test_name_and_signal_are_told_of_a_process_that_was_killed(script: str, expected: tuple[str, int] | None) -> None:
    with subprocess.Popen(["sh", "-c", f"read line; {script}"], stdin=subprocess.PIPE) as child:
        started = pidfd.start_time(child.pid)
        assert started is not None
        assert pidfd.killed_as(child.pid, started) is None  # it waits
        assert child.stdin is not None
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

        assert pidfd.killed_as(child.pid, started) == expected
        assert pidfd.killed_as(child.pid, started + 1) is None
    assert pidfd.killed_as(child.pid, started) is None


def test_the_end_of_a_process_is_awaited() -> None:
    with subprocess.Popen(["sleep", "0.05"]) as child:
        fd = os.pidfd_open(child.pid)

        assert not pidfd.wait_for_exit(fd, 0)
        assert pidfd.wait_for_exit(fd, 5)
        assert pidfd.wait_for_exit(fd, None)
        os.close(fd)


def test_no_longer_than_asked_for() -> None:
    with subprocess.Popen(["sleep", "1000"]) as child:
        fd = os.pidfd_open(child.pid)
        begun = time.monotonic()

        assert not pidfd.wait_for_exit(fd, 0.05)

        assert 0.05 <= time.monotonic() - begun < 1
        child.kill()
        os.close(fd)
