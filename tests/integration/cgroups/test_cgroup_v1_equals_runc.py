"""The numbers and device lists of runc for the same container."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from libcgroups import resources as oci
from libcgroups.manager import CgroupConfig, ControllerOpt, create_cgroup_manager
from libcgroups.stats import MemoryData
from tests.support import bundle as bundles
from tests.support import host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from libcgroups.manager import CgroupManager
    from tests.integration.cgroups.conftest import MakeManager
    from tests.support.bundle import RootfsTemplate

pytestmark = [pytest.mark.root, pytest.mark.cgroup1]

RESOURCES = {
    "devices": [
        {"allow": False, "access": "rwm"},
        {"allow": True, "type": "c", "major": 1, "minor": 5, "access": "rwm"},
        {"allow": True, "type": "b", "major": 7, "access": "rw"},
    ],
    "memory": {"limit": 64 << 20, "swap": 96 << 20},
    "pids": {"limit": 20},
    "cpu": {"shares": 512, "quota": 50000, "period": 100000, "cpus": "0"},
}
SCRIPT = "dd if=/dev/zero of=/tmp/file bs=1M count=4; sleep 1000"


@pytest.fixture
def paused(tmp_path: Path, rootfs_template: RootfsTemplate, parent: str) -> Iterator[list[str]]:
    """The beginning of a runc command line for a container named "one", which is paused: its numbers stand still."""
    host.require("runc")
    path = f"{parent}/runc"

    def mutate(config: dict[str, Any]) -> None:
        config["linux"]["resources"] = RESOURCES

    bundle = bundles.make(str(tmp_path / "bundle"), "one", rootfs_template, path, ["sh", "-c", SCRIPT], mutate)
    runc = ["runc", "--root", str(tmp_path / "state")]
    log = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC)
    subprocess.run([*runc, "run", "-d", "-b", bundle.directory, "one"], check=True, stdout=log, stderr=log, stdin=log)
    os.close(log)
    subprocess.run([*runc, "pause", "one"], check=True)
    yield runc
    subprocess.run([*runc, "resume", "one"], check=True)
    subprocess.run([*runc, "delete", "-f", "one"], check=True)
    # runc leaves the parents it made.
    for mount in host.mount_points("cgroup") | host.mount_points("cgroup2"):
        if os.path.isdir(mount + parent):
            os.rmdir(mount + parent)


def same_container(parent: str) -> CgroupManager:
    return create_cgroup_manager(CgroupConfig("one", f"{parent}/runc"))


def shown_by(runc: list[str]) -> dict[str, Any]:
    shown = subprocess.run([*runc, "events", "--stats", "one"], check=True, capture_output=True, text=True).stdout
    data: dict[str, Any] = json.loads(shown)["data"]
    return data


def memory_data(data: dict[str, int]) -> MemoryData:
    return MemoryData(data.get("usage", 0), data.get("max", 0), data["failcnt"], data["limit"])


def test_statistics_equal_runc_s(paused: list[str], parent: str) -> None:
    manager = same_container(parent)
    # A paused container still gives back what the kernel frees late: compare when that is over.
    theirs = shown_by(paused)
    while True:
        ours = manager.stats()
        before, theirs = theirs, shown_by(paused)
        if before == theirs:
            break

    assert ours.cpu.usage.usage_total == theirs["cpu"]["usage"]["total"]
    assert ours.cpu.usage.usage_user == theirs["cpu"]["usage"]["user"]
    assert ours.cpu.usage.usage_kernel == theirs["cpu"]["usage"]["kernel"]
    assert list(ours.cpu.usage.per_core_usage_total) == theirs["cpu"]["usage"]["percpu"]
    assert list(ours.cpu.usage.per_core_usage_user) == theirs["cpu"]["usage"]["percpu_user"]
    assert list(ours.cpu.usage.per_core_usage_kernel) == theirs["cpu"]["usage"]["percpu_kernel"]
    assert ours.cpu.throttling.periods == theirs["cpu"]["throttling"].get("periods", 0)
    assert ours.cpu.throttling.throttled_time == theirs["cpu"]["throttling"].get("throttledTime", 0)
    assert ours.memory.memory == memory_data(theirs["memory"]["usage"])
    assert ours.memory.memswap == memory_data(theirs["memory"]["swap"])
    assert ours.memory.kernel == memory_data(theirs["memory"]["kernel"])
    assert ours.memory.kernel_tcp == memory_data(theirs["memory"]["kernelTCP"])
    assert ours.memory.cache == theirs["memory"].get("cache", 0)
    assert ours.memory.stats == theirs["memory"]["raw"]
    assert (ours.pids.current, ours.pids.limit) == (theirs["pids"]["current"], theirs["pids"]["limit"])
    assert list(ours.cpuset.cpus) == theirs["cpuset"]["cpus"]
    assert list(ours.cpuset.mems) == theirs["cpuset"]["mems"]
    assert ours.cpuset.sched_load_balance == theirs["cpuset"]["sched_load_balance"]
    assert ours.cpuset.sched_relax_domain_level == theirs["cpuset"]["sched_relax_domain_level"]
    assert [vars(each) for each in ours.blkio.service_bytes] == block_device_counters(theirs, "ioServiceBytesRecursive")
    assert [vars(each) for each in ours.blkio.serviced] == block_device_counters(theirs, "ioServicedRecursive")


def block_device_counters(theirs: dict[str, Any], name: str) -> list[dict[str, object]]:
    return [
        {
            "major": each.get("major", 0),
            "minor": each.get("minor", 0),
            "op_type": each.get("op", ""),
            "value": each.get("value", 0),
        }
        for each in theirs["blkio"].get(name) or []
    ]


def test_processes_and_freezer_equal_runc_s(paused: list[str], parent: str) -> None:
    shown = subprocess.run([*paused, "ps", "-f", "json", "one"], check=True, capture_output=True, text=True).stdout

    manager = same_container(parent)

    assert sorted(manager.get_all_pids()) == sorted(json.loads(shown))
    assert manager.is_frozen()


def test_limits_and_device_lists_equal_runc_s(paused: list[str], parent: str, make_manager: MakeManager) -> None:
    resources = oci.LinuxResources(
        devices=[oci.LinuxDeviceCgroup(**rule) for rule in RESOURCES["devices"]],  # type: ignore[arg-type]  # of JSON
        memory=oci.LinuxMemory(limit=64 << 20, swap=96 << 20),
        pids=oci.LinuxPids(20),
        cpu=oci.LinuxCPU(shares=512, quota=50000, period=100000, cpus="0"),
    )
    manager = make_manager()
    manager.create(resources)
    manager.apply(ControllerOpt(resources=resources))

    theirs, ours = limits(same_container(parent)), limits(manager)

    assert ours == theirs


def limits(manager: CgroupManager) -> dict[str, list[str]]:
    """Everything that can be set in the cgroup, lines sorted."""
    found = {}
    for each in manager.hierarchies():
        for name in sorted(os.listdir(each.directory)) if each.controllers else ():
            is_limit = name.endswith((".max", "_us", ".shares", "limit_in_bytes", "devices.list", ".cpus", ".mems"))
            if is_limit:
                with open(f"{each.directory}/{name}") as file:
                    found[name] = sorted(file.read().splitlines())
    return found
