"""The memory controller of cgroup v2: limits of memory and of swap, and what is used.

``kernel``, ``kernelTCP``, ``swappiness``, ``useHierarchy`` and ``disableOOMKiller`` have no file in v2 and are left
out, as by every other runtime; engines send them regardless of the version.
"""

from __future__ import annotations

from libcgroups import files
from libcgroups.v2.controllers import Controller, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from libcgroups.resources import LinuxResources
    from libcgroups.stats import MemoryStats

UNLIMITED = -1


class Memory(Controller):
    """memory.max, memory.low, memory.swap.max."""

    name = "memory"

    @classmethod
    def is_needed(cls, resources: LinuxResources) -> bool:
        """Tell whether a limit is asked for that only this controller can give; unlimited is no limit."""
        memory = resources.memory
        return memory is not None and any((limit or 0) > 0 for limit in (memory.limit, memory.reservation, memory.swap))

    @classmethod
    def plan(cls, resources: LinuxResources, directory: str) -> list[Write]:
        """Return the writes; -1 is unlimited, 0 means unset.

        The present use is read if ``checkBeforeUpdate`` is set.

        Raises:
            ResourceError: contradicting limits, or a limit below the present use.
            FileError: the present use cannot be read.
        """
        memory = resources.memory
        if memory is None:
            return []
        swap = convert_swap_to_cgroup2(memory.limit, memory.swap)
        if memory.check_before_update and memory.limit and memory.limit > 0:
            _check_usage(directory, memory.limit)
        limits = (
            ("memory.swap.max", swap),
            ("memory.max", memory.limit or None),
            ("memory.low", memory.reservation or None),
        )
        return [Write(file, "max" if limit < 0 else str(limit)) for file, limit in limits if limit is not None]

    @classmethod
    def stats(cls, directory: str) -> MemoryStats:
        """Read memory.stat, memory.events and the memory.swap files.

        ``memswap`` is put together as v1 counts it: memory and swap. The kernel keeps no peak of the sum.
        """
        from libcgroups import stats

        details = stats.parse_flat_keyed_data(f"{directory}/memory.stat")
        events = stats.parse_flat_keyed_data(f"{directory}/memory.events")
        memory = stats.MemoryData(
            usage=stats.parse_optional_value(f"{directory}/memory.current"),
            max_usage=stats.parse_optional_value(f"{directory}/memory.peak"),
            fail_count=events.get("max", 0),
            limit=stats.parse_optional_value(f"{directory}/memory.max"),
        )
        swap_limit = stats.parse_optional_value(f"{directory}/memory.swap.max")
        return stats.MemoryStats(
            memory=memory,
            memswap=stats.MemoryData(
                usage=memory.usage + stats.parse_optional_value(f"{directory}/memory.swap.current"),
                limit=min(memory.limit + swap_limit, stats.UNLIMITED),
            ),
            cache=details.get("file", 0),
            hierarchy=True,
            stats=details,
            psi=stats.psi_stats(f"{directory}/memory.pressure"),
            oom_kills=events.get("oom_kill", 0),
        )


def convert_swap_to_cgroup2(limit: int | None, memory_and_swap: int | None) -> int | None:
    """Convert v1's limit of memory and swap together to v2's limit of swap alone.

    Args:
        limit: of memory, in bytes; -1 is unlimited, None and 0 are unset.
        memory_and_swap: of both, likewise.

    Returns:
        Bytes of swap, -1 for unlimited, None to leave it alone.

    Raises:
        ResourceError: swap without a limit of memory, or less than it.
    """
    if not memory_and_swap:
        # Whoever lifts the limit of memory alone would, on v1, have lifted the swap with it.
        return UNLIMITED if limit == UNLIMITED else None
    if memory_and_swap < 0:
        return UNLIMITED
    if not limit or limit < 0:
        _refuse("linux.resources.memory.swap: cannot be limited without a limit of memory")
    if memory_and_swap < limit:
        _refuse(
            f"linux.resources.memory.swap: memory+swap limit should be >= memory limit, got {memory_and_swap} < {limit}"
        )
    return memory_and_swap - limit


def _check_usage(directory: str, limit: int) -> None:
    usage = int(files.read_cgroup_file(f"{directory}/memory.current"))
    if limit < usage:
        _refuse(
            f"linux.resources.memory.limit: {limit} is below the {usage} bytes in use, and checkBeforeUpdate is set"
        )


def _refuse(message: str) -> NoReturn:
    from libcgroups import errors

    raise errors.ResourceError(message, controller="memory")
