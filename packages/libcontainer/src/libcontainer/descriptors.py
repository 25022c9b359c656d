"""File descriptors that cross exec: which are passed on, and that no other is; not what they refer to."""

from __future__ import annotations

import os
import posix  # environ as the process was started with it; os's is more than most commands need

from libcontainer.errors import ArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from libcontainer.syscall import Syscall

FIRST = 3
_LAST = 0xFFFFFFFF


def check_preserved(count: int) -> None:
    """Make sure that 3 … 3+count-1 are open; called first of all, before descriptors of our own can stand there.

    Raises:
        ArgumentError: one is not.
    """
    for fd in range(FIRST, FIRST + count):
        try:
            os.fstat(fd)
        except OSError as error:
            raise ArgumentError(
                f"unable to stat preserved-fd {fd - FIRST + 1} (of {count}): stat /proc/self/fd/{fd}",
                error.errno,
                object=f"/proc/self/fd/{fd}",
                hint="--preserve-fds N passes the descriptors 3 to N+2; the caller must have opened all of them",
            ) from None


def is_open(fd: int) -> bool:
    """Tell whether the descriptor is open."""
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def listen_fds(environment: Mapping[bytes, bytes] = posix.environ) -> int:
    """Return how many sockets systemd passed to this very process, sd_listen_fds(3).

    Args:
        environment: the one with which the process was started.
    """
    count = environment.get(b"LISTEN_FDS", b"")
    return int(count) if environment.get(b"LISTEN_PID") == b"%d" % os.getpid() and count.isdigit() else 0


def close_all_but(syscall: Syscall, kept: Iterable[int]) -> None:
    """Close every descriptor above 2 that is not kept."""
    first = FIRST
    for fd in sorted(kept):
        if fd > first:
            syscall.close_range(first, fd - 1)
        first = max(first, fd + 1)
    syscall.close_range(first, _LAST)
