"""The number of tasks, pids.rst."""

from __future__ import annotations

from libcgroups.v1.controllers import Controller, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.resources import LinuxResources
    from libcgroups.stats import PidStats


class Pids(Controller):
    """The pids controller."""

    name = "pids"

    @classmethod
    def plan(cls, resources: LinuxResources, directory: str) -> list[Write]:
        """Return the write of the limit; 0 becomes 1, as the container's first process must be able to start."""
        if resources.pids is None:
            return []
        limit = resources.pids.limit
        return [Write("pids.max", "max" if limit < 0 else str(max(limit, 1)))]

    @classmethod
    def stats(cls, directory: str) -> PidStats:
        """Read the number of tasks."""
        from libcgroups.stats import pid_stats

        return pid_stats(directory)
