"""``linux.resources`` on cgroup v1, read by the container in its own /sys/fs/cgroup; v2 is tried in the guest."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Inside, MakeBundle
    from tests.support.bundle import Json
    from tests.support.runtime import Runtime
    from tests.support.tracking import Tracker

pytestmark = [pytest.mark.root, pytest.mark.cgroup1]

_MIB = 1 << 20


def _disk() -> Json:
    """Return the number of a disk that this machine has."""
    with open("/proc/partitions", encoding="ascii") as lines:
        rows = [line.split() for line in lines.readlines()[2:]]
    if not rows:
        pytest.skip("this machine has no block device")
    return {"major": int(rows[0][0]), "minor": int(rows[0][1])}


@pytest.fixture
def bfq_disk(work: str) -> Iterator[tuple[int, int]]:
    """The number of a disk, a file in truth, that the BFQ scheduler has: only there devices have weights."""
    path = os.path.join(work, "disk")
    with open(path, "wb") as file:
        file.truncate(_MIB)
    attached = subprocess.run(["losetup", "--find", "--show", path], check=False, capture_output=True, text=True)
    if attached.returncode:
        pytest.skip(f"this machine has no loop device: {attached.stderr.strip()}")
    device = attached.stdout.strip()
    scheduler = f"/sys/block/{os.path.basename(device)}/queue/scheduler"
    present = read(scheduler)
    try:
        if "bfq" not in present:
            pytest.skip("this kernel has no BFQ scheduler")
        _write(scheduler, "bfq")
        number = os.stat(device).st_rdev
        yield os.major(number), os.minor(number)
        _write(scheduler, present.partition("[")[2].partition("]")[0])
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


MEMORY = {
    "limit": 64 * _MIB, "reservation": 32 * _MIB, "swap": 96 * _MIB, "swappiness": 7, "disableOOMKiller": True,
    "kernel": -1, "kernelTCP": -1, "useHierarchy": True, "checkBeforeUpdate": True,
}  # fmt: skip
CPU = {"shares": 512, "quota": 60000, "period": 50000, "burst": 1000, "cpus": "0", "mems": "0"}
EXPECTED = {
    "memory/memory.limit_in_bytes": str(64 * _MIB),
    "memory/memory.soft_limit_in_bytes": str(32 * _MIB),
    "memory/memory.memsw.limit_in_bytes": str(96 * _MIB),
    "memory/memory.swappiness": "7",
    "memory/memory.use_hierarchy": "1",
    "cpu/cpu.shares": "512",
    "cpu/cpu.cfs_quota_us": "60000",
    "cpu/cpu.cfs_period_us": "50000",
    "cpu/cpu.cfs_burst_us": "1000",
    "cpuset/cpuset.cpus": "0",
    "cpuset/cpuset.mems": "0",
    "pids/pids.max": "55",
}


def test_limits_are_seen_inside(inside: Inside, tracker: Tracker) -> None:
    mutate = mutations.resources(memory=MEMORY, cpu=CPU, pids={"limit": 55})
    files = [file for file in EXPECTED if os.path.exists(tracker.file(file.split("/")[0], ".", file.split("/")[1]))]

    found = inside(f"cd /sys/fs/cgroup; grep -H . {' '.join(files)}; cat memory/memory.oom_control", mutate).split()

    assert dict(line.split(":", 1) for line in found[: len(files)]) == {file: EXPECTED[file] for file in files}
    assert found[len(files) : len(files) + 2] == ["oom_kill_disable", "1"]


def test_idle(inside: Inside, tracker: Tracker) -> None:
    if not os.path.exists(tracker.file("cpu", ".", "cpu.idle")):
        pytest.skip("this kernel has no cpu.idle (since Linux 5.15)")

    assert inside("cat /sys/fs/cgroup/cpu/cpu.idle", mutations.resources(cpu={"idle": 1})) == "1\n"


def test_block_devices(inside: Inside, tracker: Tracker) -> None:
    disk = _disk()
    limits = {
        "throttleReadBpsDevice": 1 * _MIB,
        "throttleWriteBpsDevice": 2 * _MIB,
        "throttleReadIOPSDevice": 300,
        "throttleWriteIOPSDevice": 400,
    }
    files = ["throttle.read_bps_device", "throttle.write_bps_device"]
    files += ["throttle.read_iops_device", "throttle.write_iops_device"]
    mutate = mutations.resources(blockIO={name: [{**disk, "rate": rate}] for name, rate in limits.items()})

    found = inside(f"cd /sys/fs/cgroup/blkio; cat {' '.join(f'blkio.{name}' for name in files)}", mutate)

    number = f"{disk['major']}:{disk['minor']}"
    assert found.splitlines() == [f"{number} {rate}" for rate in limits.values()]


def test_block_weight(inside: Inside, tracker: Tracker) -> None:
    names = [name for name in ("blkio.weight", "blkio.bfq.weight") if os.path.exists(tracker.file("blkio", ".", name))]
    if not names:
        pytest.skip("this kernel has no weights of block devices")

    found = inside(f"cat /sys/fs/cgroup/blkio/{names[0]}", mutations.resources(blockIO={"weight": 321}))

    assert found.split()[-1] == "321"


def test_block_weights_of_devices(
    runtime: Runtime, make_bundle: MakeBundle, tracker: Tracker, bfq_disk: tuple[int, int]
) -> None:
    major, minor = bfq_disk
    weights = {"weight": 321, "weightDevice": [{"major": major, "minor": minor, "weight": 654}]}
    container = runtime.create(make_bundle("true", mutate=mutations.resources(blockIO=weights)))
    file = tracker.file("blkio", container.id, "blkio.bfq.weight_device")

    created = read(file)
    runtime("update", "--blkio-weight", "500", container.id).succeed()
    updated = read(file)

    assert created == f"default 321\n{major}:{minor} 654\n"
    # By itself BFQ would forget it with every other default.
    assert updated == f"default 500\n{major}:{minor} 654\n"


def test_pids_without_limit(inside: Inside) -> None:
    assert inside("cat /sys/fs/cgroup/pids/pids.max", mutations.resources(pids={"limit": -1})) == "max\n"


@pytest.mark.parametrize("access", ["r", "w", "m", "rwm"])
def test_device_rule(inside: Inside, access: str) -> None:
    rule = {"allow": True, "type": "c", "major": 1, "minor": 11, "access": access}
    mutate = mutations.every(
        mutations.resources(devices=[{"allow": False, "access": "rwm"}, rule]),
        mutations.linux(devices=[{"type": "c", "path": "/dev/mine", "major": 1, "minor": 11}]),
        mutations.capabilities("CAP_MKNOD", "CAP_SYSLOG"),
        mutations.writable_root,
    )

    found = inside(
        """
        (exec 3< /dev/mine) 2>/dev/null && echo r
        (exec 3> /dev/mine) 2>/dev/null && echo w
        mknod /tmp/mine c 1 11 2>/dev/null && echo m
        true
        """,
        mutate,
    )

    # Any node may be made, whatever the rules say: the runtime's own "c *:* m" comes after them.
    assert set(found.split()) == {*access, "m"}


@pytest.mark.parametrize(
    ("resources", "name"),
    [
        ({"memory": {"swap": 64 * _MIB}}, "memory"),
        ({"memory": {"limit": 64 * _MIB, "swap": 32 * _MIB}}, "memory+swap limit should be >= memory limit"),
        ({"memory": {"swappiness": 101}}, "swappiness"),
        ({"unified": {"memory.high": "1"}}, "unified"),
        ({"hugepageLimits": [{"pageSize": "3MB", "limit": 1}]}, "huge"),
        ({"hugepageLimits": [{"pageSize": "2mb", "limit": 1}]}, "pagesize"),
        ({"blockIO": {"weight": 9}}, "weight"),
        ({"blockIO": {"weightDevice": [{"major": 1, "minor": 1}]}}, "weight"),
        ({"cpu": {"cpus": "9999"}}, "cpu"),
        ({"cpu": {"shares": 2, "idle": 1}}, "idle"),
        ({"cpu": {"quota": 1000, "burst": 2000, "period": 100000}}, "burst"),
        ({"rdma": {"mlx5_1": {}}}, "rdma"),
        ({"devices": [{"allow": True, "access": "x"}]}, "access"),
        ({"devices": [{"allow": True, "access": ""}]}, "access"),
        ({"devices": [{"allow": True, "type": "p", "access": "r"}]}, "type"),
        ({"pids": {}}, "limit"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    runtime: Runtime, make_bundle: MakeBundle, tracker: Tracker, resources: Json, name: str
) -> None:
    result = runtime.try_create(make_bundle(mutate=mutations.resources(**resources))).exit_with(1)

    assert name in str(result.records[-1]).lower()
    assert (runtime.ids(), tracker.directories()) == ([], [])
