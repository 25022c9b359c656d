"""Shares, quota and real-time budget of the cpu controller, sched-bwc.rst; processors are chosen by cpuset."""

from __future__ import annotations

from libcgroups import files
from libcgroups.v1.controllers import Controller, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.resources import LinuxCPU, LinuxResources
    from libcgroups.stats import CpuThrottling

#: MIN_SHARES and MAX_SHARES of the kernel, which clamps silently what lies outside.
LEAST_SHARES = 2
MOST_SHARES = 262144


class Cpu(Controller):
    """The cpu controller."""

    name = "cpu"

    @classmethod
    def plan(cls, resources: LinuxResources, directory: str) -> list[Write]:
        """Return the writes in an order in which no state between them is refused."""
        cpu = resources.cpu
        if cpu is None:
            return []
        _check(cpu)
        writes = []
        if cpu.idle is not None:
            # First: a cgroup that is idle refuses shares.
            writes.append(Write("cpu.idle", str(cpu.idle)))
        if cpu.shares:
            writes.append(Write("cpu.shares", str(cpu.shares)))
        writes += _plan_bandwidth(cpu, directory)
        if cpu.realtime_period:
            writes.append(Write("cpu.rt_period_us", str(cpu.realtime_period)))
        if cpu.realtime_runtime:
            writes.append(Write("cpu.rt_runtime_us", str(cpu.realtime_runtime)))
        return writes

    @classmethod
    def stats(cls, directory: str) -> CpuThrottling:
        """Read how often the quota was used up."""
        from libcgroups.stats import CpuThrottling, parse_flat_keyed_data

        values = parse_flat_keyed_data(f"{directory}/cpu.stat")
        return CpuThrottling(
            periods=values.get("nr_periods", 0),
            throttled_periods=values.get("nr_throttled", 0),
            throttled_time=values.get("throttled_time", 0),
            bursts=values.get("nr_bursts", 0),
            burst_time=values.get("burst_time", 0),
        )


def _plan_bandwidth(cpu: LinuxCPU, directory: str) -> list[Write]:
    """Order period, quota and burst.

    The kernel checks each write alone: quota divided by period may exceed neither the parent's, nor burst the quota.
    """
    writes = []
    if cpu.period:
        writes.append(Write("cpu.cfs_period_us", str(cpu.period)))
    if cpu.quota:
        writes.append(Write("cpu.cfs_quota_us", str(cpu.quota)))
    if len(writes) == 2 and (cpu.period or 0) < int(files.read_cgroup_file(f"{directory}/cpu.cfs_period_us")):
        # A shorter period with the old quota could be more than the parent allows: quota first.
        writes.reverse()
    if cpu.burst is not None:
        burst = Write("cpu.cfs_burst_us", str(cpu.burst))
        is_lowered = cpu.burst < int(files.read_cgroup_file(f"{directory}/cpu.cfs_burst_us"))
        writes.insert(0 if is_lowered else len(writes), burst)
    return writes


def _check(cpu: LinuxCPU) -> None:
    fault = ""
    if cpu.shares and cpu.shares < LEAST_SHARES:
        fault = f"shares: the minimum allowed cpu-shares is {LEAST_SHARES}, got {cpu.shares}"
    elif cpu.shares and cpu.shares > MOST_SHARES:
        fault = f"shares: the maximum allowed cpu-shares is {MOST_SHARES}, got {cpu.shares}"
    elif cpu.idle and cpu.shares:
        fault = "idle: cannot be combined with cpu.shares"
    if fault:
        from libcgroups import errors

        raise errors.ResourceError(f"linux.resources.cpu.{fault}", controller="cpu")
