from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libcgroups.errors import ResourceError
from libcgroups.resources import (
    LinuxBlockIO,
    LinuxCPU,
    LinuxHugepageLimit,
    LinuxMemory,
    LinuxPids,
    LinuxRdma,
    LinuxResources,
    LinuxThrottleDevice,
    LinuxWeightDevice,
)
from libcgroups.v2 import controllers, hugetlb
from libcgroups.v2.controllers import Write
from libcgroups.v2.cpu import convert_shares_to_cgroup2
from libcgroups.v2.io import convert_weight_to_cgroup2
from libcgroups.v2.memory import convert_swap_to_cgroup2

if TYPE_CHECKING:
    from pathlib import Path


# A busy machine says nothing about the code.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def plan(resources: LinuxResources, directory: Path, **present: str) -> list[tuple[str, str]]:
    """Plan for a cgroup with these files."""
    for name, text in present.items():
        (directory / name.replace("_", ".")).write_text(text)
    return [(write.file, write.text) for write in controllers.plan(resources, str(directory))]


@pytest.mark.parametrize(
    ("shares", "weight"),
    [(0, 0), (1, 1), (2, 1), (3, 2), (10, 4), (512, 59), (1024, 100), (2048, 174), (262144, 10000), (2**40, 10000)],
)
def test_shares_become_a_weight(shares: int, weight: int) -> None:
    assert convert_shares_to_cgroup2(shares) == weight


@unhurried
@given(st.integers(2, 262143))
def test_more_shares_are_never_less_weight(shares: int) -> None:
    assert 1 <= convert_shares_to_cgroup2(shares) <= convert_shares_to_cgroup2(shares + 1) <= 10000


@pytest.mark.parametrize(("weight", "converted"), [(10, 1), (100, 910), (500, 4950), (1000, 10000)])
def test_block_weights_are_rescaled(weight: int, converted: int) -> None:
    assert convert_weight_to_cgroup2(weight) == converted


@pytest.mark.parametrize(
    ("limit", "both", "swap"),
    [
        (None, None, None),
        (100, None, None),
        (100, 0, None),
        (100, 100, 0),
        (100, 300, 200),
        (100, -1, -1),
        (-1, None, -1),
        (-1, -1, -1),
        (None, -1, -1),
    ],
)
def test_swap_is_what_the_limit_of_both_leaves(limit: int | None, both: int | None, swap: int | None) -> None:
    assert convert_swap_to_cgroup2(limit, both) == swap


@pytest.mark.parametrize(
    ("resources", "writes"),
    [
        pytest.param(LinuxResources(), [], id="nothing"),
        pytest.param(
            LinuxResources(cpu=LinuxCPU(shares=1024, quota=50000, period=100000, cpus="0-1", mems="0")),
            [("cpuset.cpus", "0-1"), ("cpuset.mems", "0"), ("cpu.weight", "100"), ("cpu.max", "50000 100000")],
            id="cpu",
        ),
        pytest.param(LinuxResources(cpu=LinuxCPU(quota=-1)), [("cpu.max", "max")], id="quota unlimited"),
        pytest.param(LinuxResources(cpu=LinuxCPU(quota=5000)), [("cpu.max", "5000")], id="quota alone"),
        pytest.param(LinuxResources(cpu=LinuxCPU(period=7000)), [("cpu.max", "max 7000")], id="period alone"),
        pytest.param(LinuxResources(cpu=LinuxCPU(idle=1)), [("cpu.idle", "1")], id="idle"),
        pytest.param(
            LinuxResources(memory=LinuxMemory(limit=100, reservation=50, swap=300, swappiness=10, kernel=7)),
            [("memory.swap.max", "200"), ("memory.max", "100"), ("memory.low", "50")],
            id="memory",
        ),
        pytest.param(
            LinuxResources(memory=LinuxMemory(limit=-1)),
            [("memory.swap.max", "max"), ("memory.max", "max")],
            id="memory unlimited",
        ),
        pytest.param(LinuxResources(memory=LinuxMemory(limit=0, reservation=0, swap=0)), [], id="memory unset"),
        pytest.param(LinuxResources(pids=LinuxPids(limit=50)), [("pids.max", "50")], id="pids"),
        pytest.param(LinuxResources(pids=LinuxPids(limit=0)), [("pids.max", "1")], id="no pids but the first"),
        pytest.param(LinuxResources(pids=LinuxPids(limit=-1)), [("pids.max", "max")], id="pids unlimited"),
        pytest.param(
            LinuxResources(
                rdma={"mlx5_0": LinuxRdma(hca_handles=2, hca_objects=3), "mlx5_1": LinuxRdma(hca_objects=4)}
            ),
            [("rdma.max", "mlx5_0 hca_handle=2 hca_object=3"), ("rdma.max", "mlx5_1 hca_object=4")],
            id="rdma",
        ),
        pytest.param(
            LinuxResources(
                block_io=LinuxBlockIO(
                    weight=500,
                    weight_device=[LinuxWeightDevice(8, 0, weight=1000)],
                    throttle_read_bps_device=[LinuxThrottleDevice(8, 0, 100), LinuxThrottleDevice(8, 16, 0)],
                    throttle_write_iops_device=[LinuxThrottleDevice(8, 0, 5)],
                )
            ),
            [
                ("io.weight", "4950"),
                ("io.weight", "8:0 10000"),
                ("io.max", "8:0 rbps=100 wiops=5"),
                ("io.max", "8:16 rbps=max"),
            ],
            id="block devices",
        ),
        pytest.param(
            LinuxResources(
                pids=LinuxPids(limit=5),
                block_io=LinuxBlockIO(throttle_read_bps_device=[LinuxThrottleDevice(8, 0, 100)]),
                unified={"pids.max": "7", "io.max": "8:0 wbps=1\n8:16 wbps=2", "memory.high": "9", "x.odd": ""},
            ),
            [
                ("io.max", "8:0 rbps=100"),
                ("pids.max", "7"),
                ("io.max", "8:0 wbps=1"),
                ("io.max", "8:16 wbps=2"),
                ("memory.high", "9"),
                ("x.odd", ""),
            ],
            id="unified has the last word",
        ),
    ],
)
def test_resources_become_writes(resources: LinuxResources, writes: list[tuple[str, str]], tmp_path: Path) -> None:
    assert plan(resources, tmp_path) == writes


def test_a_period_alone_keeps_the_quota(tmp_path: Path) -> None:
    resources = LinuxResources(cpu=LinuxCPU(period=7000))

    assert plan(resources, tmp_path, cpu_max="5000 100000\n") == [("cpu.max", "5000 7000")]


@pytest.mark.parametrize(
    ("present", "files"),
    [
        pytest.param("max 100000", ["cpu.max.burst", "cpu.max"], id="unlimited so far"),
        pytest.param("2000 100000", ["cpu.max", "cpu.max.burst"], id="quota grows first"),
        pytest.param("9000 100000", ["cpu.max.burst", "cpu.max"], id="burst shrinks first"),
    ],
)
def test_burst_never_exceeds_the_quota(present: str, files: list[str], tmp_path: Path) -> None:
    resources = LinuxResources(cpu=LinuxCPU(quota=5000, burst=3000))

    assert [file for file, _ in plan(resources, tmp_path, cpu_max=present)] == files


def test_bfq_takes_weights_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "io.bfq.weight").touch()
    resources = LinuxResources(block_io=LinuxBlockIO(weight=500, weight_device=[LinuxWeightDevice(8, 0, weight=1000)]))

    assert plan(resources, tmp_path) == [("io.bfq.weight", "500"), ("io.bfq.weight", "8:0 1000")]


def test_a_default_weight_leaves_those_of_devices(tmp_path: Path) -> None:
    (tmp_path / "io.bfq.weight").write_text("default 100\n8:0 200\n8:16 300\n")
    resources = LinuxResources(
        block_io=LinuxBlockIO(weight_device=[LinuxWeightDevice(8, 0, weight=400)]),
        unified={"io.bfq.weight": "default 500", "io.max": "8:0 rbps=1"},
    )

    # BFQ forgets them with every default.
    assert plan(resources, tmp_path) == [
        ("io.bfq.weight", "default 500"),
        ("io.max", "8:0 rbps=1"),
        ("io.bfq.weight", "8:0 400"),
        ("io.bfq.weight", "8:16 300"),
    ]


def test_the_weight_of_one_device_is_one_write(tmp_path: Path) -> None:
    (tmp_path / "io.bfq.weight").write_text("default 100\n8:0 200\n8:16 300\n")
    resources = LinuxResources(block_io=LinuxBlockIO(weight_device=[LinuxWeightDevice(8, 0, weight=400)]))

    assert plan(resources, tmp_path) == [("io.bfq.weight", "8:0 400")]


def test_huge_pages_are_limited_and_their_reservation_too(tmp_path: Path) -> None:
    for name in ("hugetlb.2MB.max", "hugetlb.2MB.rsvd.max", "hugetlb.1GB.max"):
        (tmp_path / name).touch()
    resources = LinuxResources(hugepage_limits=[LinuxHugepageLimit("2MB", 4096), LinuxHugepageLimit("1GB", 0)])

    assert plan(resources, tmp_path) == [
        ("hugetlb.2MB.max", "4096"),
        ("hugetlb.2MB.rsvd.max", "4096"),
        ("hugetlb.1GB.max", "0"),
    ]


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (
            LinuxResources(cpu=LinuxCPU(shares=10, idle=1)),
            r"linux\.resources\.cpu\.idle: cannot be combined with shares, an idle cgroup has no weight",
        ),
        (
            LinuxResources(cpu=LinuxCPU(realtime_runtime=10)),
            r"linux\.resources\.cpu\.realtimeRuntime: cgroup v2 has no real-time limits",
        ),
        (
            LinuxResources(memory=LinuxMemory(swap=10)),
            r"linux\.resources\.memory\.swap: cannot be limited without a limit of memory",
        ),
        (
            LinuxResources(memory=LinuxMemory(limit=20, swap=10)),
            r"linux\.resources\.memory\.swap: memory\+swap limit should be >= memory limit, got 10 < 20",
        ),
        (
            LinuxResources(memory=LinuxMemory(limit=20, check_before_update=True)),
            r"linux\.resources\.memory\.limit: 20 is below the 21 bytes in use, and checkBeforeUpdate is set",
        ),
        (
            LinuxResources(block_io=LinuxBlockIO(weight=9)),
            r"linux\.resources\.blockIO\.weight: expected 10 to 1000, got 9",
        ),
        (
            LinuxResources(block_io=LinuxBlockIO(leaf_weight=10)),
            r"linux\.resources\.blockIO\.leafWeight: cgroup v2 has no leaf weights",
        ),
        (
            LinuxResources(block_io=LinuxBlockIO(weight_device=[LinuxWeightDevice(8, 0, leaf_weight=10)])),
            r"linux\.resources\.blockIO\.weightDevice\[0\]\.leafWeight: cgroup v2 has no leaf weights",
        ),
        (
            LinuxResources(hugepage_limits=[LinuxHugepageLimit("../2MB", 1)]),
            r"linux\.resources\.hugepageLimits\[0\]\.pageSize: '\.\./2MB' is no huge page size here",
        ),
        (LinuxResources(rdma={"mlx": LinuxRdma()}), r"linux\.resources\.rdma: 'mlx' needs hcaHandles or hcaObjects"),
        (
            LinuxResources(rdma={"a b": LinuxRdma(hca_handles=1)}),
            r"linux\.resources\.rdma: 'a b' is not the name of a device",
        ),
        (
            LinuxResources(unified={"../cgroup.procs": "1"}),
            r"linux\.resources\.unified: '\.\./cgroup\.procs' is not the name of a cgroup file",
        ),
    ],
)
def test_what_cannot_be_applied_is_refused(resources: LinuxResources, message: str, tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=f"^{message}$"):
        plan(resources, tmp_path, memory_current="21\n")


@pytest.mark.parametrize(
    ("resources", "required"),
    [
        (LinuxResources(), []),
        (LinuxResources(pids=LinuxPids(limit=-1), memory=LinuxMemory(limit=-1), cpu=LinuxCPU(quota=-1)), []),
        (LinuxResources(pids=LinuxPids(limit=0), memory=LinuxMemory(limit=1), cpu=LinuxCPU(cpus="0")),
         ["cpuset", "memory", "pids"]),
        (LinuxResources(block_io=LinuxBlockIO(), cpu=LinuxCPU(shares=2)), ["cpu"]),
        (LinuxResources(unified={"cgroup.max.depth": "3", "misc.max": "x 1", "memory.high": "1"}), ["misc", "memory"]),
    ],
    ids=["nothing", "no limits", "limits", "empty block io", "unified"],
)  # fmt: skip
def test_only_limits_require_controllers(resources: LinuxResources, required: list[str]) -> None:
    assert controllers.required(resources) == required


def test_old_values_can_be_written_again(tmp_path: Path) -> None:
    (tmp_path / "pids.max").write_text("max\n")
    (tmp_path / "cpu.max").write_text("5 100000\n")
    (tmp_path / "io.max").write_text("8:0 rbps=1 wbps=max riops=max wiops=max\n")
    (tmp_path / "io.weight").write_text("default 100\n8:0 200\n")
    (tmp_path / "io.bfq.weight").write_text("default 300\n")
    writes = [
        Write("pids.max", "5"),
        Write("cpu.max", "6 7"),
        Write("io.max", "8:0 wbps=2"),
        Write("io.max", "8:16 wbps=2"),
        Write("io.weight", "300"),
        Write("io.weight", "8:0 300"),
        Write("io.bfq.weight", "500"),
        Write("io.bfq.weight", "8:0 600"),
        Write("memory.gone", "1"),
    ]

    assert controllers.inverse(writes, str(tmp_path)) == [
        Write("io.bfq.weight", "default 300"),
        Write("io.weight", "default 100"),
        Write("io.bfq.weight", "8:0 default"),
        Write("io.weight", "8:0 200"),
        Write("io.max", "8:16 rbps=max wbps=max riops=max wiops=max"),
        Write("io.max", "8:0 rbps=1 wbps=max riops=max wiops=max"),
        Write("cpu.max", "5 100000"),
        Write("pids.max", "max"),
    ]


@unhurried
@given(st.text())
def test_page_sizes_never_lead_elsewhere(text: str) -> None:
    assert not (hugetlb.is_page_size(text) and set(text) - set("0123456789KMGB"))
