"""The pids controller of cgroup v2: how many tasks there may be."""

from __future__ import annotations

from libcgroups.v2.controllers import Controller, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.resources import LinuxResources
    from libcgroups.stats import PidStats


class Pids(Controller):
    """pids.max."""

    name = "pids"

    @classmethod
    def is_needed(cls, resources: LinuxResources) -> bool:
        """Tell whether a limit is asked for that only this controller can give; unlimited is no limit."""
        return resources.pids is not None and resources.pids.limit >= 0

    @classmethod
    def plan(cls, resources: LinuxResources, directory: str) -> list[Write]:
        """Return the write.

        A negative limit is none. A limit of 0 becomes 1, since the container's first process has to exist.
        """
        if resources.pids is None:
            return []
        limit = resources.pids.limit
        return [Write("pids.max", "max" if limit < 0 else str(max(limit, 1)))]

    @classmethod
    def stats(cls, directory: str) -> PidStats:
        """Read pids.current, pids.max and pids.peak."""
        from libcgroups import stats

        return stats.pid_stats(directory)
