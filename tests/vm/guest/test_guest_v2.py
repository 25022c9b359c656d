"""cgroup v2 with the cgroupfs driver: every controller for real."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from libcgroups import ControllerOpt
from libcgroups.errors import DelegationError, FileError
from libcgroups.resources import (
    LinuxBlockIO,
    LinuxCPU,
    LinuxHugepageLimit,
    LinuxMemory,
    LinuxPids,
    LinuxResources,
    LinuxThrottleDevice,
)
from tests.vm.guest.containers import values

if TYPE_CHECKING:
    from libcgroups.manager import CgroupManager
    from tests.vm.guest.conftest import MakeManager


MIB = 1 << 20
LIMITS = LinuxResources(
    cpu=LinuxCPU(shares=512, quota=50000, period=100000, burst=1000, cpus="0", mems="0"),
    memory=LinuxMemory(limit=64 * MIB, reservation=32 * MIB, swap=96 * MIB),
    pids=LinuxPids(limit=50),
    unified={"memory.high": str(48 * MIB)},
)
WRITTEN = {
    "cpu.weight": "59",
    "cpu.max": "50000 100000",
    "cpu.max.burst": "1000",
    "cpuset.cpus": "0",
    "cpuset.mems": "0",
    "memory.max": str(64 * MIB),
    "memory.low": str(32 * MIB),
    "memory.high": str(48 * MIB),
    "pids.max": "50",
}


def read(manager: CgroupManager, names: dict[str, str]) -> dict[str, str]:
    """Return what these files of the cgroup hold."""
    return values(manager.hierarchies()[0].directory, names)


def test_ten_limits_are_applied(make_manager: MakeManager, sleeper: subprocess.Popen[bytes]) -> None:
    manager = make_manager()

    manager.create(LIMITS)
    manager.add_task(sleeper.pid)
    manager.apply(ControllerOpt(resources=LIMITS))

    assert read(manager, WRITTEN) == WRITTEN
    assert manager.get_all_pids() == [sleeper.pid]


@pytest.mark.root
def test_limits_that_only_root_can_delegate(make_manager: MakeManager) -> None:
    disk = os.stat("/").st_dev
    device = f"{os.major(disk)}:{os.minor(disk)}"
    resources = LinuxResources(
        hugepage_limits=[LinuxHugepageLimit("2MB", 4 * MIB)],
        block_io=LinuxBlockIO(throttle_read_bps_device=[LinuxThrottleDevice(os.major(disk), os.minor(disk), 10 * MIB)]),
    )
    manager = make_manager("/web/one")

    manager.create(resources)
    manager.apply(ControllerOpt(resources=resources))

    written = {
        "hugetlb.2MB.max": str(4 * MIB),
        "hugetlb.2MB.rsvd.max": str(4 * MIB),
        "io.max": f"{device} rbps={10 * MIB} wbps=max riops=max wiops=max",
    }
    assert read(manager, written) == written


def test_a_refused_update_leaves_every_old_limit(make_manager: MakeManager) -> None:
    manager = make_manager()
    manager.create(LIMITS)
    manager.apply(ControllerOpt(resources=LIMITS))
    wrong = LinuxResources(
        cpu=LinuxCPU(shares=1024, quota=70000),
        memory=LinuxMemory(limit=128 * MIB),
        unified={"cpu.weight.nice": "99"},
    )

    with pytest.raises(FileError, match=r"^write '99' to .*/cpu\.weight\.nice: (numerical result|invalid)"):
        manager.update(wrong)

    assert read(manager, WRITTEN) == WRITTEN


def test_an_update_keeps_the_quota_when_only_the_period_is_given(make_manager: MakeManager) -> None:
    manager = make_manager()
    manager.create(LIMITS)
    manager.apply(ControllerOpt(resources=LIMITS))

    manager.update(LinuxResources(cpu=LinuxCPU(period=200000), memory=LinuxMemory(limit=-1), pids=LinuxPids(limit=-1)))

    changed = {"cpu.max": "50000 200000", "memory.max": "max", "pids.max": "max", "cpu.weight": "59"}
    assert read(manager, changed) == changed


def test_running_out_of_memory_is_noticed(make_manager: MakeManager) -> None:
    resources = LinuxResources(memory=LinuxMemory(limit=16 * MIB, swap=16 * MIB))
    manager = make_manager()
    manager.create(resources)
    manager.apply(ControllerOpt(resources=resources))
    events = manager.oom_events()
    command = [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read(1); x = bytearray(64 << 20)"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as hungry:
        manager.add_task(hungry.pid)
        hungry.communicate(b"x")

    count = 0
    while not events.ended:
        select.select([events], [], [], 10)
        count += events.read()
    events.close()

    assert (hungry.returncode, count) == (-signal.SIGKILL, 1)
    assert manager.stats().memory.oom_kills == 1
    assert manager.stats().memory.memory.limit == 16 * MIB


def test_statistics_count(make_manager: MakeManager) -> None:
    manager = make_manager()
    manager.create(LIMITS)
    command = [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read(1); sum(range(300000)); sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as worker:
        manager.add_task(worker.pid)
        assert worker.stdin is not None
        worker.stdin.write(b"x")
        worker.stdin.flush()
        while manager.stats().cpu.usage.usage_total < 1_000_000:
            pass
        stats = manager.stats()

    assert stats.pids.current == 1
    assert stats.memory.memory.usage > 0
    assert stats.cpu.usage.usage_total >= stats.cpu.usage.usage_user
    assert stats.cpu.psi is not None
    assert stats.cpuset.mems == (0,)


def test_a_parent_with_processes_is_named(make_manager: MakeManager, sleeper: subprocess.Popen[bytes]) -> None:
    parent = make_manager()
    parent.create()
    parent.add_task(sleeper.pid)
    manager = make_manager(f"{parent.hierarchies()[0].path}/below")

    with pytest.raises(DelegationError, match=rf"cannot hand it down while it holds .*: {sleeper.pid} \(sleep\)$"):
        manager.create(LinuxResources(memory=LinuxMemory(limit=MIB)))

    assert not manager.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="for the user")
def test_what_is_not_delegated_is_named_with_the_remedy(make_manager: MakeManager) -> None:
    manager = make_manager()

    with pytest.raises(DelegationError) as caught:
        manager.create(LinuxResources(hugepage_limits=[LinuxHugepageLimit("2MB", 0)], pids=LinuxPids(limit=5)))

    assert "controller hugetlb is not available" in str(caught.value)
    assert "Delegate=cpu cpuset io memory pids hugetlb" in caught.value.hint
    assert "user@.service" in caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="for the user")
def test_a_place_that_is_not_ours_is_refused(make_manager: MakeManager) -> None:
    with pytest.raises(FileError, match=r"^make /sys/fs/cgroup/web: permission denied$"):
        make_manager("/web/one").create()
