from __future__ import annotations

import errno
import json
from typing import TYPE_CHECKING

import pytest

from libcgroups import files
from libcgroups.errors import (
    DelegationError,
    FileError,
    FrozenError,
    NotEmptyError,
    NotMountedError,
    PathError,
    StateError,
)
from libcgroups.manager import CgroupConfig, ControllerOpt
from libcgroups.resources import LinuxBlockIO, LinuxCPU, LinuxMemory, LinuxPids, LinuxResources, LinuxThrottleDevice
from libcgroups.testing import FakeHierarchy
from libcgroups.v2.manager import Manager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTROLLERS = ("cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma")
LIMITS = LinuxResources(
    cpu=LinuxCPU(shares=1024, quota=50000, period=100000, cpus="0", mems="0"),
    memory=LinuxMemory(limit=4096, swap=8192),
    pids=LinuxPids(limit=9),
)


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeHierarchy]:
    with FakeHierarchy(tmp_path, v1=(), v2=CONTROLLERS, own_path="/user.slice/session.scope") as hierarchy:
        yield hierarchy


def manager(fake: FakeHierarchy, path: str = "/web/one", *, rootless: bool = False) -> Manager:
    return Manager(CgroupConfig(container_name="one", cgroup_path=path, rootless=rootless), fake.mounts)


def test_a_whole_life_writes_each_file_once(fake: FakeHierarchy) -> None:
    one = manager(fake)

    one.create(LIMITS)
    one.add_task(7)
    one.apply(ControllerOpt(resources=LIMITS))

    assert fake.writes == [
        ("unified/cgroup.subtree_control", "+cpuset +cpu +io +memory +pids"),
        ("unified/web/cgroup.subtree_control", "+cpuset +cpu +io +memory +pids"),
        ("unified/web/one/cgroup.procs", "7"),
        ("unified/web/one/cpuset.cpus", "0"),
        ("unified/web/one/cpuset.mems", "0"),
        ("unified/web/one/cpu.weight", "100"),
        ("unified/web/one/cpu.max", "50000 100000"),
        ("unified/web/one/memory.swap.max", "4096"),
        ("unified/web/one/memory.max", "4096"),
        ("unified/web/one/pids.max", "9"),
    ]


def test_a_second_container_beside_the_first_switches_nothing_on(fake: FakeHierarchy) -> None:
    manager(fake).create(LIMITS)
    fake.writes.clear()

    manager(fake, "/web/two").create(LIMITS)

    assert fake.writes == []


def test_only_what_was_missing_is_removed(fake: FakeHierarchy) -> None:
    one = manager(fake)
    one.create()
    two = manager(fake, "/web/two")
    two.create()

    two.remove()
    web_after_two = (fake.read("unified/web/cgroup.procs"), two.exists(), one.exists())
    one.remove()

    assert web_after_two == ("", False, True)
    assert not one.exists()
    assert not Manager.at(one.mount_point, "/web").exists()


def test_removing_what_is_gone_is_fine(fake: FakeHierarchy) -> None:
    manager(fake).remove()

    assert fake.writes == []


def test_the_state_restores_an_equal_manager_that_removes_the_same(fake: FakeHierarchy) -> None:
    one = manager(fake)
    state = json.loads(json.dumps(one.state()))
    one.create()

    restored = Manager.restore(state)
    restored.remove()

    assert restored == one
    assert not Manager.at(one.mount_point, "/web").exists()


@pytest.mark.parametrize(
    "change", [{"path": None}, {"made": ["/etc"]}, {"made": 5}, {"owner_uid": "root"}, {"mount_point": 1}]
)
def test_a_foreign_state_is_refused(fake: FakeHierarchy, change: dict[str, object]) -> None:
    with pytest.raises(StateError, match=r"^restore cgroup v2 manager: not a saved state: "):
        Manager.restore({**manager(fake).state(), **change})


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/a//./b", "/a/b"), ("a/b", "/user.slice/a/b"), ("", "/user.slice/one")],
    ids=["absolute", "relative: beside our own", "absent"],
)
def test_the_path_decides_the_place(fake: FakeHierarchy, path: str, expected: str) -> None:
    assert manager(fake, path).path == expected


@pytest.mark.parametrize("path", ["/", "/a/../../b", "../b", "a\0b", "/./"])
def test_a_path_to_elsewhere_is_refused(fake: FakeHierarchy, path: str) -> None:
    with pytest.raises(PathError):
        manager(fake, path)


def test_no_cgroup2_is_told(tmp_path: Path) -> None:
    with (
        FakeHierarchy(tmp_path, v1=[("pids",)]) as fake,
        pytest.raises(NotMountedError, match=r"^cgroup v2 manager: no cgroup2 file system is mounted$"),
    ):
        manager(fake)


def test_a_cgroup_in_use_is_refused_and_left_alone(fake: FakeHierarchy) -> None:
    other = manager(fake)
    other.create()
    other.add_task(7)
    one = manager(fake)

    with pytest.raises(NotEmptyError) as caught:
        one.create()
    one.kill(9)
    one.remove()

    assert caught.value.pids == [7]
    assert fake.writes[-1] == ("unified/web/one/cgroup.procs", "7")
    assert other.exists()


def test_a_frozen_cgroup_is_refused(fake: FakeHierarchy) -> None:
    one = manager(fake)
    one.create()
    fake.set("unified/web/one/cgroup.freeze", "1\n")

    with pytest.raises(FrozenError, match=r"^create cgroup .*/web/one: it exists and is frozen$"):
        manager(fake).create()


def test_a_failed_creation_leaves_nothing(fake: FakeHierarchy) -> None:
    one = manager(fake)
    fake.failures["unified/web/cgroup.subtree_control"] = errno.EBUSY

    with pytest.raises(DelegationError):
        one.create(LIMITS)

    assert not Manager.at(one.mount_point, "/web").exists()


def test_resources_that_say_nothing_write_nothing(fake: FakeHierarchy) -> None:
    one = manager(fake)
    one.create()
    fake.writes.clear()
    nothing = LinuxResources(cpu=LinuxCPU(), memory=LinuxMemory(disable_oom_killer=False), unified={})

    one.apply(ControllerOpt(resources=nothing))
    one.update(nothing)

    assert fake.writes == []


def test_an_update_writes_what_it_names_once_and_nothing_else(fake: FakeHierarchy) -> None:
    one = manager(fake)
    one.create(LIMITS)
    one.apply(ControllerOpt(resources=LIMITS))
    fake.writes.clear()

    one.update(
        LinuxResources(cpu=LinuxCPU(cpus="1"), memory=LinuxMemory(reservation=2048), unified={"memory.high": "3072"})
    )

    assert fake.writes == [
        ("unified/web/one/cpuset.cpus", "1"),
        ("unified/web/one/memory.low", "2048"),
        ("unified/web/one/memory.high", "3072"),
    ]


def test_without_limits_no_controller_is_required(fake: FakeHierarchy) -> None:
    fake.failures["unified/cgroup.subtree_control"] = errno.EACCES
    one = manager(fake)

    one.create(LinuxResources(pids=LinuxPids(limit=-1)))
    one.apply(ControllerOpt(resources=LinuxResources(pids=LinuxPids(limit=-1), memory=LinuxMemory(limit=-1))))

    assert one.exists()
    assert fake.writes == []


def test_the_required_controllers_are_tried_alone_when_the_others_are_refused(fake: FakeHierarchy) -> None:
    fake.failures["unified/cgroup.subtree_control=+cpu +io +memory +pids"] = errno.ENOENT
    one = manager(fake, "/one")

    one.create(LinuxResources(pids=LinuxPids(limit=5)))

    assert fake.writes == [("unified/cgroup.subtree_control", "+pids")]


def test_a_controller_that_the_kernel_lacks_is_named(tmp_path: Path) -> None:
    with FakeHierarchy(tmp_path, v1=(), v2=["cpu"]) as fake, pytest.raises(NotMountedError) as caught:
        manager(fake).create(LIMITS)

    assert "controller cpuset, memory, pids is not in the cgroup v2 hierarchy of this machine" in str(caught.value)
    assert caught.value.hint == (
        "it is missing in the kernel, switched off by cgroup_disable=, or in use by a mounted v1 hierarchy"
    )


def test_controllers_that_are_not_delegated_are_named_with_the_remedy(fake: FakeHierarchy) -> None:
    user = "/user.slice/user-1000.slice/user@1000.service"
    manager(fake, f"{user}/app.slice").create(LinuxResources(memory=LinuxMemory(limit=1), pids=LinuxPids(limit=1)))
    fake.failures[f"unified{user}/cgroup.subtree_control"] = errno.EACCES
    fake.set(f"unified{user}/cgroup.subtree_control", "memory pids")

    with pytest.raises(DelegationError) as caught:
        manager(fake, f"{user}/one").create(LinuxResources(cpu=LinuxCPU(shares=2, cpus="0"), pids=LinuxPids(limit=1)))

    assert str(caught.value).endswith(
        f"controller cpuset, cpu is not available, {fake.directory}/unified{user} does not delegate it"
    )
    assert caught.value.hint == (
        "add Delegate=cpu cpuset io memory pids to the [Service] section of user@.service (systemctl edit "
        "user@.service) and log in again"
    )  # fmt: skip


def test_a_parent_with_processes_is_named_with_them(fake: FakeHierarchy) -> None:
    manager(fake, "/web").create()
    manager(fake, "/web").add_task(1)
    fake.failures["unified/web/cgroup.subtree_control"] = errno.EBUSY

    with pytest.raises(DelegationError, match=r"/unified/web cannot hand it down while it holds 1 process\(es\): 1 \("):
        manager(fake).create(LinuxResources(cpu=LinuxCPU(shares=2)))


def test_below_a_threaded_cgroup_a_container_becomes_threaded(fake: FakeHierarchy) -> None:
    one = manager(fake)
    one.create()
    fake.set("unified/web/one/cgroup.type", "domain invalid\n")
    fake.writes.clear()

    manager(fake).create(LinuxResources(cpu=LinuxCPU(shares=2)))

    assert fake.writes == [("unified/web/one/cgroup.type", "threaded")]


def test_threads_cannot_have_a_limit_of_memory(fake: FakeHierarchy) -> None:
    manager(fake).create()
    fake.set("unified/web/one/cgroup.type", "threaded\n")

    with pytest.raises(DelegationError, match=r"/web/one: is threaded, where controller memory cannot exist$"):
        manager(fake).create(LinuxResources(memory=LinuxMemory(limit=1)))


def test_a_process_joins_a_threaded_cgroup_by_its_thread(fake: FakeHierarchy) -> None:
    one = manager(fake)
    one.create()
    fake.set("unified/web/one/cgroup.threads", "")
    fake.failures["unified/web/one/cgroup.procs"] = errno.EOPNOTSUPP

    one.add_task(7)

    assert fake.writes[-1] == ("unified/web/one/cgroup.threads", "7")


def test_rootless_without_permission_just_runs_when_no_limits_are_asked_for(fake: FakeHierarchy) -> None:
    one = manager(fake, "", rootless=True)
    fake.failures["unified/user.slice"] = errno.EACCES

    one.create(LinuxResources(pids=LinuxPids(limit=-1)))
    one.add_task(7)
    one.apply(ControllerOpt(resources=LinuxResources(pids=LinuxPids(limit=-1))))
    one.remove()

    assert (one.get_all_pids(), one.open_entrance(), fake.writes) == ([], None, [])


def test_rootless_without_permission_names_the_limits(fake: FakeHierarchy) -> None:
    one = manager(fake, "", rootless=True)
    fake.failures["unified/user.slice"] = errno.EACCES

    with pytest.raises(DelegationError, match=r"/one: cannot be made, and limits need controller memory$"):
        one.create(LinuxResources(memory=LinuxMemory(limit=1)))


def test_rootless_with_a_path_must_get_it(fake: FakeHierarchy) -> None:
    fake.failures["unified/web"] = errno.EACCES

    with pytest.raises(FileError, match=r"^make .*/web: permission denied$"):
        manager(fake, rootless=True).create()


def test_a_refused_update_leaves_the_old_limits(fake: FakeHierarchy) -> None:
    one = manager(fake)
    one.create(LIMITS)
    one.apply(ControllerOpt(resources=LIMITS))
    fake.writes.clear()
    fake.failures["unified/web/one/pids.max=11"] = errno.EINVAL

    with pytest.raises(FileError, match=r"^write '11' to .*/web/one/pids\.max: invalid argument$"):
        one.update(LinuxResources(cpu=LinuxCPU(shares=2048), memory=LinuxMemory(limit=5000), pids=LinuxPids(limit=11)))

    assert fake.writes == [
        ("unified/web/one/cpu.weight", "174"),
        ("unified/web/one/memory.max", "5000"),
        ("unified/web/one/pids.max", "9"),
        ("unified/web/one/memory.max", "4096"),
        ("unified/web/one/cpu.weight", "100"),
    ]


def test_a_device_that_is_not_there_has_no_limits_to_restore(fake: FakeHierarchy) -> None:
    one = manager(fake)
    one.create()
    fake.failures["unified/web/one/io.max"] = errno.ENODEV

    with pytest.raises(FileError) as caught:
        one.update(LinuxResources(block_io=LinuxBlockIO(throttle_read_bps_device=[LinuxThrottleDevice(8, 1, 5)])))

    assert str(caught.value).endswith("/web/one/io.max: no such device")
    assert caught.value.hint == "no disk has this number; a partition has no limits of its own, its disk has"
    assert getattr(caught.value, "__notes__", []) == []


def test_no_swap_is_no_reason_to_fail_when_none_is_wanted(fake: FakeHierarchy) -> None:
    one = manager(fake)
    one.create(LIMITS)
    fake.failures["unified/web/one/memory.swap.max"] = errno.ENOENT

    one.apply(ControllerOpt(resources=LinuxResources(memory=LinuxMemory(limit=4096, swap=4096))))

    assert fake.writes[-1] == ("unified/web/one/memory.max", "4096")


def test_everybody_is_killed_by_one_write(fake: FakeHierarchy) -> None:
    one = manager(fake)
    one.create()

    one.kill(9)

    assert fake.writes[-1] == ("unified/web/one/cgroup.kill", "1")


def test_nobody_is_left_to_kill_in_a_cgroup_that_goes_meanwhile(fake: FakeHierarchy) -> None:
    one = manager(fake)
    one.create()

    class Vanishing(files.Filesystem):
        def write(self, path: str, data: bytes) -> None:
            fake.rmdir(one.directory)
            raise OSError(errno.ENODEV, "no such device")

    files.use_filesystem(Vanishing())
    one.kill(9)
    files.use_filesystem(fake)

    assert not one.exists()


def test_freezing_waits_for_the_kernel(fake: FakeHierarchy) -> None:
    one = manager(fake)
    one.create()
    fake.set("unified/web/one/cgroup.events", "populated 1\nfrozen 1\n")

    one.freeze("FROZEN")

    assert one.is_frozen()
    assert fake.writes[-1] == ("unified/web/one/cgroup.freeze", "1")


def test_there_is_one_hierarchy(fake: FakeHierarchy) -> None:
    (hierarchy,) = manager(fake).hierarchies()

    assert (hierarchy.controllers, hierarchy.path) == ((), "/web/one")
    assert hierarchy.directory == f"{fake.directory}/unified/web/one"
