"""Sending a signal to every process of a cgroup, by pidfd, so that a recycled pid is never hit."""

from __future__ import annotations

import _signal
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Descriptors held at once; the usual limit of open files is 1024.
_BATCH = 256

# Rounds after which processes that fork faster than we can signal are left to the caller's next attempt.
_ROUNDS = 1000


def send_to_all(list_pids: Callable[[], list[int]], signal: int) -> None:
    """Signal every listed process, until a listing shows no one new.

    Args:
        list_pids: tells which processes are there now.
        signal: the number of the signal, 0 to only look.

    Raises:
        CgroupError: processes may not be signalled, or new ones keep appearing.
    """
    signalled: set[int] = set()
    for _ in range(_ROUNDS):
        new = [pid for pid in list_pids() if pid not in signalled][:_BATCH]
        if not new:
            return
        descriptors = _open(new)
        try:
            # Whoever is still listed after its pidfd was opened is the process that was meant.
            present = set(list_pids())
            for pid, descriptor in descriptors:
                if pid in present:
                    _send(pid, descriptor, signal)
        finally:
            for _, descriptor in descriptors:
                os.close(descriptor)
        signalled.update(new)
    from libcgroups import errors

    raise errors.CgroupError(f"signal processes: new ones kept appearing for {_ROUNDS} rounds")


def _open(pids: list[int]) -> list[tuple[int, int]]:
    descriptors = []
    for pid in pids:
        try:
            descriptors.append((pid, os.pidfd_open(pid)))
        except ProcessLookupError:
            continue
    return descriptors


def _send(pid: int, descriptor: int, signal: int) -> None:
    try:
        _signal.pidfd_send_signal(descriptor, signal)
    except ProcessLookupError:
        return
    except PermissionError as error:
        from libcgroups import errors

        raise errors.CgroupError(f"signal process {pid}: operation not permitted", errno=error.errno) from error
