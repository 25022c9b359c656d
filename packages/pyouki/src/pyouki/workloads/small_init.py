"""The init of a pid namespace for workloads run by this very interpreter: forwards signals, reaps, ends as they do.

The kernel drops signals for an init that has no handler, and a handler written in Python does not run while foreign
code does. So the workload gets a process of its own.
"""

from __future__ import annotations

import _signal
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

_LEFT_ALONE = frozenset((_signal.SIGKILL, _signal.SIGSTOP, _signal.SIGCHLD, *range(32, _signal.SIGRTMIN)))
_SETTABLE = [number for number in range(1, _signal.SIGRTMAX + 1) if number not in _LEFT_ALONE]


def run(workload: Callable[[], int]) -> NoReturn:
    """Run the workload in a child and end with its exit status, or 128 and the number of the signal that killed it.

    The process must have one thread.
    """
    _signal.pthread_sigmask(_signal.SIG_BLOCK, _SETTABLE)
    child = os.fork()
    if child == 0:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
        os._exit(workload())
    for number in _SETTABLE:
        _signal.signal(number, lambda received, _: os.kill(child, received))
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)
