from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING

import pytest

from libcgroups import errors, removal
from libcgroups import resources as oci
from libcgroups.detect import Mount, Mounts
from libcgroups.manager import (
    CgroupConfig,
    ControllerOpt,
    FreezerState,
    create_cgroup_manager,
    create_cgroup_manager_with_root,
    restore_cgroup_manager,
)
from libcgroups.testing import FakeHierarchy
from libcgroups.v1.manager import Manager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

V1 = (("cpu", "cpuacct"), ("cpuset",), ("memory",), ("devices",), ("freezer",), ("pids",), ("name=systemd",))
CONFIG = CgroupConfig("one", "/web/one")
DENY_ALL = oci.LinuxDeviceCgroup(allow=False, access="rwm")


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeHierarchy]:
    with FakeHierarchy(tmp_path, v1=V1, v2=("hugetlb",)) as hierarchy:
        yield hierarchy


def manager_of(fake: FakeHierarchy, config: CgroupConfig = CONFIG) -> Manager:
    manager = create_cgroup_manager(config, fake.mounts)
    assert isinstance(manager, Manager)
    return manager


def directories(fake: FakeHierarchy) -> list[str]:
    """All cgroups, without the roots."""
    found = []
    for path, _, _ in os.walk(fake.directory):
        name = path.removeprefix(f"{fake.directory}/")
        found += [name] if "/" in name and not name.startswith("/") else []
    return sorted(found)


# Places and state.


def test_an_absolute_path_is_below_each_mount(fake: FakeHierarchy) -> None:
    places = {each.controllers: each for each in manager_of(fake).hierarchies()}

    assert places["cpu", "cpuacct"].directory == f"{fake.directory}/cpu,cpuacct/web/one"
    assert places[("name=systemd",)].path == "/web/one"
    assert places[()].directory == f"{fake.directory}/unified/web/one"


@pytest.mark.parametrize(
    ("cgroup_path", "expected"),
    [pytest.param("pod/one", "/own/cgroup/pod/one", id="relative"), pytest.param("", "/own/cgroup/one", id="absent")],
)
def test_other_paths_are_below_the_caller_s_own_cgroup(tmp_path: Path, cgroup_path: str, expected: str) -> None:
    fake = FakeHierarchy(tmp_path, v1=V1, own_path="/own/cgroup")

    manager = manager_of(fake, CgroupConfig("one", cgroup_path))

    assert {each.path for each in manager.hierarchies()} == {expected}


def test_the_own_cgroup_is_seen_from_a_partial_mount(tmp_path: Path) -> None:
    (tmp_path / "cgroup").write_text("1:pids:/docker/outer\n")
    mounts = Mounts(v1=(Mount(("pids",), "/sys/fs/cgroup/pids", "/docker/outer"),), v2=None, proc=str(tmp_path))

    manager = create_cgroup_manager(CgroupConfig("one"), mounts)

    assert manager.hierarchies()[0].directory == "/sys/fs/cgroup/pids/one"


@pytest.mark.parametrize("path", ["../x", "/a/../../x", "a/.."])
def test_a_path_that_leaves_the_hierarchy_is_refused(fake: FakeHierarchy, path: str) -> None:
    with pytest.raises(errors.PathError, match=r"must not contain '\.\.' or NUL$"):
        manager_of(fake, CgroupConfig("one", path))


@pytest.mark.parametrize("path", ["/", ".", "//."])
def test_the_root_of_the_hierarchy_is_refused(fake: FakeHierarchy, path: str) -> None:
    with pytest.raises(errors.PathError, match=r"is the root of the hierarchy"):
        manager_of(fake, CgroupConfig("one", path))


def test_making_a_manager_changes_nothing(fake: FakeHierarchy) -> None:
    manager_of(fake).state()

    assert (directories(fake), fake.writes) == ([], [])


def test_the_state_survives_json(fake: FakeHierarchy) -> None:
    manager = manager_of(fake)

    restored = restore_cgroup_manager(json.loads(json.dumps(manager.state())))

    assert restored == manager
    assert restored.hierarchies() == manager.hierarchies()


def test_a_restored_manager_removes_what_the_first_one_made(fake: FakeHierarchy) -> None:
    manager = manager_of(fake)
    state = json.loads(json.dumps(manager.state()))
    manager.create()

    restore_cgroup_manager(state).remove()

    assert directories(fake) == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"hierarchies": None}, id="no list"),
        pytest.param({"hierarchies": [["cpu"]]}, id="short row"),
        pytest.param({"hierarchies": [[1, "/m", "/p", 0]]}, id="number for controllers"),
        pytest.param({"hierarchies": [[["cpu"], "/m", "/p", "x"]]}, id="text for a number"),
        pytest.param({"kind": "v9"}, id="kind"),
    ],
)
def test_a_damaged_state_is_refused(fake: FakeHierarchy, change: dict[str, object]) -> None:
    with pytest.raises(errors.StateError, match=r"^restore cgroup manager"):
        restore_cgroup_manager({**manager_of(fake).state(), **change})


def test_a_state_that_leads_elsewhere_is_refused(fake: FakeHierarchy) -> None:
    state = {**manager_of(fake).state(), "hierarchies": [[["cpu"], "/mnt", "/../etc", 0]]}

    with pytest.raises(errors.PathError):
        restore_cgroup_manager(state)


def test_hierarchies_below_another_root_are_found(fake: FakeHierarchy) -> None:
    with pytest.raises(errors.NotMountedError, match=rf"no cgroup hierarchy is mounted below {fake.directory}$"):
        create_cgroup_manager_with_root(fake.directory, CONFIG)


# Making and joining.


def test_creating_makes_each_directory_and_fills_the_cpusets(fake: FakeHierarchy) -> None:
    manager_of(fake).create()

    assert len(directories(fake)) == 2 * (len(V1) + 1)
    assert fake.writes == [
        ("cpuset/web/cpuset.cpus", "0-1"),
        ("cpuset/web/one/cpuset.cpus", "0-1"),
        ("cpuset/web/cpuset.mems", "0"),
        ("cpuset/web/one/cpuset.mems", "0"),
    ]


def test_a_join_is_one_write_in_each_hierarchy(fake: FakeHierarchy) -> None:
    manager = manager_of(fake)
    manager.create()
    fake.writes.clear()

    manager.add_task(7)

    assert fake.writes == [(f"{','.join(names)}/web/one/cgroup.procs", "7") for names in V1] + [
        ("unified/web/one/cgroup.procs", "7")
    ]


def test_a_child_that_enters_by_itself_moves_only_itself(fake: FakeHierarchy) -> None:
    manager = manager_of(fake)
    manager.create()
    entrance = manager.open_entrance()
    assert entrance is not None
    assert os.path.samestat(os.fstat(entrance.clone_into), os.stat(f"{fake.directory}/unified/web/one"))

    before = len(os.listdir("/proc/self/fd"))
    entrance.enter()

    assert {fake.read(f"{','.join(names)}/web/one/tasks") for names in V1} == {"0"}
    assert len(os.listdir("/proc/self/fd")) == before - len(V1) - 1
    assert entrance.clone_into >= 0, "the object may be shared with the parent, who closes it"


def test_an_entrance_that_cannot_be_opened_names_the_file(fake: FakeHierarchy) -> None:
    before = len(os.listdir("/proc/self/fd"))

    with pytest.raises(errors.FileError, match=r"^open .*/web/one/tasks: no such file or directory"):
        manager_of(fake).open_entrance()

    assert len(os.listdir("/proc/self/fd")) == before


def test_everything_a_typical_container_needs_is_written_exactly_once(fake: FakeHierarchy) -> None:
    manager = manager_of(fake)
    resources = oci.LinuxResources(
        devices=[DENY_ALL, oci.LinuxDeviceCgroup(True, "c", 1, 3, "rwm")],
        memory=oci.LinuxMemory(limit=64 << 20, swap=64 << 20, disable_oom_killer=False),
        cpu=oci.LinuxCPU(shares=512, quota=50000, period=100000, cpus="1"),
        pids=oci.LinuxPids(32),
    )

    manager.create(resources)
    manager.apply(ControllerOpt(resources=resources))

    assert fake.writes == [
        ("cpuset/web/cpuset.cpus", "0-1"),
        ("cpuset/web/one/cpuset.cpus", "1"),
        ("cpuset/web/cpuset.mems", "0"),
        ("cpuset/web/one/cpuset.mems", "0"),
        ("cpu,cpuacct/web/one/cpu.shares", "512"),
        ("cpu,cpuacct/web/one/cpu.cfs_period_us", "100000"),
        ("cpu,cpuacct/web/one/cpu.cfs_quota_us", "50000"),
        ("pids/web/one/pids.max", "32"),
        ("memory/web/one/memory.limit_in_bytes", str(64 << 20)),
        ("memory/web/one/memory.memsw.limit_in_bytes", str(64 << 20)),
        ("devices/web/one/devices.deny", "a"),
        ("devices/web/one/devices.allow", "c 1:3 rwm"),
        ("devices/web/one/devices.allow", "c *:* m"),
        ("devices/web/one/devices.allow", "b *:* m"),
        ("devices/web/one/devices.allow", "c 1:5 rwm"),
        ("devices/web/one/devices.allow", "c 1:7 rwm"),
        ("devices/web/one/devices.allow", "c 1:8 rwm"),
        ("devices/web/one/devices.allow", "c 1:9 rwm"),
        ("devices/web/one/devices.allow", "c 5:0 rwm"),
        ("devices/web/one/devices.allow", "c 5:2 rwm"),
        ("devices/web/one/devices.allow", "c 136:* rwm"),
        ("devices/web/one/devices.allow", "c 10:200 rwm"),
    ]


def test_empty_resources_write_nothing(fake: FakeHierarchy) -> None:
    manager = manager_of(fake)
    manager.create()
    fake.writes.clear()

    manager.apply(ControllerOpt(resources=oci.LinuxResources(cpu=oci.LinuxCPU(), memory=oci.LinuxMemory())))

    assert fake.writes == []


def test_a_cgroup_with_processes_is_refused_and_left_alone(fake: FakeHierarchy) -> None:
    manager_of(fake).create()
    fake.set("pids/web/one/cgroup.procs", "7\n8\n")
    manager = manager_of(fake)

    with pytest.raises(errors.NotEmptyError, match=r"^container's cgroup is not empty: 2 process\(es\) found$"):
        manager.create()
    manager.kill(9)
    manager.remove()

    assert fake.read("pids/web/one/cgroup.procs") == "7\n8\n"
    assert len(directories(fake)) == 2 * (len(V1) + 1)


def test_a_frozen_cgroup_is_refused(fake: FakeHierarchy) -> None:
    manager_of(fake).create()
    fake.set("freezer/web/one/freezer.state", "FROZEN")

    with pytest.raises(errors.FrozenError, match=r"^container's cgroup unexpectedly frozen$"):
        manager_of(fake).create()


def test_an_empty_cgroup_is_taken_over(fake: FakeHierarchy) -> None:
    manager_of(fake).create()

    manager_of(fake).create()

    assert manager_of(fake).exists()


def test_a_failed_creation_leaves_nothing(fake: FakeHierarchy) -> None:
    fake.failures["devices/web/one"] = errno.ENOSPC

    with pytest.raises(errors.FileError, match=r"^make .*/devices/web/one: no space left on device$"):
        manager_of(fake).create()

    assert directories(fake) == []


class VanishingParent(FakeHierarchy):
    """Another container takes the parent away just before ours is made in it."""

    has_vanished = False

    def mkdir(self, path: str) -> None:
        if path.endswith("pids/web/one") and not self.has_vanished:
            self.has_vanished = True
            self.rmdir(os.path.dirname(path))
        super().mkdir(path)


def test_a_parent_that_vanishes_is_made_again(tmp_path: Path) -> None:
    with VanishingParent(tmp_path, v1=(("pids",),)) as fake:
        manager_of(fake).create()

        assert fake.has_vanished
        assert directories(fake) == ["pids/web", "pids/web/one"]


def test_processors_other_than_those_at_creation_are_written(fake: FakeHierarchy) -> None:
    manager = manager_of(fake)
    manager.create(oci.LinuxResources(cpu=oci.LinuxCPU(cpus="1", mems="0")))
    fake.writes.clear()

    manager.apply(ControllerOpt(resources=oci.LinuxResources(cpu=oci.LinuxCPU(cpus="0", mems="0"))))

    assert fake.writes == [("cpuset/web/one/cpuset.cpus", "0")]


# Removing.


def test_removing_takes_the_parents_it_made_and_no_others(fake: FakeHierarchy) -> None:
    os.makedirs(f"{fake.directory}/pids/web")
    fake.set("pids/web/cgroup.procs", "")
    manager = manager_of(fake)
    manager.create()

    manager.remove()

    assert directories(fake) == ["pids/web"]


def test_a_parent_that_another_container_uses_stays(fake: FakeHierarchy) -> None:
    first, second = manager_of(fake), manager_of(fake, CgroupConfig("two", "/web/two"))
    first.create()
    second.create()

    first.remove()

    assert second.exists()
    assert not first.exists()


def test_cgroups_that_the_container_made_are_removed_too(fake: FakeHierarchy) -> None:
    manager = manager_of(fake)
    manager.create()
    fake.mkdir(f"{fake.directory}/memory/web/one/below")
    fake.mkdir(f"{fake.directory}/memory/web/one/below/deeper")

    manager.remove()

    assert directories(fake) == []


def test_removing_twice_is_fine(fake: FakeHierarchy) -> None:
    manager = manager_of(fake)
    manager.create()

    manager.remove()
    manager.remove()

    assert directories(fake) == []


def test_a_busy_cgroup_is_named_with_its_processes(fake: FakeHierarchy, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = manager_of(fake)
    manager.create()
    manager.add_task(os.getpid())
    directory = f"{fake.directory}/pids/web/one"

    with pytest.raises(errors.BusyError) as caught:
        removal.remove_tree(directory, timeout_s=0.01)

    assert str(caught.value).startswith(f"remove cgroup {directory}: still holds 1 process(es): {os.getpid()} (")
    assert caught.value.pids == [os.getpid()]


# Limits.


def test_unified_values_need_cgroup_v2(fake: FakeHierarchy) -> None:
    with pytest.raises(errors.ResourceError, match=r"^linux\.resources\.unified: needs cgroup v2"):
        manager_of(fake).apply(ControllerOpt(resources=oci.LinuxResources(unified={"memory.high": "1"})))


def test_a_limit_without_its_controller_is_an_error(fake: FakeHierarchy) -> None:
    network = oci.LinuxResources(network=oci.LinuxNetwork(class_id=1))

    with pytest.raises(errors.NotMountedError, match=r"^set net_cls limit: the controller is not mounted"):
        manager_of(fake).apply(ControllerOpt(resources=network))


def test_a_failed_update_writes_the_old_limits_back(fake: FakeHierarchy) -> None:
    manager = manager_of(fake)
    manager.create()
    fake.set("memory/web/one/memory.limit_in_bytes", "1000")
    fake.set("memory/web/one/memory.memsw.limit_in_bytes", "2000")
    fake.failures["memory/web/one/memory.swappiness"] = errno.EINVAL
    fake.writes.clear()

    with pytest.raises(errors.FileError, match=r"memory\.swappiness: invalid argument$"):
        manager.update(
            oci.LinuxResources(pids=oci.LinuxPids(5), memory=oci.LinuxMemory(limit=4000, swap=4000, swappiness=1))
        )

    assert fake.writes == [
        ("pids/web/one/pids.max", "5"),
        ("memory/web/one/memory.memsw.limit_in_bytes", "4000"),
        ("memory/web/one/memory.limit_in_bytes", "4000"),
        ("memory/web/one/memory.limit_in_bytes", "1000"),
        ("memory/web/one/memory.memsw.limit_in_bytes", "2000"),
        ("pids/web/one/pids.max", "max"),
    ]


def test_an_invalid_update_writes_nothing(fake: FakeHierarchy) -> None:
    manager = manager_of(fake)
    manager.create()
    fake.writes.clear()

    with pytest.raises(errors.ResourceError):
        manager.update(oci.LinuxResources(pids=oci.LinuxPids(5), memory=oci.LinuxMemory(limit=2, swap=1)))

    assert fake.writes == []


def test_what_cannot_be_written_back_is_told(fake: FakeHierarchy) -> None:
    manager = manager_of(fake)
    manager.create()
    fake.failures["memory/web/one/memory.swappiness"] = errno.EINVAL
    fake.failures["pids/web/one/pids.max=max"] = errno.EIO

    with pytest.raises(errors.FileError) as caught:
        manager.update(oci.LinuxResources(pids=oci.LinuxPids(5), memory=oci.LinuxMemory(swappiness=1)))

    assert caught.value.__notes__ == [
        f"not restored: write 'max' to {fake.directory}/pids/web/one/pids.max: input/output error"
    ]


def test_an_update_leaves_devices_alone(fake: FakeHierarchy) -> None:
    manager = manager_of(fake)
    manager.create()
    fake.writes.clear()

    manager.update(oci.LinuxResources(devices=[DENY_ALL], pids=oci.LinuxPids(5)))

    assert fake.writes == [("pids/web/one/pids.max", "5")]


# Processes.


def test_freezing_is_one_write(fake: FakeHierarchy) -> None:
    manager = manager_of(fake)
    manager.create()
    fake.writes.clear()

    manager.freeze(FreezerState.FROZEN)

    assert fake.writes == [("freezer/web/one/freezer.state", "FROZEN")]
    assert manager.is_frozen()


def test_a_freezer_state_is_applied_after_the_limits(fake: FakeHierarchy) -> None:
    manager = manager_of(fake)
    manager.create()
    fake.writes.clear()

    manager.apply(ControllerOpt(resources=oci.LinuxResources(pids=oci.LinuxPids(5)), freezer_state=FreezerState.FROZEN))

    assert [path for path, _ in fake.writes] == ["pids/web/one/pids.max", "freezer/web/one/freezer.state"]


def test_an_undefined_freezer_state_changes_nothing(fake: FakeHierarchy) -> None:
    manager = manager_of(fake)
    manager.create()
    fake.writes.clear()

    manager.freeze(FreezerState.UNDEFINED)

    assert fake.writes == []


def test_without_a_freezer_nothing_can_be_frozen(tmp_path: Path) -> None:
    with FakeHierarchy(tmp_path, v1=(("pids",),)) as fake, pytest.raises(errors.NotMountedError, match=r"^set freezer"):
        manager_of(fake).freeze(FreezerState.FROZEN)


def test_a_kill_uses_the_unified_hierarchy_if_it_is_there(fake: FakeHierarchy) -> None:
    manager = manager_of(fake)
    manager.create()
    manager.add_task(4194305)
    fake.writes.clear()

    manager.kill(9)

    assert fake.writes == [("unified/web/one/cgroup.kill", "1")]


def test_a_killed_cgroup_that_is_frozen_is_thawed(fake: FakeHierarchy) -> None:
    manager = manager_of(fake)
    manager.create()
    manager.freeze(FreezerState.FROZEN)
    fake.writes.clear()

    manager.kill(9)

    assert fake.writes == [("unified/web/one/cgroup.kill", "1"), ("freezer/web/one/freezer.state", "THAWED")]


def test_a_cgroup_that_does_not_exist_has_no_processes_and_is_not_frozen(fake: FakeHierarchy) -> None:
    manager = manager_of(fake)

    assert (manager.exists(), manager.is_frozen(), manager.get_all_pids()) == (False, False, [])
    manager.kill(9)


def test_statistics_tolerate_missing_files(fake: FakeHierarchy) -> None:
    manager = manager_of(fake)

    stats = manager.stats()

    assert (stats.pids.current, stats.memory.stats, stats.cpu.psi) == (0, {}, None)


# Without permission.


def refuse_all(fake: FakeHierarchy, number: int = errno.EACCES) -> None:
    fake.failures.update({f"{each}/web": number for each in [*map(",".join, V1), "unified"]})
    fake.failures.update({f"{each}/one": number for each in [*map(",".join, V1), "unified"]})


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_rootless_container_without_wishes_runs_without_cgroups(fake: FakeHierarchy, number: int) -> None:
    refuse_all(fake, number)
    manager = manager_of(fake, CgroupConfig("one", rootless=True))

    manager.create()
    manager.add_task(7)
    manager.apply(ControllerOpt(resources=oci.LinuxResources(devices=[DENY_ALL])))
    manager.remove()

    assert (manager.hierarchies(), fake.writes) == ((), [])


def test_a_rootless_container_uses_the_hierarchies_it_may_write(fake: FakeHierarchy) -> None:
    refuse_all(fake)
    del fake.failures["name=systemd/one"]
    manager = manager_of(fake, CgroupConfig("one", rootless=True))

    manager.create()

    assert [each.controllers for each in manager.hierarchies()] == [("name=systemd",)]
    assert restore_cgroup_manager(manager.state()) == manager


ROOTLESS_ERROR = r"^rootless needs no limits \+ no cgrouppath when no permission is granted for cgroups$"


def test_a_rootless_container_with_limits_is_an_error(fake: FakeHierarchy) -> None:
    refuse_all(fake)
    manager = manager_of(fake, CgroupConfig("one", rootless=True))
    manager.create()

    with pytest.raises(errors.DelegationError, match=ROOTLESS_ERROR):
        manager.apply(ControllerOpt(resources=oci.LinuxResources(pids=oci.LinuxPids(5))))


def test_a_rootless_container_with_a_path_is_an_error(fake: FakeHierarchy) -> None:
    refuse_all(fake)

    with pytest.raises(errors.DelegationError, match=ROOTLESS_ERROR):
        manager_of(fake, CgroupConfig("one", "/web/one", rootless=True)).create()


def test_root_without_permission_is_always_an_error(fake: FakeHierarchy) -> None:
    refuse_all(fake)

    with pytest.raises(errors.FileError, match=r"permission denied$"):
        manager_of(fake, CgroupConfig("one")).create()
