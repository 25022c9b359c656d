"""Clone a child of main that runs a function of ours; what it needs from main decides whose memory it runs in.

A child that needs nothing from main until it executes a program shares main's memory, and main waits meanwhile: a fork
copies every page that either of them writes to, a third of what it costs to create a container. One that needs main, to
write its id maps, run hooks or take its log messages, gets memory of its own.
"""

from __future__ import annotations

from libcontainer import log, seal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from libcgroups.manager import Entrance
    from libcontainer.seccomp import Program
    from libcontainer.syscall import Syscall


def spawn(
    syscall: Syscall, run: Callable[[int], object], flags: int, entrance: Entrance | None, successor: Sequence[str] = ()
) -> tuple[int, int]:
    """Clone a child that calls ``run``; returns pid and pidfd.

    Args:
        syscall: the kernel.
        run: sends its errors over a channel; is expected to execute a program and may return if it failed. See
            ``Syscall.spawn`` for its argument.
        flags: of the new namespaces.
        entrance: what leads into the cgroup.
        successor: see ``Syscall.spawn``; () gives the child memory of its own.

    Raises:
        OSError: the kernel refused.
    """
    # Here, so that main knows the descriptors as well.
    seal.hold()
    way_back, destination = seal.way_back(), log.destination()
    try:
        return syscall.spawn(run, flags, cgroup_fd=-1 if entrance is None else entrance.clone_into, successor=successor)
    finally:
        # A child that shared our memory has cut off the import system and the log.
        seal.undo(way_back)
        log.set_sink(*destination)


def can_share_memory(syscall: Syscall, entrance: Entrance | None, program: Program | None) -> bool:
    """Tell whether a child can share main's memory, unless it needs main for a reason of its own.

    Any would, to be moved into its cgroup, to have its listener handed over, or to be logged.
    """
    needs_main = entrance is None or (program is not None and program.listener) or log.is_enabled(log.DEBUG)
    return syscall.can_share_memory and not needs_main
