"""Limits, signals, freezing and removal on real version 1 hierarchies."""

from __future__ import annotations

import os
import select
import signal
import time
from typing import TYPE_CHECKING

import pytest

from libcgroups import errors, files, removal
from libcgroups import resources as oci
from libcgroups.manager import ControllerOpt, FreezerState, restore_cgroup_manager
from libcontainer.syscall.linux import LinuxSyscall
from tests.support.runtime import eventually

if TYPE_CHECKING:
    from libcgroups.detect import Mounts
    from libcgroups.manager import CgroupManager
    from tests.integration.cgroups.conftest import MakeManager, Start

pytestmark = [pytest.mark.root, pytest.mark.cgroup1]

FORK_BOMB = "f() { f | f & }; f"


def directory_of(manager: CgroupManager, controller: str) -> str:
    return next(each.directory for each in manager.hierarchies() if controller in each.controllers)


def read(manager: CgroupManager, controller: str, file: str) -> str:
    with open(f"{directory_of(manager, controller)}/{file}") as text:
        return text.read().strip()


def limited(make_manager: MakeManager, resources: oci.LinuxResources) -> CgroupManager:
    manager = make_manager()
    manager.create(resources)
    manager.apply(ControllerOpt(resources=resources))
    return manager


def test_a_child_enters_every_hierarchy_by_itself(make_manager: MakeManager) -> None:
    manager = make_manager()
    manager.create()
    entrance = manager.open_entrance()
    assert entrance is not None

    pid, pidfd = LinuxSyscall().clone3(0, cgroup_fd=entrance.clone_into)
    if pid == 0:
        entrance.enter()
        signal.pause()
    entrance.close()

    eventually(lambda: manager.get_all_pids() == [pid], "the child in the cgroup")
    places = {each.directory for each in manager.hierarchies()}
    eventually(lambda: all(files.read_pids(place) == [pid] for place in places), "the child everywhere")
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(pidfd)


def test_every_limit_reads_back(make_manager: MakeManager) -> None:
    manager = limited(
        make_manager,
        oci.LinuxResources(
            cpu=oci.LinuxCPU(shares=512, quota=50000, period=200000, burst=10000, cpus="0", mems="0"),
            memory=oci.LinuxMemory(limit=64 << 20, swap=96 << 20, reservation=32 << 20, swappiness=7),
            pids=oci.LinuxPids(20),
        ),
    )

    assert read(manager, "cpu", "cpu.shares") == "512"
    assert read(manager, "cpu", "cpu.cfs_quota_us") == "50000"
    assert read(manager, "cpu", "cpu.cfs_period_us") == "200000"
    assert read(manager, "cpu", "cpu.cfs_burst_us") == "10000"
    assert read(manager, "cpuset", "cpuset.cpus") == "0"
    assert read(manager, "memory", "memory.limit_in_bytes") == str(64 << 20)
    assert read(manager, "memory", "memory.memsw.limit_in_bytes") == str(96 << 20)
    assert read(manager, "memory", "memory.soft_limit_in_bytes") == str(32 << 20)
    assert read(manager, "memory", "memory.swappiness") == "7"
    assert read(manager, "pids", "pids.max") == "20"


def test_a_child_is_a_member_of_every_hierarchy(make_manager: MakeManager, start: Start) -> None:
    manager = make_manager()
    manager.create()

    output = start(manager, "cat /proc/self/cgroup").communicate()[0]

    path = manager.hierarchies()[0].path
    assert {line.split(":", 2)[2] for line in output.splitlines()} == {path}


def test_a_child_sees_only_its_processors(make_manager: MakeManager, start: Start) -> None:
    manager = limited(make_manager, oci.LinuxResources(cpu=oci.LinuxCPU(cpus="0")))

    output = start(manager, "grep Cpus_allowed_list /proc/self/status").communicate()[0]

    assert output.split() == ["Cpus_allowed_list:", "0"]


def test_no_more_processes_than_allowed_can_be_made(make_manager: MakeManager, start: Start) -> None:
    manager = limited(make_manager, oci.LinuxResources(pids=oci.LinuxPids(2)))

    output = start(manager, "sleep 9 & sleep 9 & echo both").communicate()[0]

    assert "both" not in output
    assert "Resource temporarily unavailable" in output or "Cannot fork" in output


def test_devices_that_are_not_allowed_cannot_be_opened(make_manager: MakeManager, start: Start) -> None:
    rules = [oci.LinuxDeviceCgroup(allow=False, access="rwm")]
    manager = limited(make_manager, oci.LinuxResources(devices=rules))

    output = start(manager, "echo x > /dev/null && echo null ok; cat /dev/kmsg").communicate()[0]

    assert output.startswith("null ok\n")
    assert "Operation not permitted" in output


def test_a_process_without_memory_is_killed_and_that_is_noticed(make_manager: MakeManager, start: Start) -> None:
    manager = limited(make_manager, oci.LinuxResources(memory=oci.LinuxMemory(limit=16 << 20, swap=16 << 20)))
    events = manager.oom_events()
    assert not events.ended

    start(manager, "head -c 64m /dev/zero | tail > /dev/null").communicate()
    readable = select.select([events], [], [], 5)[0]

    assert readable == [events]
    assert events.read() >= 1
    assert manager.stats().memory.oom_kills >= 1
    assert manager.stats().memory.memory.max_usage == 16 << 20
    events.close()


def test_the_end_of_a_cgroup_ends_its_events(make_manager: MakeManager) -> None:
    manager = make_manager()
    manager.create()
    events = manager.oom_events()

    manager.remove()
    readable = select.select([events], [], [], 5)[0]

    assert readable == [events]
    assert (events.read(), events.ended) == (0, True)
    events.close()


def test_a_limit_below_what_is_in_use_says_what_is_in_use(make_manager: MakeManager, start: Start) -> None:
    # tmpfs pages without swap cannot be reclaimed.
    manager = limited(make_manager, oci.LinuxResources(memory=oci.LinuxMemory(limit=64 << 20, swap=64 << 20)))
    script = "x=$(head -c 20000000 /dev/zero | tr '\\0' x); echo ready; read forever"
    process = start(manager, script)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"

    with pytest.raises(errors.FileError, match=r"memory\.limit_in_bytes: device or resource busy \(in use: \d+ bytes"):
        manager.update(oci.LinuxResources(memory=oci.LinuxMemory(limit=4 << 20, swap=64 << 20)))

    assert read(manager, "memory", "memory.limit_in_bytes") == str(64 << 20)


def test_a_refused_update_leaves_the_old_limits(make_manager: MakeManager) -> None:
    manager = limited(
        make_manager,
        oci.LinuxResources(
            cpu=oci.LinuxCPU(shares=100, quota=20000, period=100000),
            memory=oci.LinuxMemory(limit=64 << 20, swap=64 << 20),
        ),
    )

    with pytest.raises(errors.FileError, match=r"memory\.limit_in_bytes: invalid argument"):
        manager.update(
            oci.LinuxResources(
                pids=oci.LinuxPids(5),
                cpu=oci.LinuxCPU(shares=200, quota=10000, period=50000),
                memory=oci.LinuxMemory(limit=-2),
            )
        )

    assert read(manager, "pids", "pids.max") == "max"
    assert read(manager, "cpu", "cpu.shares") == "100"
    assert read(manager, "cpu", "cpu.cfs_quota_us") == "20000"
    assert read(manager, "cpu", "cpu.cfs_period_us") == "100000"


def test_limits_grow_and_shrink_in_the_order_the_kernel_accepts(make_manager: MakeManager) -> None:
    manager = limited(make_manager, oci.LinuxResources(memory=oci.LinuxMemory(limit=64 << 20, swap=64 << 20)))

    manager.update(oci.LinuxResources(memory=oci.LinuxMemory(limit=128 << 20, swap=128 << 20)))
    manager.update(oci.LinuxResources(memory=oci.LinuxMemory(limit=32 << 20, swap=32 << 20)))
    manager.update(oci.LinuxResources(memory=oci.LinuxMemory(limit=-1)))

    assert read(manager, "memory", "memory.memsw.limit_in_bytes") == "9223372036854771712"


def test_a_processor_that_does_not_exist_is_refused(make_manager: MakeManager) -> None:
    resources = oci.LinuxResources(cpu=oci.LinuxCPU(cpus="4000"))
    manager = make_manager()

    with pytest.raises(errors.FileError, match=r"^write '4000' to .*/cpuset\.cpus: "):
        manager.create(resources)

    assert not manager.exists()


def test_a_frozen_process_stands_still_until_it_is_thawed(make_manager: MakeManager, start: Start) -> None:
    manager = make_manager()
    manager.create()
    process = start(manager, "while :; do :; done")

    manager.freeze(FreezerState.FROZEN)
    before = manager.stats().cpu.usage.usage_total
    time.sleep(0.05)

    assert manager.is_frozen()
    assert manager.stats().cpu.usage.usage_total == before
    manager.freeze(FreezerState.THAWED)
    assert not manager.is_frozen()
    assert process.poll() is None


def test_a_cgroup_below_a_frozen_one_cannot_be_thawed(make_manager: MakeManager) -> None:
    above = make_manager()
    above.create()
    below = make_manager(f"{above.hierarchies()[0].path}/below")
    below.create()
    above.freeze(FreezerState.FROZEN)

    with pytest.raises(errors.FrozenError, match=r"^thaw .*/below: a cgroup above it is frozen$"):
        below.freeze(FreezerState.THAWED)

    above.freeze(FreezerState.THAWED)


def test_a_frozen_cgroup_is_not_taken_over(make_manager: MakeManager) -> None:
    manager = make_manager()
    manager.create()
    manager.freeze(FreezerState.FROZEN)

    with pytest.raises(errors.FrozenError, match=r"^container's cgroup unexpectedly frozen$"):
        make_manager(manager.hierarchies()[0].path).create()


def test_a_cgroup_in_use_is_not_taken_over_and_survives(make_manager: MakeManager, start: Start) -> None:
    manager = make_manager()
    manager.create()
    process = start(manager, "read forever")
    other = make_manager(manager.hierarchies()[0].path)

    with pytest.raises(errors.NotEmptyError, match=r"not empty: 1 process\(es\) found$"):
        other.create()
    other.kill(signal.SIGKILL)
    other.remove()

    assert manager.get_all_pids() == [process.pid]


def test_a_killed_frozen_process_ends(make_manager: MakeManager, start: Start) -> None:
    manager = make_manager()
    manager.create()
    process = start(manager, "read forever")
    manager.freeze(FreezerState.FROZEN)

    manager.kill(signal.SIGKILL)

    assert process.wait(timeout=5) == -signal.SIGKILL


def test_other_signals_reach_every_process(make_manager: MakeManager, start: Start, without_unified: Mounts) -> None:
    manager = make_manager(mounts=without_unified)
    manager.create()
    process = start(manager, "sleep 1000 & sleep 1000 & wait")
    deadline = time.monotonic() + 5
    while len(manager.get_all_pids()) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)

    manager.kill(signal.SIGTERM)

    assert process.wait(timeout=5) == -signal.SIGTERM
    manager.remove()
    assert not manager.exists()


@pytest.mark.parametrize("is_hybrid", [pytest.param(True, id="cgroup.kill"), pytest.param(False, id="freezer")])
def test_a_fork_bomb_is_killed(
    make_manager: MakeManager, start: Start, without_unified: Mounts, is_hybrid: bool
) -> None:
    manager = make_manager(mounts=None if is_hybrid else without_unified)
    manager.create()
    manager.apply(ControllerOpt(resources=oci.LinuxResources(pids=oci.LinuxPids(64))))
    process = start(manager, FORK_BOMB)
    deadline = time.monotonic() + 10
    while manager.stats().pids.current < 60 and time.monotonic() < deadline:
        time.sleep(0.01)

    manager.kill(signal.SIGKILL)
    process.wait(timeout=5)
    manager.remove()

    assert not manager.exists()


def test_a_busy_cgroup_is_not_removed_and_names_the_process(make_manager: MakeManager, start: Start) -> None:
    manager = make_manager()
    manager.create()
    process = start(manager, "read forever")
    directory = directory_of(manager, "pids")

    with pytest.raises(errors.BusyError, match=rf"still holds 1 process\(es\): {process.pid} \(sh\)$"):
        removal.remove_tree(directory, timeout_s=0.05)

    assert os.path.isdir(directory)
    assert process.poll() is None


def test_removal_waits_for_a_process_that_ends(make_manager: MakeManager, start: Start) -> None:
    manager = make_manager()
    manager.create()
    process = start(manager, "sleep 0.2")

    manager.remove()

    assert not manager.exists()
    assert process.wait(timeout=5) == 0


def test_a_manager_restored_in_another_process_does_the_same(make_manager: MakeManager, start: Start) -> None:
    manager = make_manager()
    state = manager.state()
    manager.create()
    process = start(manager, "read forever")
    restored = restore_cgroup_manager(state)

    assert restored == manager
    assert restored.get_all_pids() == [process.pid]
    restored.kill(signal.SIGKILL)
    process.wait(timeout=5)
    restored.remove()
    assert not manager.exists()
