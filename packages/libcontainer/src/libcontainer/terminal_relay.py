"""Copying between the caller's descriptors 0 and 1 and the master of a container's terminal, pty(7)."""

from __future__ import annotations

import errno
import os
import select
import termios

from libcontainer import descriptors, tty

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# No more than PIPE_BUF: when poll(2) says that a pipe can be written, it takes that many bytes without blocking.
_CHUNK = 4096
_STDIN = 0
_STDOUT = 1
_GONE = select.POLLERR | select.POLLHUP | select.POLLNVAL


class TerminalRelay:
    """Both directions of the copying, one buffer each; it never blocks on one side while the other has news."""

    def __init__(self, master_fd: int) -> None:
        """Put the caller's terminal, if descriptor 0 is one, in raw mode, and give the container's its size.

        Args:
            master_fd: stays owned by the caller.
        """
        self._master = master_fd
        self._to_container = b""
        self._to_caller = b""
        self._stdin_open = descriptors.is_open(_STDIN)
        self._master_open = True
        self._stdout_open = descriptors.is_open(_STDOUT)
        self._terminal = next((fd for fd in (0, 1, 2) if os.isatty(fd)), None)
        self._saved: list[Any] | None = None
        os.set_blocking(master_fd, False)
        if not (os.isatty(_STDIN) and os.isatty(_STDOUT)):
            # A file gets the lines as they were written; a terminal that is not raw adds carriage returns itself.
            _clear_onlcr(master_fd)
        if os.isatty(_STDIN):
            self._saved = termios.tcgetattr(_STDIN)
            _set_raw(_STDIN)
        self.resize()

    def close(self) -> None:
        """Give the caller's terminal its former mode."""
        if self._saved is not None:
            try:
                termios.tcsetattr(_STDIN, termios.TCSANOW, self._saved)
            except termios.error:  # it was hung up meanwhile
                self._saved = None

    def resize(self) -> None:
        """Give the container's terminal the size of the caller's, if that is a terminal of known size."""
        if self._terminal is None:
            return
        try:
            tty.copy_size(self._terminal, self._master)
        except OSError as error:
            if error.errno not in (errno.EIO, errno.ENOTTY):
                raise

    def wanted(self) -> list[tuple[int, int]]:
        """Return the descriptors and poll(2) events that ``serve`` can do something about."""
        found = []
        if self._stdin_open and self._master_open and not self._to_container:
            found.append((_STDIN, select.POLLIN))
        if self._to_caller:
            found.append((_STDOUT, select.POLLOUT))
        if self._master_open:
            events = (0 if self._to_caller else select.POLLIN) | (select.POLLOUT if self._to_container else 0)
            if events:
                found.append((self._master, events))
        return found

    def serve(self, ready: Mapping[int, int]) -> None:
        """Copy what can be copied now.

        Args:
            ready: poll(2) events by descriptor.
        """
        if ready.get(_STDIN):
            self._read_caller()
        if ready.get(self._master, 0) & (select.POLLIN | _GONE):
            self._read_container()
        if self._to_container and ready.get(self._master, 0) & select.POLLOUT:
            self._to_container = self._to_container[_write(self._master, self._to_container) :]
        if self._to_caller and ready.get(_STDOUT):
            self._write_caller()

    def drain(self) -> None:
        """Copy what the ended process has left in the terminal; it may be open in a background process still."""
        self._to_container = b""
        self._stdin_open = False
        while True:
            while self._to_caller:
                self._write_caller()
            if not self._master_open:
                return
            self._read_container()
            if not self._to_caller:
                return

    def _read_caller(self) -> None:
        try:
            self._to_container = os.read(_STDIN, _CHUNK)
        except BlockingIOError:
            return
        except OSError:  # EIO: the caller's terminal was hung up
            self._to_container = b""
        if not self._to_container:
            self._stdin_open = False

    def _read_container(self) -> None:
        if self._to_caller:
            return
        try:
            data = os.read(self._master, _CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EIO:  # EIO: nobody has the slave open any more
                raise
            data = b""
        self._master_open = bool(data)
        self._to_caller = data if self._stdout_open else b""

    def _write_caller(self) -> None:
        try:
            self._to_caller = self._to_caller[os.write(_STDOUT, self._to_caller) :]
        except BlockingIOError:
            select.select([], [_STDOUT], [])
        except OSError:  # nobody reads: the container goes on, as it would with a closed terminal window
            self._stdout_open = False
            self._to_caller = b""


def _set_raw(fd: int) -> None:
    """Let every byte pass as it is, cfmakeraw(3)."""
    mode = termios.tcgetattr(fd)
    mode[0] &= ~(
        termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP
        | termios.INLCR | termios.IGNCR | termios.ICRNL | termios.IXON
    )  # fmt: skip
    mode[1] &= ~termios.OPOST
    mode[2] = mode[2] & ~(termios.CSIZE | termios.PARENB) | termios.CS8
    mode[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
    mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
    termios.tcsetattr(fd, termios.TCSANOW, mode)


def _clear_onlcr(fd: int) -> None:
    mode = termios.tcgetattr(fd)
    mode[1] &= ~termios.ONLCR
    termios.tcsetattr(fd, termios.TCSANOW, mode)


def _write(fd: int, data: bytes) -> int:
    try:
        return os.write(fd, data)
    except BlockingIOError:
        return 0
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return len(data)  # nobody has the slave open any more
