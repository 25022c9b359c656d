"""Processes that cannot be mistaken for others: pidfds checked against a start time; not for signalling by number.

A pid is reused, a pidfd is not. What is stored on disk is (pid, start time), field 22 of /proc/PID/stat, proc(5).
"""

from __future__ import annotations

import errno
import os
import time

try:
    from _signal import pidfd_send_signal
except ImportError:  # another interpreter than CPython
    from signal import pidfd_send_signal

__all__ = ["kill_child", "killed_as", "open_process", "pidfd_send_signal", "reap", "start_time", "wait_for_exit"]

_SIGKILL = 9
_PF_KILLED = 0x4 | 0x400  # PF_EXITING, PF_SIGNALED of linux/sched.h


def start_time(pid: int) -> int | None:
    """Return when a live process was started, in clock ticks since boot; None for one that is gone or a zombie."""
    _, fields = _stat(pid)
    return None if not fields or fields[0] in (b"Z", b"X") else int(fields[19])


def killed_as(pid: int, started: int) -> tuple[str, int] | None:
    """Return the name of a process that a signal has ended, or is ending, and the signal; None if there is no such.

    A name is changed by every execve(2) and stays until the process is reaped: it tells the last program.

    Args:
        pid: the process.
        started: its start time.

    Returns:
        The signal is 0 where the kernel does not tell it to this user.
    """
    name, fields = _stat(pid)
    if not fields or int(fields[19]) != started:
        return None
    # Set before its descriptors are closed, which is what others notice first.
    if int(fields[6]) & _PF_KILLED != _PF_KILLED:
        return None
    return name, int(fields[49]) & 0x7F


def _stat(pid: int) -> tuple[str, list[bytes]]:
    """Return the name of a process and the fields of /proc/PID/stat from the third on, none if it is gone."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return "", []
    try:
        text = os.read(fd, 1024)
    except OSError:
        return "", []
    finally:
        os.close(fd)
    # The name in parentheses may itself hold blanks and parentheses; what follows the last one does not.
    end = text.rfind(b")")
    return text[text.find(b"(") + 1 : end].decode(errors="replace"), text[end + 2 :].split()


def open_process(pid: int, started: int) -> int | None:
    """Open a pidfd of the process that was started then; None if it has ended, even when its pid lives on.

    Raises:
        OSError: pidfd_open(2) failed for another reason than that there is no such process.
    """
    if pid <= 0:
        return None
    try:
        fd = os.pidfd_open(pid)
    except OSError as error:
        if error.errno in (errno.ESRCH, errno.EINVAL):
            return None
        raise
    if start_time(pid) == started:
        return fd
    os.close(fd)
    return None


def wait_for_exit(pidfd: int, timeout_s: float | None) -> bool:
    """Wait until the process has ended; False if it has not within the time. None waits for ever."""
    import select  # only who waits pays for it

    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    while True:
        left_ms = None if deadline is None else max(0, int((deadline - time.monotonic()) * 1000))
        if poll.poll(left_ms):
            return True
        if deadline is not None and time.monotonic() >= deadline:
            return False


def has_ended(pid: int) -> bool:
    """Tell whether a child of this process has ended, and leave it to be reaped."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def kill_child(pid: int, pidfd: int, timeout_s: float) -> None:
    """Kill a child of this process, wait until it has ended, at most so long, and reap it."""
    try:
        pidfd_send_signal(pidfd, _SIGKILL)
    except ProcessLookupError:
        pass
    wait_for_exit(pidfd, timeout_s)
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


def reap(pid: int) -> int | None:
    """Wait for the end of a child; returns its status, or minus a signal's number; None if it is not ours."""
    try:
        _, status = os.waitpid(pid, 0)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status)
