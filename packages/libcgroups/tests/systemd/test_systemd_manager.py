from __future__ import annotations

import errno
import json
from typing import TYPE_CHECKING

import pytest

from libcgroups.errors import (
    BusyError,
    CgroupError,
    DelegationError,
    FileError,
    NotEmptyError,
    ResourceError,
    StateError,
)
from libcgroups.manager import CgroupConfig, ControllerOpt
from libcgroups.resources import LinuxCPU, LinuxDeviceCgroup, LinuxMemory, LinuxPids, LinuxResources
from libcgroups.systemd import manager as module
from libcgroups.systemd.dbus_native.errors import ConnectionFailedError, MethodError
from libcgroups.systemd.dbus_native.proxy import UNIT_EXISTS
from libcgroups.systemd.dbus_native.serialize import Variant
from libcgroups.systemd.manager import Manager
from libcgroups.systemd.names import CgroupsPathError
from libcgroups.testing import FakeHierarchy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Self

    from libcgroups.systemd.dbus_native.proxy import Properties

SCOPE = "unified/system.slice/docker-one.scope"
LIMITS = LinuxResources(memory=LinuxMemory(limit=4096), cpu=LinuxCPU(quota=12345))


class FakeSystemd:
    """A SystemdClient that makes cgroups in a fake hierarchy.

    Attributes:
        calls: what was asked, in order.
        properties: those that the unit has.
        failures: errors by method, each raised once.
        rounded: what is written to which files of the scope with every change of properties.
    """

    def __init__(self, fake: FakeHierarchy, *, root: str = "", is_system: bool = True) -> None:
        self.is_system = is_system
        self.calls: list[tuple[object, ...]] = []
        self.properties: dict[str, Variant] = {}
        self.failures: dict[str, CgroupError] = {}
        self.rounded: dict[str, str] = {}
        self._fake = fake
        self._root = root

    def _record(self, name: str, *arguments: object) -> None:
        self.calls.append((name, *arguments))
        if name in self.failures:
            raise self.failures.pop(name)

    def start_transient_unit(self, name: str, properties: Properties, mode: str = "fail") -> None:
        self._record("start_transient_unit", name)
        self.properties = dict(properties)
        pids = self.properties.get("PIDs", Variant("au", [])).value
        assert isinstance(pids, list)
        if "Slice" in self.properties:
            self._make(f"{self._root}/{self.properties['Slice'].value}/{name}", pids)
        else:
            self._make(f"{self._root}/{name}", pids)

    def _make(self, path: str, pids: list[int]) -> None:
        for hierarchy in ("unified", "pids", "memory"):
            directory = f"{self._fake.directory}/{hierarchy}"
            for part in path.strip("/").split("/"):
                directory += f"/{part}"
                try:
                    self._fake.mkdir(directory)
                except (FileExistsError, FileNotFoundError):
                    continue
            try:
                self._fake.set(f"{hierarchy}{path}/cgroup.procs", "".join(f"{pid}\n" for pid in pids))
            except FileNotFoundError:
                continue

    def stop_unit(self, name: str, mode: str = "replace") -> None:
        self._record("stop_unit", name)

    def reset_failed_unit(self, name: str) -> None:
        self._record("reset_failed_unit", name)

    def set_unit_properties(self, name: str, properties: Properties, *, runtime: bool = True) -> None:
        self._record("set_unit_properties", name, dict(properties))
        for file, text in self.rounded.items():
            self._fake.set(f"{SCOPE}/{file}", text)

    def unit_properties(self, name: str) -> dict[str, Variant]:
        return self.properties

    def attach_processes(self, name: str, subcgroup: str, pids: Sequence[int]) -> None:
        self._record("attach_processes", name, subcgroup, list(pids))
        self._fake.set(f"{SCOPE}/cgroup.procs", "".join(f"{pid}\n" for pid in pids))

    def systemd_version(self) -> int:
        return 252

    def control_group(self) -> str:
        return self._root

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeHierarchy]:
    with FakeHierarchy(tmp_path, v1=(), v2=("cpu", "memory", "pids")) as hierarchy:
        hierarchy.set("unified/cgroup.subtree_control", "cpu io memory pids")
        yield hierarchy


def config(path: str = "system.slice:docker:one", **annotations: str) -> CgroupConfig:
    named = tuple((f"org.systemd.property.{name}", text) for name, text in annotations.items())
    return CgroupConfig(container_name="one", cgroup_path=path, systemd_cgroup=True, annotations=named)


def started(fake: FakeHierarchy, systemd: FakeSystemd, pid: int = 7) -> Manager:
    """A manager whose unit runs, without limits so far."""
    manager = Manager(config(), fake.mounts, lambda: systemd)
    manager.create()
    manager.add_task(pid)
    systemd.calls.clear()
    fake.writes.clear()
    return manager


def test_the_first_process_starts_the_scope_with_its_limits(fake: FakeHierarchy) -> None:
    systemd = FakeSystemd(fake)
    manager = Manager(config(CollectMode="'inactive'"), fake.mounts, lambda: systemd)

    manager.create(LIMITS)
    before = list(systemd.calls), manager.open_entrance()
    manager.add_task(7)

    assert before == ([], None)
    assert systemd.calls == [("start_transient_unit", "docker-one.scope")]
    assert systemd.properties == {
        "Description": Variant("s", "container docker-one"),
        "Slice": Variant("s", "system.slice"),
        "Delegate": Variant("b", True),
        "PIDs": Variant("au", [7]),
        **{
            name: Variant("b", True)
            for name in ("CPUAccounting", "MemoryAccounting", "TasksAccounting", "IOAccounting")
        },
        "DefaultDependencies": Variant("b", False),
        "CPUQuotaPerSecUSec": Variant("t", 130000),
        "MemoryMax": Variant("t", 4096),
        "CollectMode": Variant("s", "inactive"),
    }
    assert manager.get_all_pids() == [7]
    assert manager.exists()
    entrance = manager.open_entrance()
    assert entrance is not None
    entrance.close()


def test_a_property_that_reaches_the_host_is_refused_before_systemd_is_asked(fake: FakeHierarchy) -> None:
    asked: list[str] = []

    def connect() -> FakeSystemd:
        asked.append("connect")
        return FakeSystemd(fake)

    with pytest.raises(ResourceError, match=r"^annotation org\.systemd\.property\.SuccessAction: not a property that "):
        Manager(config(CollectMode="'inactive'", SuccessAction="'reboot-force'"), fake.mounts, connect)

    assert asked == []


def test_exact_limits_are_written_to_the_files_and_properties_are_not_set_twice(fake: FakeHierarchy) -> None:
    systemd = FakeSystemd(fake)
    manager = Manager(config(), fake.mounts, lambda: systemd)
    manager.create(LIMITS)
    manager.add_task(7)
    systemd.calls.clear()

    manager.apply(ControllerOpt(resources=LIMITS))

    assert systemd.calls == []
    assert fake.writes[-2:] == [(f"{SCOPE}/cpu.max", "12345"), (f"{SCOPE}/memory.max", "4096")]


def test_limits_that_come_later_are_set_as_properties_too(fake: FakeHierarchy) -> None:
    systemd = FakeSystemd(fake)
    manager = started(fake, systemd)

    manager.apply(ControllerOpt(resources=LinuxResources(pids=LinuxPids(limit=5))))

    assert systemd.calls == [("set_unit_properties", "docker-one.scope", {"TasksMax": Variant("t", 5)})]
    assert fake.writes[-1] == (f"{SCOPE}/pids.max", "5")


def test_the_exact_quota_survives_the_rounding_of_systemd(fake: FakeHierarchy) -> None:
    systemd = FakeSystemd(fake)
    manager = started(fake, systemd)
    manager.apply(ControllerOpt(resources=LIMITS))
    systemd.rounded = {"cpu.max": "13000 100000\n"}

    manager.update(LinuxResources(pids=LinuxPids(limit=5)))

    assert fake.read(f"{SCOPE}/cpu.max") == "12345"


def test_weights_for_bfq_survive_those_of_systemd(fake: FakeHierarchy) -> None:
    systemd = FakeSystemd(fake)
    manager = started(fake, systemd)
    with open(f"{fake.directory}/{SCOPE}/io.bfq.weight", "w") as file:
        file.write("default 321\n8:0 654\n")
    systemd.rounded = {"io.bfq.weight": "default 376\n"}

    manager.update(LinuxResources(pids=LinuxPids(limit=5)))

    assert fake.writes[-3:] == [
        (f"{SCOPE}/io.bfq.weight", "default 321"),
        (f"{SCOPE}/io.bfq.weight", "8:0 654"),
        (f"{SCOPE}/pids.max", "5"),
    ]


def test_a_second_process_joins_by_the_file(fake: FakeHierarchy) -> None:
    systemd = FakeSystemd(fake)
    manager = started(fake, systemd)

    manager.add_task(8)

    assert (systemd.calls, fake.writes) == ([], [(f"{SCOPE}/cgroup.procs", "8")])


def test_systemd_moves_a_process_that_we_may_not(fake: FakeHierarchy) -> None:
    systemd = FakeSystemd(fake)
    manager = started(fake, systemd)
    fake.failures[f"{SCOPE}/cgroup.procs"] = errno.EACCES

    manager.add_task(8)

    assert systemd.calls == [("attach_processes", "docker-one.scope", "", [8])]


def test_a_process_that_does_not_arrive_is_told(fake: FakeHierarchy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROCESS_IN_CGROUP_TIMEOUT_S", 0.01)
    systemd = FakeSystemd(fake, root="/elsewhere")
    manager = Manager(config(), fake.mounts, lambda: systemd)
    systemd._root = "/here"
    manager.create()

    with pytest.raises(
        CgroupError, match=r"^move process 1 to cgroup .*/elsewhere/system\.slice/docker-one\.scope: it is in "
    ):
        manager.add_task(1)


def test_a_refused_update_sets_files_and_properties_back(fake: FakeHierarchy) -> None:
    systemd = FakeSystemd(fake)
    manager = started(fake, systemd)
    systemd.properties |= {"TasksMax": Variant("t", 9), "MemoryMax": Variant("t", 2**64 - 1)}
    fake.failures[f"{SCOPE}/pids.max=5"] = errno.EINVAL

    with pytest.raises(FileError):
        manager.update(LinuxResources(memory=LinuxMemory(limit=4096), pids=LinuxPids(limit=5)))

    assert systemd.calls == [
        ("set_unit_properties", "docker-one.scope", {"MemoryMax": Variant("t", 4096), "TasksMax": Variant("t", 5)}),
        (
            "set_unit_properties",
            "docker-one.scope",
            {"MemoryMax": Variant("t", 2**64 - 1), "TasksMax": Variant("t", 9)},
        ),
    ]
    assert [write for write in fake.writes if write[0].startswith(SCOPE)] == [
        (f"{SCOPE}/memory.max", "4096"),
        (f"{SCOPE}/pids.max", "max"),
        (f"{SCOPE}/memory.max", "max"),
    ]


def test_the_memory_of_a_failed_unit_is_no_obstacle(fake: FakeHierarchy) -> None:
    systemd = FakeSystemd(fake)
    systemd.failures = {"start_transient_unit": MethodError("call", UNIT_EXISTS, "")}
    manager = Manager(config(), fake.mounts, lambda: systemd)
    manager.create()

    manager.add_task(7)

    assert [call[0] for call in systemd.calls] == ["start_transient_unit", "reset_failed_unit", "start_transient_unit"]


def test_a_unit_that_runs_is_refused_and_left_alone(fake: FakeHierarchy) -> None:
    started(fake, FakeSystemd(fake))
    systemd = FakeSystemd(fake)
    manager = Manager(config(), fake.mounts, lambda: systemd)

    with pytest.raises(NotEmptyError):
        manager.create()
    manager.kill(9)
    manager.remove()

    assert (systemd.calls, fake.writes) == ([], [])


def test_removing_stops_the_unit_and_lets_systemd_forget_it(fake: FakeHierarchy) -> None:
    systemd = FakeSystemd(fake)
    manager = started(fake, systemd)
    fake.set(f"{SCOPE}/cgroup.procs", "")

    manager.remove()

    assert systemd.calls == [("stop_unit", "docker-one.scope"), ("reset_failed_unit", "docker-one.scope")]
    assert not manager.exists()


def test_a_unit_with_processes_is_not_stopped(fake: FakeHierarchy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMOVE_TIMEOUT_S", 0.01)
    systemd = FakeSystemd(fake)
    manager = started(fake, systemd)
    fake.set(f"{SCOPE}/cgroup.events", "populated 1\nfrozen 0\n")

    with pytest.raises(BusyError, match=r"^remove cgroup .*/docker-one\.scope: still holds 1 process\(es\): 7"):
        manager.remove()

    assert systemd.calls == []


def test_what_was_never_started_is_not_stopped(fake: FakeHierarchy) -> None:
    systemd = FakeSystemd(fake)
    manager = Manager(config(), fake.mounts, lambda: systemd)
    manager.create()

    manager.remove()

    assert systemd.calls == []


def test_without_systemd_nothing_is_left_to_remove_from_a_cgroup_that_is_gone(fake: FakeHierarchy) -> None:
    systemd = FakeSystemd(fake)
    manager = started(fake, systemd)
    fake.set(f"{SCOPE}/cgroup.procs", "")
    fake.rmdir(f"{fake.directory}/{SCOPE}")
    systemd.failures = {"stop_unit": ConnectionFailedError("talk to unix:path=x: broken pipe")}

    manager.remove()

    assert systemd.calls == [("stop_unit", "docker-one.scope")]


def test_the_state_restores_an_equal_manager_without_systemd(fake: FakeHierarchy) -> None:
    manager = started(fake, FakeSystemd(fake))

    restored = Manager.restore(json.loads(json.dumps(manager.state())))

    assert restored == manager
    assert restored.get_all_pids() == [7]


def test_a_foreign_state_is_refused() -> None:
    with pytest.raises(StateError, match=r"^restore systemd cgroup manager: not a saved state: "):
        Manager.restore({"kind": "systemd", "unit": 5})


def test_the_user_manager_has_a_root_of_its_own(fake: FakeHierarchy) -> None:
    root = "/user.slice/user-1000.slice/user@1000.service"
    rootless = config("").replace(rootless=True)

    manager = Manager(rootless, fake.mounts, lambda: FakeSystemd(fake, root=root, is_system=False))

    (hierarchy,) = manager.hierarchies()
    assert hierarchy.path == f"{root}/user.slice/pyouki-one.scope"


def test_a_slice_is_started_without_a_process(fake: FakeHierarchy) -> None:
    systemd = FakeSystemd(fake)
    manager = Manager(config("-.slice::pod.slice"), fake.mounts, lambda: systemd)

    manager.create()

    assert systemd.calls == [("start_transient_unit", "pod.slice")]
    assert systemd.properties["Wants"] == Variant("as", ["-.slice"])
    assert manager.hierarchies()[0].path == "/pod.slice"


def test_rootless_needs_pure_v2(tmp_path: Path) -> None:
    with FakeHierarchy(tmp_path, v1=[("pids",)], v2=()) as fake, pytest.raises(DelegationError):
        Manager(config().replace(rootless=True), fake.mounts, lambda: FakeSystemd(fake))


def test_a_path_of_the_other_driver_is_refused(fake: FakeHierarchy) -> None:
    with pytest.raises(CgroupsPathError, match=r"^cgroup path '/a/b': expected slice:prefix:name for"):
        Manager(config("/a/b"), fake.mounts, lambda: FakeSystemd(fake))


def test_on_v1_our_own_hierarchies_are_joined_too(tmp_path: Path) -> None:
    with FakeHierarchy(tmp_path, v1=[("pids",), ("freezer",), ("devices",)]) as fake:
        systemd = FakeSystemd(fake)
        manager = Manager(config(), fake.mounts, lambda: systemd)
        resources = LinuxResources(pids=LinuxPids(limit=5), devices=[LinuxDeviceCgroup(allow=False, access="rwm")])

        manager.create(resources)
        manager.add_task(7)
        manager.apply(ControllerOpt(resources=LinuxResources(pids=LinuxPids(limit=6))))

    assert systemd.properties["TasksMax"] == Variant("t", 5)
    assert systemd.properties["DevicePolicy"] == Variant("s", "strict")
    assert fake.writes == [
        ("pids/system.slice/docker-one.scope/cgroup.procs", "7"),
        ("freezer/system.slice/docker-one.scope/cgroup.procs", "7"),
        ("devices/system.slice/docker-one.scope/cgroup.procs", "7"),
        ("pids/system.slice/docker-one.scope/pids.max", "6"),
    ]
