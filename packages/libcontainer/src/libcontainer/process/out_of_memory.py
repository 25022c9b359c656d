"""Find out whether the out-of-memory killer struck in a cgroup; it leaves its traces in the cgroup's statistics."""

from __future__ import annotations

from libcgroups.record import Record
from libcontainer import cgroups

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.manager import CgroupManager
    from libcgroups.resources import LinuxResources
    from libcontainer.errors import LibcontainerError


PROPERTY = "linux.resources.memory.limit"
HINT = f"raise {PROPERTY}"


class OutOfMemory(Record):
    """What a cgroup was allowed, and what it wanted.

    Attributes:
        limit: bytes.
        peak: the most that was used at once, in bytes.
    """

    limit: int
    peak: int

    def __str__(self) -> str:
        return f"limit {self.limit} bytes, peak {self.peak} bytes"


def find(manager: CgroupManager, resources: LinuxResources | None) -> OutOfMemory | None:
    """Return the traces; None if there is no limit, or nothing says that it was reached."""
    limit = resources.memory.limit if resources is not None and resources.memory is not None else None
    if limit is None or limit <= 0:
        return None
    try:
        with cgroups.translated("read memory statistics"):
            statistics = manager.stats().memory
    except Exception:  # noqa: BLE001 - statistics are a help for the message, never the reason for another failure
        return None
    usage = statistics.memory
    # Who is refused memory that cannot be given back is not always counted.
    if not (statistics.oom_kills or usage.fail_count or 0 < usage.limit <= usage.max_usage):
        return None
    return OutOfMemory(limit, usage.max_usage)


def explain(error: LibcontainerError, manager: CgroupManager, resources: LinuxResources | None) -> None:
    """Have an ENOMEM of a process in the cgroup name the limit, if that is why."""
    found = find(manager, resources)
    if found is not None:
        error.property = PROPERTY
        error.hint = f"{HINT}: {found}"
