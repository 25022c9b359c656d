"""The cpu controller of cgroup v2: weight, bandwidth, idle, and the time used; processors are ``cpuset``."""

from __future__ import annotations

from libcgroups import files
from libcgroups.v2.controllers import Controller, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.resources import LinuxCPU, LinuxResources
    from libcgroups.stats import CpuStats

MIN_SHARES, MAX_SHARES = 2, 262144
MAX_WEIGHT = 10000


def convert_shares_to_cgroup2(shares: int) -> int:
    """Convert cpu.shares of v1 (2 to 262144, default 1024) to cpu.weight of v2 (1 to 10000, default 100).

    The curve goes through least, default and greatest value of both; 0, which means unset, stays 0.
    """
    if shares == 0:
        return 0
    if shares <= MIN_SHARES:
        return 1
    if shares >= MAX_SHARES:
        return MAX_WEIGHT
    import math  # built into most interpreters, a file in some; few containers have shares

    power = math.log2(shares)
    return math.ceil(10 ** ((power * power + 125 * power) / 612 - 7 / 34))


class Cpu(Controller):
    """cpu.weight, cpu.max, cpu.max.burst, cpu.idle."""

    name = "cpu"

    @classmethod
    def is_needed(cls, resources: LinuxResources) -> bool:
        """Tell whether a limit is asked for that only this controller can give; an unlimited quota is none."""
        cpu = resources.cpu
        return cpu is not None and bool(cpu.shares or (cpu.quota or 0) > 0 or cpu.period or cpu.burst or cpu.idle)

    @classmethod
    def plan(cls, resources: LinuxResources, directory: str) -> list[Write]:
        """Return the writes; 0 means unset for shares, quota and period.

        The present bandwidth is read when only a part of it is to be changed.

        Raises:
            ResourceError: idle together with shares, or real-time limits, which v2 does not have.
            FileError: the present bandwidth cannot be read.
        """
        cpu = resources.cpu
        if cpu is None:
            return []
        _check(cpu)
        writes = []
        if cpu.idle is not None:
            writes.append(Write("cpu.idle", str(cpu.idle)))
        if cpu.shares:
            writes.append(Write("cpu.weight", str(convert_shares_to_cgroup2(cpu.shares))))
        bandwidth = _bandwidth(directory, cpu)
        if cpu.burst is None:
            return writes + bandwidth
        burst = [Write("cpu.max.burst", str(cpu.burst))]
        # The kernel wants burst <= quota at every moment, so what shrinks comes first.
        return writes + (burst + bandwidth if cpu.burst <= _present_quota(directory) else bandwidth + burst)

    @classmethod
    def stats(cls, directory: str) -> CpuStats:
        """Read cpu.stat, which is there without the controller too (then without throttling), and cpu.pressure."""
        from libcgroups import stats

        values = stats.parse_flat_keyed_data(f"{directory}/cpu.stat")

        def nanoseconds(key: str) -> int:
            return values.get(key, 0) * 1000

        return stats.CpuStats(
            usage=stats.CpuUsage(
                usage_total=nanoseconds("usage_usec"),
                usage_user=nanoseconds("user_usec"),
                usage_kernel=nanoseconds("system_usec"),
            ),
            throttling=stats.CpuThrottling(
                periods=values.get("nr_periods", 0),
                throttled_periods=values.get("nr_throttled", 0),
                throttled_time=nanoseconds("throttled_usec"),
                bursts=values.get("nr_bursts", 0),
                burst_time=nanoseconds("burst_usec"),
            ),
            psi=stats.psi_stats(f"{directory}/cpu.pressure"),
        )


def _check(cpu: LinuxCPU) -> None:
    problem = ""
    if cpu.idle and cpu.shares:
        problem = "linux.resources.cpu.idle: cannot be combined with shares, an idle cgroup has no weight"
    elif cpu.realtime_runtime:
        problem = "linux.resources.cpu.realtimeRuntime: cgroup v2 has no real-time limits"
    elif cpu.realtime_period:
        problem = "linux.resources.cpu.realtimePeriod: cgroup v2 has no real-time limits"
    if problem:
        from libcgroups import errors

        raise errors.ResourceError(problem, controller="cpu")


def _bandwidth(directory: str, cpu: LinuxCPU) -> list[Write]:
    """Return the write to cpu.max, ``QUOTA PERIOD``; a quota alone keeps the period."""
    if not cpu.quota and not cpu.period:
        return []
    if cpu.quota:
        quota = "max" if cpu.quota < 0 else str(cpu.quota)
    else:
        quota = (files.read_optional_cgroup_file(f"{directory}/cpu.max") or "max").split()[0]
    return [Write("cpu.max", f"{quota} {cpu.period}" if cpu.period else quota)]


def _present_quota(directory: str) -> float:
    quota = (files.read_optional_cgroup_file(f"{directory}/cpu.max") or "max").split()[0]
    return float("inf") if quota == "max" else int(quota)
