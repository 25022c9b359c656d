"""Removing a cgroup and all below it, waiting for processes that are about to end; kills nothing."""

from __future__ import annotations

import os
import select
import time

from libcgroups import files

#: How long to wait for processes to leave. The kernel needs milliseconds after a kill, more for large memory.
REMOVE_TIMEOUT_S = 5.0

_FIRST_PAUSE_S = 0.001
_LONGEST_PAUSE_S = 0.1

# Processes to watch at once; the pause ends the wait for the others.
_WATCHED = 64

# EBUSY, ENOTEMPTY (of a fake hierarchy on an ordinary file system).
_BUSY = (16, 39)


def remove_tree(directory: str, timeout_s: float = REMOVE_TIMEOUT_S) -> None:
    """Remove a cgroup and those below it; one that is gone is fine.

    Args:
        directory: the cgroup.
        timeout_s: how long to wait in all; between the attempts the end of the processes that are left is waited for,
            at most as long as an exponentially growing pause, since new ones may appear.

    Raises:
        BusyError: processes are left after that time.
        FileError: another refusal.
    """
    deadline = time.monotonic() + timeout_s
    pause_s = _FIRST_PAUSE_S
    while (error := _try_to_remove(directory)) is not None:
        pids = files.get_all_pids(directory)
        if error.errno not in _BUSY or time.monotonic() >= deadline:
            _fail(directory, error, pids)
        _wait_for_end(pids, min(pause_s, max(deadline - time.monotonic(), 0)))
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


def remove_empty(directories: list[str]) -> None:
    """Remove cgroups, children first, as far as they are empty; others use what is not."""
    for directory in directories:
        try:
            files.remove_directory(directory)
        except OSError:
            return


def delete_with_retry(directory: str, timeout_s: float = REMOVE_TIMEOUT_S) -> None:
    """Remove a cgroup; youki's name of remove_tree."""
    remove_tree(directory, timeout_s)


def _try_to_remove(directory: str) -> OSError | None:
    try:
        files.remove_directory(directory)
    except OSError as error:
        if error.errno not in _BUSY:
            return error
    else:
        return None
    # Busy: with cgroups below (a container may make some), or with processes.
    for below in reversed(files.walk(directory)):
        try:
            files.remove_directory(below)
        except OSError as error:
            return error
    return None


def _wait_for_end(pids: list[int], timeout_s: float) -> None:
    """Wait until one of the processes ends, or the time is over."""
    poll = select.poll()
    descriptors = []
    try:
        for pid in pids[:_WATCHED]:
            try:
                descriptors.append(os.pidfd_open(pid))
            except OSError:
                # It has ended; or no more descriptors are to be had, then the others will do.
                continue
            poll.register(descriptors[-1], select.POLLIN)
        if pids and not descriptors:
            return
        poll.poll(max(timeout_s * 1000, 1))
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _fail(directory: str, error: OSError, pids: list[int]) -> None:
    from libcgroups import errors

    if error.errno in _BUSY:
        raise errors.BusyError(directory, pids, error) from error
    raise errors.from_os_error("remove", directory, error) from error
