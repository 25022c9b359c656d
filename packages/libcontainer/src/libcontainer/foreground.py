"""Waiting for a container's process in the foreground: signals forwarded, terminal relayed, exit status returned.

Used by run and exec when they do not detach. A ``Foreground`` catches signals and has the terminal ready from the
moment it is made. So it is made after the container's process was forked, which must not inherit the handlers, and
before that process starts the program, which is to see the right size of its terminal.
"""

from __future__ import annotations

import _signal
import errno
import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.sd_notify import Proxy
    from libcontainer.syscall import Syscall
    from libcontainer.terminal_relay import TerminalRelay

# Not caught: what cannot be, what tells of a fault in this very process, and what the kernel sends for the use of this
# process's own terminal.
_LEFT_ALONE = frozenset(
    (
        _signal.SIGKILL, _signal.SIGSTOP, _signal.SIGSEGV, _signal.SIGBUS, _signal.SIGFPE, _signal.SIGILL,
        _signal.SIGTTIN, _signal.SIGTTOU, *range(32, _signal.SIGRTMIN),
    )
)  # fmt: skip
# Caught, but meant for this process: SIGPIPE is about its own output, and SIGURG is what runtimes in Go, which some
# callers expect, use among their own threads.
_NOT_FORWARDED = frozenset((_signal.SIGCHLD, _signal.SIGWINCH, _signal.SIGPIPE, _signal.SIGURG))


class Foreground:
    """Stands between the caller and one process of a container until that process ends; to be closed."""

    def __init__(self, syscall: Syscall, master_fd: int | None = None, notifications: Proxy | None = None) -> None:
        """Catch the signals from now on; must be called in the main thread.

        Args:
            syscall: the kernel that signals are sent through.
            master_fd: the master of the container's terminal, which stays the caller's to close. The caller's own
                terminal on descriptor 0 is in raw mode from now on.
            notifications: what the container tells the service manager is passed on, with this process as the main
                one; the caller's to close.
        """
        self._syscall = syscall
        self._notifications = notifications
        self._relay: TerminalRelay | None = None
        if master_fd is not None:
            # Needed for containers with a terminal only.
            from libcontainer import terminal_relay

            self._relay = terminal_relay.TerminalRelay(master_fd)
        self._reader, self._writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._previous_writer = _signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._previous = [
            (number, _signal.signal(number, _noted))
            for number in range(1, _signal.SIGRTMAX + 1)
            if number not in _LEFT_ALONE
        ]

    def close(self) -> None:
        """Give the signals back the handlers they had, and the caller's terminal its mode."""
        if self._relay is not None:
            self._relay.close()
        for number, handler in self._previous:
            _signal.signal(number, _signal.SIG_DFL if handler is None else handler)
        _signal.set_wakeup_fd(self._previous_writer)
        os.close(self._reader)
        os.close(self._writer)

    def wait(self, pid: int, pidfd: int) -> int:
        """Forward signals, and relay the terminal if there is one, until a process ends.

        Children that this process got as a subreaper are reaped on the way.

        Args:
            pid: a child of this process.
            pidfd: the same child.

        Returns:
            The exit status of the process, or 128 and the number of the signal that killed it.
        """
        while True:
            poll = select.poll()
            poll.register(pidfd, select.POLLIN)
            poll.register(self._reader, select.POLLIN)
            for fd, events in self._relay.wanted() if self._relay else ():
                poll.register(fd, events)
            if self._notifications is not None:
                poll.register(self._notifications.fileno(), select.POLLIN)
            ready = dict(poll.poll())
            if self._notifications is not None:
                self._notifications.forward(os.getpid())
            if self._reader in ready:
                self._handle_signals(pid, pidfd)
            if pidfd in ready:
                status = _reap(pid)
                if self._relay:
                    self._relay.drain()
                return status
            if self._relay:
                self._relay.serve(ready)

    def _handle_signals(self, pid: int, pidfd: int) -> None:
        try:
            numbers = os.read(self._reader, 4096)
        except BlockingIOError:
            return
        for number in numbers:
            if number == _signal.SIGWINCH and self._relay:
                self._relay.resize()
            elif number == _signal.SIGCHLD:
                _reap_others(pid)
            elif number not in _NOT_FORWARDED:
                try:
                    self._syscall.pidfd_send_signal(pidfd, number)
                except OSError as error:
                    if error.errno != errno.ESRCH:  # it ended meanwhile
                        raise


def _noted(number: int, frame: object) -> None:
    """Do nothing: the wakeup descriptor has told the number already."""


def _reap(pid: int) -> int:
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _reap_others(pid: int) -> None:
    """Reap the zombies that come before the awaited process, which its pidfd tells of."""
    while True:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if found is None or found.si_pid == pid:
            return
        os.waitpid(found.si_pid, 0)
