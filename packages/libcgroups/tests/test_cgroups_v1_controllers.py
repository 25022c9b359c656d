from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from libcgroups import resources as oci
from libcgroups.errors import FileError, ResourceError
from libcgroups.manager import ControllerOpt
from libcgroups.testing import FakeHierarchy
from libcgroups.v1 import (
    Blkio,
    Cpu,
    CpuSet,
    Devices,
    HugeTlb,
    Memory,
    NetworkClassifier,
    NetworkPriority,
    Pids,
    Rdma,
    rollback,
)
from libcgroups.v1 import controllers as v1_controllers
from libcgroups.v1.controllers import Write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from libcgroups.v1.controllers import Controller

ALL = (
    ("blkio",),
    ("cpu",),
    ("cpuset",),
    ("devices",),
    ("hugetlb",),
    ("memory",),
    ("net_cls",),
    ("net_prio",),
    ("pids",),
    ("rdma",),
)


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeHierarchy]:
    with FakeHierarchy(tmp_path, v1=ALL) as hierarchy:
        yield hierarchy


def apply(fake: FakeHierarchy, controller: type[Controller], resources: oci.LinuxResources) -> list[tuple[str, str]]:
    controller.apply(ControllerOpt(resources=resources), f"{fake.directory}/{controller.name}")
    return [(path.partition("/")[2], text) for path, text in fake.writes]


def cpu(**values: int | str) -> oci.LinuxResources:
    return oci.LinuxResources(cpu=oci.LinuxCPU(**values))  # type: ignore[arg-type]  # names and types are the test's


def memory(**values: int) -> oci.LinuxResources:
    return oci.LinuxResources(memory=oci.LinuxMemory(**values))  # type: ignore[arg-type]  # as above


# cpu


def test_shares_quota_and_period_are_written(fake: FakeHierarchy) -> None:
    assert apply(fake, Cpu, cpu(shares=512, quota=50000, period=100000)) == [
        ("cpu.shares", "512"),
        ("cpu.cfs_period_us", "100000"),
        ("cpu.cfs_quota_us", "50000"),
    ]


def test_quota_goes_first_when_the_period_shrinks(fake: FakeHierarchy) -> None:
    assert apply(fake, Cpu, cpu(quota=5000, period=10000)) == [
        ("cpu.cfs_quota_us", "5000"),
        ("cpu.cfs_period_us", "10000"),
    ]


def test_burst_follows_the_quota_when_it_grows(fake: FakeHierarchy) -> None:
    assert apply(fake, Cpu, cpu(quota=5000, burst=2000)) == [("cpu.cfs_quota_us", "5000"), ("cpu.cfs_burst_us", "2000")]


def test_burst_precedes_the_quota_when_it_shrinks(fake: FakeHierarchy) -> None:
    fake.set("cpu/cpu.cfs_burst_us", "9000")

    assert apply(fake, Cpu, cpu(quota=5000, burst=2000)) == [("cpu.cfs_burst_us", "2000"), ("cpu.cfs_quota_us", "5000")]


def test_real_time_period_precedes_the_runtime(fake: FakeHierarchy) -> None:
    assert apply(fake, Cpu, cpu(realtime_runtime=5000, realtime_period=10000)) == [
        ("cpu.rt_period_us", "10000"),
        ("cpu.rt_runtime_us", "5000"),
    ]


def test_idle_is_written_even_when_it_is_zero(fake: FakeHierarchy) -> None:
    assert apply(fake, Cpu, cpu(idle=0, shares=100)) == [("cpu.idle", "0"), ("cpu.shares", "100")]


def test_zeros_are_no_limits(fake: FakeHierarchy) -> None:
    assert apply(fake, Cpu, cpu(shares=0, quota=0, period=0)) == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"shares": 1}, "shares: the minimum allowed cpu-shares is 2, got 1", id="too few shares"),
        pytest.param(
            {"shares": 262145}, "shares: the maximum allowed cpu-shares is 262144, got 262145", id="too many shares"
        ),
        pytest.param({"shares": 5, "idle": 1}, "idle: cannot be combined with cpu.shares", id="idle with shares"),
    ],
)
def test_bad_cpu_values_are_named(fake: FakeHierarchy, values: dict[str, int], message: str) -> None:
    with pytest.raises(ResourceError) as caught:
        apply(fake, Cpu, cpu(**values))

    assert str(caught.value) == f"linux.resources.cpu.{message}"
    assert fake.writes == []


# cpuset


def test_processors_and_nodes_are_written(fake: FakeHierarchy) -> None:
    assert apply(fake, CpuSet, cpu(cpus="0-1", mems="0")) == [("cpuset.cpus", "0-1"), ("cpuset.mems", "0")]


# memory


def test_swap_precedes_memory_when_growing(fake: FakeHierarchy) -> None:
    fake.set("memory/memory.limit_in_bytes", "1000")

    assert apply(fake, Memory, memory(limit=4000, swap=8000)) == [
        ("memory.memsw.limit_in_bytes", "8000"),
        ("memory.limit_in_bytes", "4000"),
    ]


def test_memory_precedes_swap_when_shrinking(fake: FakeHierarchy) -> None:
    assert apply(fake, Memory, memory(limit=4000, swap=8000)) == [
        ("memory.limit_in_bytes", "4000"),
        ("memory.memsw.limit_in_bytes", "8000"),
    ]


def test_unlimited_memory_means_unlimited_swap(fake: FakeHierarchy) -> None:
    assert apply(fake, Memory, memory(limit=-1)) == [
        ("memory.memsw.limit_in_bytes", "-1"),
        ("memory.limit_in_bytes", "-1"),
    ]


def test_reservation_swappiness_and_the_oom_killer_are_written(fake: FakeHierarchy) -> None:
    values = oci.LinuxMemory(reservation=2000, swappiness=0, disable_oom_killer=True)

    assert apply(fake, Memory, oci.LinuxResources(memory=values)) == [
        ("memory.soft_limit_in_bytes", "2000"),
        ("memory.swappiness", "0"),
        ("memory.oom_control", "1"),
    ]


def test_an_oom_killer_that_is_enabled_is_left_alone(fake: FakeHierarchy) -> None:
    values = oci.LinuxMemory(disable_oom_killer=False)

    assert apply(fake, Memory, oci.LinuxResources(memory=values)) == []


def test_an_inherited_disabled_oom_killer_is_enabled(fake: FakeHierarchy) -> None:
    fake.set("memory/memory.oom_control", "oom_kill_disable 1\nunder_oom 0\n")
    values = oci.LinuxMemory(disable_oom_killer=False)

    assert apply(fake, Memory, oci.LinuxResources(memory=values)) == [("memory.oom_control", "0")]


def test_the_oom_killer_can_be_disabled_beside_the_resources(fake: FakeHierarchy) -> None:
    Memory.apply(ControllerOpt(disable_oom_killer=True), f"{fake.directory}/memory")

    assert fake.writes == [("memory/memory.oom_control", "1")]


def test_limits_of_kernel_memory_are_not_written(fake: FakeHierarchy) -> None:
    assert apply(fake, Memory, memory(kernel=1000, kernel_tcp=1000)) == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param(
            {"limit": 200, "swap": 100}, "swap: memory+swap limit should be >= memory limit, got 100 < 200", id="less"
        ),
        pytest.param(
            {"limit": -1, "swap": 100}, "swap: cannot be limited while memory.limit is unlimited", id="unlimited memory"
        ),
        pytest.param({"swappiness": 101}, "swappiness: expected 0 to 100, got 101", id="swappiness"),
    ],
)
def test_bad_memory_values_are_named(fake: FakeHierarchy, values: dict[str, int], message: str) -> None:
    with pytest.raises(ResourceError) as caught:
        apply(fake, Memory, memory(**values))

    assert str(caught.value) == f"linux.resources.memory.{message}"
    assert fake.writes == []


def test_a_limit_below_what_is_in_use_is_explained(fake: FakeHierarchy) -> None:
    fake.set("memory/memory.usage_in_bytes", "5000000")
    fake.set("memory/memory.max_usage_in_bytes", "6000000")
    fake.failures["memory/memory.limit_in_bytes"] = errno.EBUSY

    with pytest.raises(FileError) as caught:
        apply(fake, Memory, memory(limit=4096))

    assert str(caught.value) == (
        f"write '4096' to {fake.directory}/memory/memory.limit_in_bytes: device or resource busy "
        "(in use: 5000000 bytes, peak: 6000000 bytes)"
    )
    assert caught.value.hint.startswith("more is in use than the new limit")
    assert caught.value.errno == errno.EBUSY


# the others


@pytest.mark.parametrize(("limit", "text"), [(10, "10"), (0, "1"), (-1, "max")])
def test_the_limit_of_tasks_is_written(fake: FakeHierarchy, limit: int, text: str) -> None:
    assert apply(fake, Pids, oci.LinuxResources(pids=oci.LinuxPids(limit))) == [("pids.max", text)]


def test_each_throttled_device_is_a_write(fake: FakeHierarchy) -> None:
    block_io = oci.LinuxBlockIO(
        throttle_read_bps_device=[oci.LinuxThrottleDevice(8, 0, 100), oci.LinuxThrottleDevice(8, 16, 200)],
        throttle_write_bps_device=[oci.LinuxThrottleDevice(8, 0, 300)],
        throttle_read_iops_device=[oci.LinuxThrottleDevice(8, 0, 400)],
        throttle_write_iops_device=[oci.LinuxThrottleDevice(8, 0, 500)],
    )

    assert apply(fake, Blkio, oci.LinuxResources(block_io=block_io)) == [
        ("blkio.throttle.read_bps_device", "8:0 100"),
        ("blkio.throttle.read_bps_device", "8:16 200"),
        ("blkio.throttle.write_bps_device", "8:0 300"),
        ("blkio.throttle.read_iops_device", "8:0 400"),
        ("blkio.throttle.write_iops_device", "8:0 500"),
    ]


def test_weights_go_to_the_scheduler_that_is_there(fake: FakeHierarchy) -> None:
    block_io = oci.LinuxBlockIO(weight=100, weight_device=[oci.LinuxWeightDevice(8, 0, 200)])

    assert apply(fake, Blkio, oci.LinuxResources(block_io=block_io)) == [
        ("blkio.bfq.weight", "100"),
        ("blkio.bfq.weight_device", "8:0 200"),
    ]


def test_a_default_weight_leaves_those_of_devices(fake: FakeHierarchy) -> None:
    fake.set("blkio/blkio.bfq.weight_device", "default 50\n8:0 300\n8:16 400\n")
    block_io = oci.LinuxBlockIO(weight=100, weight_device=[oci.LinuxWeightDevice(8, 0, 200)])

    # BFQ forgets them with every default.
    assert apply(fake, Blkio, oci.LinuxResources(block_io=block_io)) == [
        ("blkio.bfq.weight", "100"),
        ("blkio.bfq.weight_device", "8:0 300"),
        ("blkio.bfq.weight_device", "8:16 400"),
        ("blkio.bfq.weight_device", "8:0 200"),
    ]


def test_weights_of_devices_are_written_back(fake: FakeHierarchy) -> None:
    fake.set("blkio/blkio.bfq.weight", "50")
    fake.set("blkio/blkio.bfq.weight_device", "default 50\n8:0 300\n")
    fake.failures["blkio/blkio.throttle.read_bps_device"] = errno.ENODEV
    directory = f"{fake.directory}/blkio"
    writes = [
        Write("blkio.bfq.weight", "100"),
        Write("blkio.bfq.weight_device", "8:16 200"),
        Write("blkio.throttle.read_bps_device", "9:9 1"),
    ]

    with pytest.raises(FileError, match=r"read_bps_device: no such device$"):
        rollback.write_all_or_none([(Blkio, directory, writes)])

    assert fake.writes == [
        ("blkio/blkio.bfq.weight", "100"),
        ("blkio/blkio.bfq.weight_device", "8:16 200"),
        ("blkio/blkio.bfq.weight_device", "8:16 default"),
        ("blkio/blkio.bfq.weight", "50"),
        ("blkio/blkio.bfq.weight_device", "8:0 300"),
    ]


def test_weights_of_cfq_are_written_where_it_exists(fake: FakeHierarchy) -> None:
    fake.set("blkio/blkio.weight", "500")
    fake.set("blkio/blkio.leaf_weight_device", "")
    block_io = oci.LinuxBlockIO(weight=100, weight_device=[oci.LinuxWeightDevice(8, 0, leaf_weight=200)])

    assert apply(fake, Blkio, oci.LinuxResources(block_io=block_io)) == [
        ("blkio.weight", "100"),
        ("blkio.leaf_weight_device", "8:0 200"),
    ]


def test_a_weight_out_of_range_is_named(fake: FakeHierarchy) -> None:
    block_io = oci.LinuxBlockIO(weight_device=[oci.LinuxWeightDevice(8, 0, 9)])

    with pytest.raises(
        ResourceError, match=r"^linux\.resources\.blockIO\.weightDevice\[0\]\.weight: expected 10 to 1000, got 9$"
    ):
        apply(fake, Blkio, oci.LinuxResources(block_io=block_io))


def test_huge_pages_and_their_reservations_are_limited(fake: FakeHierarchy) -> None:
    limits = oci.LinuxResources(hugepage_limits=[oci.LinuxHugepageLimit("2MB", 4194304)])

    assert apply(fake, HugeTlb, limits) == [
        ("hugetlb.2MB.limit_in_bytes", "4194304"),
        ("hugetlb.2MB.rsvd.limit_in_bytes", "4194304"),
    ]


@pytest.mark.parametrize("size", ["3MB", "../../x", "", "MB", "02MB", "2mb", "2M"])
def test_a_page_size_the_kernel_does_not_have_is_refused(fake: FakeHierarchy, size: str) -> None:
    limits = oci.LinuxResources(hugepage_limits=[oci.LinuxHugepageLimit(size, 1)])

    with pytest.raises(ResourceError, match=r"^linux\.resources\.hugepageLimits\[0\]\.pageSize: "):
        apply(fake, HugeTlb, limits)


def test_the_class_of_packets_is_written(fake: FakeHierarchy) -> None:
    network = oci.LinuxResources(network=oci.LinuxNetwork(class_id=1048577))

    assert apply(fake, NetworkClassifier, network) == [("net_cls.classid", "1048577")]


def test_priorities_of_interfaces_are_written(fake: FakeHierarchy) -> None:
    priorities = [oci.LinuxInterfacePriority("eth0", 5), oci.LinuxInterfacePriority("lo", 1)]

    assert apply(fake, NetworkPriority, oci.LinuxResources(network=oci.LinuxNetwork(priorities=priorities))) == [
        ("net_prio.ifpriomap", "eth0 5"),
        ("net_prio.ifpriomap", "lo 1"),
    ]


def test_an_interface_name_with_a_blank_is_refused(fake: FakeHierarchy) -> None:
    priorities = [oci.LinuxInterfacePriority("eth0 1\nlo", 5)]

    with pytest.raises(ResourceError, match=r"priorities\[0\]\.name: not an interface name: 'eth0 1\\nlo'$"):
        apply(fake, NetworkPriority, oci.LinuxResources(network=oci.LinuxNetwork(priorities=priorities)))


def test_handles_and_objects_are_written(fake: FakeHierarchy) -> None:
    rdma = {"mlx4_0": oci.LinuxRdma(hca_handles=3, hca_objects=100), "mlx5_0": oci.LinuxRdma(hca_objects=5)}

    assert apply(fake, Rdma, oci.LinuxResources(rdma=rdma)) == [
        ("rdma.max", "mlx4_0 hca_handle=3 hca_object=100"),
        ("rdma.max", "mlx5_0 hca_object=5"),
    ]


def test_an_rdma_device_without_limits_is_refused(fake: FakeHierarchy) -> None:
    with pytest.raises(ResourceError, match=r"^linux\.resources\.rdma\['mlx4_0'\]: needs hcaHandles or hcaObjects$"):
        apply(fake, Rdma, oci.LinuxResources(rdma={"mlx4_0": oci.LinuxRdma()}))


# which are needed


def test_nothing_asked_needs_no_controller() -> None:
    everything_empty = oci.LinuxResources(cpu=oci.LinuxCPU(shares=0), network=oci.LinuxNetwork(class_id=0))

    assert v1_controllers.needed(ControllerOpt(resources=everything_empty)) == []
    assert v1_controllers.needed(ControllerOpt()) == []


def test_each_resource_needs_its_controller() -> None:
    everything = oci.LinuxResources(
        devices=[oci.LinuxDeviceCgroup(False, access="rwm")],
        memory=oci.LinuxMemory(limit=1),
        cpu=oci.LinuxCPU(shares=2, cpus="0"),
        pids=oci.LinuxPids(1),
        block_io=oci.LinuxBlockIO(weight=10),
        hugepage_limits=[oci.LinuxHugepageLimit("2MB", 1)],
        network=oci.LinuxNetwork(1, [oci.LinuxInterfacePriority("lo", 1)]),
        rdma={"a": oci.LinuxRdma(1)},
    )

    assert v1_controllers.needed(ControllerOpt(resources=everything)) == [
        CpuSet,
        Cpu,
        Pids,
        Blkio,
        NetworkClassifier,
        NetworkPriority,
        HugeTlb,
        Rdma,
        Memory,
        Devices,
    ]
