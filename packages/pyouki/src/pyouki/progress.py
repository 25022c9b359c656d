"""Tell a person at a terminal what takes long: one line on standard error, from the second second on, then removed.

Not for logs, and never anything where standard error is no terminal.
"""

from __future__ import annotations

import _signal
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_STDERR = 2
_EVERY_S = 1.0
_ERASE_LINE = b"\r\x1b[K"


class Progress:
    """Show what is going on, as a context manager.

    By SIGALRM and not by a thread: this process forks, and a timer is not inherited. Python resumes the system calls
    that the signal interrupts.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._is_shown = False

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        self._is_on = os.isatty(_STDERR)
        if self._is_on:
            self._handler = _signal.signal(_signal.SIGALRM, self._show)
            _signal.setitimer(_signal.ITIMER_REAL, _EVERY_S, _EVERY_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_on:
            return
        _signal.setitimer(_signal.ITIMER_REAL, 0)
        _signal.signal(_signal.SIGALRM, self._handler)
        if self._is_shown:
            _write(_ERASE_LINE)

    def _show(self, *_: object) -> None:
        self._is_shown = True
        _write(b"\r" + f"{self._what} … {time.monotonic() - self._started:.0f} s".encode())


def _write(text: bytes) -> None:
    try:
        os.write(_STDERR, text)
    except OSError:
        pass  # a terminal that is gone must not change what the command does
