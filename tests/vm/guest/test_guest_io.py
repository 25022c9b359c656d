"""Block devices on pure cgroup v2, by either driver: weights under BFQ and iocost, rates, and what is counted.

As root: only root chooses schedulers, and a session is not handed disks.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from libcgroups import ControllerOpt
from libcgroups.errors import FileError
from libcgroups.resources import LinuxBlockIO, LinuxResources, LinuxWeightDevice
from libcgroups.v2.manager import Manager
from libcontainer.container import events
from tests.support import mutations
from tests.support.runtime import eventually, read
from tests.vm.guest.containers import MIB, only_cgroupfs, only_systemd, values, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.bundle import Json
    from tests.vm.guest.conftest import MakeBundle, MakeManager, Start, StartBeside
    from tests.vm.guest.containers import GuestContainer, GuestRuntime


pytestmark = pytest.mark.root

_DISK = os.stat("/").st_dev
DISK = f"{os.major(_DISK)}:{os.minor(_DISK)}"
NUMBERS = {"major": os.major(_DISK), "minor": os.minor(_DISK)}
WEIGHTS = {"weight": 321, "weightDevice": [{**NUMBERS, "weight": 654}]}
UNDER_BFQ = {"io.bfq.weight": f"default 321\n{DISK} 654"}
RATES = {
    "throttleReadBpsDevice": [{**NUMBERS, "rate": 10 * MIB}],
    "throttleWriteBpsDevice": [{**NUMBERS, "rate": 20 * MIB}],
    "throttleReadIOPSDevice": [{**NUMBERS, "rate": 300}],
    "throttleWriteIOPSDevice": [{**NUMBERS, "rate": 400}],
}
LIMITED = {"io.max": f"{DISK} rbps={10 * MIB} wbps={20 * MIB} riops=300 wiops=400"}
OURS = LinuxResources(block_io=LinuxBlockIO(weight=321, weight_device=[LinuxWeightDevice(**NUMBERS, weight=654)]))


@pytest.fixture
def bfq() -> Iterator[None]:
    """Let BFQ schedule the guest's disk; without it the kernel has no io.bfq.weight."""
    scheduler = f"/sys/dev/block/{DISK}/queue/scheduler"
    before = read(scheduler).partition("[")[2].partition("]")[0]
    subprocess.run(["modprobe", "bfq"], check=True)
    write(scheduler, "bfq")
    yield
    write(scheduler, before)
    subprocess.run(["modprobe", "--remove", "bfq"], check=True)


@pytest.fixture
def iocost() -> Iterator[None]:
    """Let the cost model of the kernel share out the guest's disk; it is what io.weight speaks to."""
    write("/sys/fs/cgroup/io.cost.qos", f"{DISK} enable=1")
    yield
    write("/sys/fs/cgroup/io.cost.qos", f"{DISK} enable=0")


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[int]:
    """The number of a disk that is a file."""
    (tmp_path / "disk").write_bytes(bytes(MIB))
    command = ["losetup", "--find", "--show", str(tmp_path / "disk")]
    path = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    yield os.stat(path).st_rdev
    subprocess.run(["losetup", "--detach", path], check=True)


def statistics(container: GuestContainer) -> Json:
    """Return what events --stats says of block devices."""
    event = json.loads(container.command("events", "--stats").succeed().stdout)
    found: Json = event["data"]["blkio"]
    return found


def counted(entries: list[Json]) -> int:
    """Return how many writes, or bytes of them, the disk had."""
    [value] = [
        each["value"]
        for each in entries
        if (each.get("major", 0), each.get("minor", 0), each["op"]) == (*NUMBERS.values(), "Write")
    ]
    return int(value)


def test_weights_and_rates_arrive(bfq: None, start: Start) -> None:
    container = start(mutate=mutations.resources(blockIO={**WEIGHTS, **RATES}))

    assert container.values([*UNDER_BFQ, *LIMITED]) == UNDER_BFQ | LIMITED


@only_cgroupfs
def test_weights_go_to_iocost_where_bfq_is_not(iocost: None, start: Start) -> None:
    container = start(mutate=mutations.resources(blockIO=WEIGHTS))

    assert container.read("io.weight") == f"default 3142\n{DISK} 6505"  # 1 to 10000


@only_cgroupfs
@pytest.mark.parametrize("has_bfq", [False, True], ids=["iocost", "bfq"])
def test_a_disk_that_has_no_weights_is_named(
    runtime: GuestRuntime, make_bundle: MakeBundle, loop: int, request: pytest.FixtureRequest, has_bfq: bool
) -> None:
    if has_bfq:
        request.getfixturevalue("bfq")  # but for another disk
    weights = {"weightDevice": [{"major": os.major(loop), "minor": os.minor(loop), "weight": 100}]}
    bundle = make_bundle(mutate=mutations.resources(blockIO=weights))

    refused = runtime.try_create(bundle).fail()

    assert f"{os.major(loop)}:{os.minor(loop)} {100 if has_bfq else 910}" in refused.message
    assert f"{'io.bfq.weight' if has_bfq else 'io.weight'}: operation not supported" in refused.message
    assert runtime.name != "pyouki" or "hint: this disk has no weights: write bfq to " in refused.message
    assert runtime.ids() == []


def test_another_weight_leaves_those_of_devices(bfq: None, runtime: GuestRuntime, start: Start) -> None:
    container = start(mutate=mutations.resources(blockIO=WEIGHTS))

    runtime("update", "--blkio-weight", "500", container.id).succeed()

    assert container.read("io.bfq.weight") == f"default 500\n{DISK} 654"


def test_another_limit_leaves_the_weights(bfq: None, runtime: GuestRuntime, start: Start) -> None:
    container = start(mutate=mutations.resources(blockIO=WEIGHTS))

    runtime("update", "--pids-limit", "50", container.id).succeed()

    assert container.values(list(UNDER_BFQ)) == UNDER_BFQ


@only_systemd
def test_limits_survive_a_reload_of_systemd(bfq: None, start: Start) -> None:
    container = start(mutate=mutations.resources(blockIO={**WEIGHTS, **RATES}))

    subprocess.run(["systemctl", "daemon-reload"], check=True)

    assert container.values(list(LIMITED)) == LIMITED
    # By systemd's own scale: 1 to 10000 become 1 to 1000, and 100 stays what it is.
    assert container.read("io.bfq.weight") == f"default 376\n{DISK} 682"


def test_a_refused_update_leaves_the_weights(bfq: None, make_manager: MakeManager) -> None:
    manager = make_manager("/web/one")
    manager.create(OURS)
    manager.apply(ControllerOpt(resources=OURS))
    other = LinuxBlockIO(weight=500, weight_device=[LinuxWeightDevice(**NUMBERS, weight=600)])

    with pytest.raises(FileError, match=r"^write '99' to .*/cpu\.weight\.nice: "):
        manager.update(LinuxResources(block_io=other, unified={"cpu.weight.nice": "99"}))

    assert values(manager.hierarchies()[0].directory, UNDER_BFQ) == UNDER_BFQ


@only_cgroupfs
def test_what_passes_through_is_counted_and_a_rate_is_kept(start: Start) -> None:
    resources = {"throttleWriteBpsDevice": [{**NUMBERS, "rate": MIB}]}
    container = start(mutate=mutations.every(mutations.resources(blockIO=resources), mutations.writable_root))

    written = container.exec("dd", "if=/dev/zero", "of=/large", "bs=64k", "count=48", "oflag=direct").succeed()

    found = statistics(container)
    assert counted(found["ioServiceBytesRecursive"]) >= 3 * MIB
    assert counted(found["ioServicedRecursive"]) >= 48
    assert written.duration_s > 2


@only_cgroupfs
@pytest.mark.parametrize("other", ["runc", "crun"])
def test_other_runtimes_end_in_the_same_values(bfq: None, start: Start, start_beside: StartBeside, other: str) -> None:
    # This crun does not write the weights of devices.
    weights = WEIGHTS if other == "runc" else {"weight": 321}
    mutate = mutations.resources(blockIO={**weights, **RATES})

    ours, theirs = start(mutate=mutate), start_beside(other, mutate=mutate)

    names = [*UNDER_BFQ, *LIMITED]
    assert ours.values(names) == theirs.values(names)


def test_statistics_are_those_of_runc(start_beside: StartBeside) -> None:
    mutate = mutations.every(mutations.resources(blockIO=RATES), mutations.writable_root)
    program = "dd if=/dev/zero of=/large bs=64k count=4 oflag=direct 2>/dev/null; echo written; sleep 1000"
    container = start_beside("runc", "sh", "-c", program, mutate=mutate)
    eventually(container.output, "the end of writing", 30)

    stats = Manager.at("/sys/fs/cgroup", container.directory.removeprefix("/sys/fs/cgroup")).stats()
    theirs = statistics(container)

    assert counted(theirs["ioServiceBytesRecursive"]) >= MIB // 4
    assert events.describe(stats.replace(blkio=stats.blkio.replace(psi=None)))["blkio"] == theirs
