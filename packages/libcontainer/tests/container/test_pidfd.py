"""Processes that cannot be mistaken for others."""

from __future__ import annotations

import os
import subprocess
import time

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
