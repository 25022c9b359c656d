from __future__ import annotations

from typing import TYPE_CHECKING

from libcgroups.stats import (
    UNLIMITED,
    BlkioDeviceStat,
    BlkioStats,
    CpuStats,
    CpuThrottling,
    CpuUsage,
    MemoryData,
    MemoryStats,
    PidStats,
    PSIData,
    PSIStats,
    RdmaEntry,
    RdmaStats,
    Stats,
)
from libcgroups.v2.manager import Manager

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "cpu.stat": "usage_usec 5\nuser_usec 2\nsystem_usec 3\nnr_periods 4\nnr_throttled 1\nthrottled_usec 7\n"
    "nr_bursts 2\nburst_usec 8\n",
    "cpu.pressure": "some avg10=0.10 avg60=0.20 avg300=0.30 total=4\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n",
    "memory.current": "1000\n",
    "memory.peak": "2000\n",
    "memory.max": "4096\n",
    "memory.swap.current": "10\n",
    "memory.swap.max": "max\n",
    "memory.stat": "anon 300\nfile 600\n",
    "memory.events": "low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\n",
    "pids.current": "2\n",
    "pids.max": "max\n",
    "pids.peak": "5\n",
    "io.stat": "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n253:1 \n",
    "rdma.current": "mlx hca_handle=1 hca_object=2\n",
    "rdma.max": "mlx hca_handle=max hca_object=9\n",
    "cpuset.cpus.effective": "0-1\n",
    "cpuset.mems.effective": "0\n",
}


def test_everything_the_kernel_tells_is_read(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)

    stats = Manager.at(str(tmp_path), "/").stats()

    assert stats.cpu == CpuStats(
        usage=CpuUsage(usage_total=5000, usage_user=2000, usage_kernel=3000),
        throttling=CpuThrottling(periods=4, throttled_periods=1, throttled_time=7000, bursts=2, burst_time=8000),
        psi=PSIStats(some=PSIData(0.1, 0.2, 0.3, 4), full=PSIData(0.0, 0.0, 0.0, 1)),
    )
    assert stats.memory == MemoryStats(
        memory=MemoryData(usage=1000, max_usage=2000, fail_count=3, limit=4096),
        memswap=MemoryData(usage=1010, limit=UNLIMITED),
        cache=600,
        hierarchy=True,
        stats={"anon": 300, "file": 600},
        oom_kills=1,
    )
    assert stats.pids == PidStats(current=2, limit=0, peak=5)
    assert stats.blkio == BlkioStats(
        service_bytes=(BlkioDeviceStat(8, 0, "Read", 1), BlkioDeviceStat(8, 0, "Write", 2)),
        serviced=(BlkioDeviceStat(8, 0, "Read", 3), BlkioDeviceStat(8, 0, "Write", 4)),
    )
    assert stats.rdma == RdmaStats(current={"mlx": RdmaEntry(1, 2)}, limit={"mlx": RdmaEntry(UNLIMITED, 9)})
    assert (stats.cpuset.cpus, stats.cpuset.mems) == ((0, 1), (0,))


def test_a_cgroup_that_is_gone_has_empty_statistics(tmp_path: Path) -> None:
    stats = Manager.at(str(tmp_path), "/gone").stats()

    assert stats == Stats(memory=MemoryStats(hierarchy=True))
