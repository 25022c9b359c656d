"""The statistics of all v1 controllers put together."""

from __future__ import annotations

from libcgroups.stats import BlkioStats, CpuStats, CpuThrottling, CpuUsage, MemoryStats, Stats, psi_stats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from libcgroups.stats import PSIStats


def read_stats(directory_of: Callable[[str], str | None]) -> Stats:
    """Read usage and limits.

    Args:
        directory_of: tells the directory of a controller, None if that is not mounted; its part stays empty then.
    """
    from libcgroups.v1 import blkio, cpu, cpuacct, cpuset, hugetlb, memory, pids, rdma

    parts: dict[str, object] = {}
    usage, throttling = CpuUsage(), CpuThrottling()
    memory_stats, blkio_stats = MemoryStats(), BlkioStats()
    if (directory := directory_of("cpuacct")) is not None:
        usage = cpuacct.CpuAcct.stats(directory)
    if (directory := directory_of("cpu")) is not None:
        throttling = cpu.Cpu.stats(directory)
    if (directory := directory_of("memory")) is not None:
        memory_stats = memory.Memory.stats(directory)
    if (directory := directory_of("blkio")) is not None:
        blkio_stats = blkio.Blkio.stats(directory)
    if (directory := directory_of("pids")) is not None:
        parts["pids"] = pids.Pids.stats(directory)
    if (directory := directory_of("hugetlb")) is not None:
        parts["hugetlb"] = hugetlb.HugeTlb.stats(directory)
    if (directory := directory_of("rdma")) is not None:
        parts["rdma"] = rdma.Rdma.stats(directory)
    if (directory := directory_of("cpuset")) is not None:
        parts["cpuset"] = cpuset.CpuSet.stats(directory)
    # Pressure is measured for every cgroup of the unified hierarchy, controllers or not.
    unified = directory_of("")
    return Stats(
        cpu=CpuStats(usage, throttling, psi=_pressure(unified, "cpu")),
        memory=memory_stats.replace(psi=_pressure(unified, "memory")),
        blkio=blkio_stats.replace(psi=_pressure(unified, "io")),
    ).replace(**parts)


def _pressure(unified: str | None, resource: str) -> PSIStats | None:
    return None if unified is None else psi_stats(f"{unified}/{resource}.pressure")
