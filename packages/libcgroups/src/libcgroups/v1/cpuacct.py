"""Processor time used, cpuacct.rst; a controller without limits."""

from __future__ import annotations

import os

from libcgroups import files
from libcgroups.v1.controllers import Controller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.stats import CpuUsage

_NANOSECONDS = 1_000_000_000


class CpuAcct(Controller):
    """The cpuacct controller."""

    name = "cpuacct"

    @classmethod
    def stats(cls, directory: str) -> CpuUsage:
        """Read the time used in all, by mode and by processor."""
        from libcgroups.stats import CpuUsage, parse_flat_keyed_data, parse_optional_value

        # User and system time come in clock ticks, which the kernel rounds down; the total is exact.
        ticks = parse_flat_keyed_data(f"{directory}/cpuacct.stat")
        tick_ns = _NANOSECONDS // os.sysconf("SC_CLK_TCK")
        per_core = files.read_optional_cgroup_file(f"{directory}/cpuacct.usage_percpu") or ""
        user, kernel = _by_mode(files.read_optional_cgroup_file(f"{directory}/cpuacct.usage_all") or "")
        return CpuUsage(
            usage_total=parse_optional_value(f"{directory}/cpuacct.usage"),
            usage_user=ticks.get("user", 0) * tick_ns,
            usage_kernel=ticks.get("system", 0) * tick_ns,
            per_core_usage_total=tuple(map(int, per_core.split())),
            per_core_usage_user=user,
            per_core_usage_kernel=kernel,
        )


def _by_mode(text: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Parse cpuacct.usage_all: a heading, then ``cpu user system`` per processor."""
    rows = [line.split() for line in text.splitlines()[1:]]
    return tuple(int(row[1]) for row in rows if len(row) == 3), tuple(int(row[2]) for row in rows if len(row) == 3)
