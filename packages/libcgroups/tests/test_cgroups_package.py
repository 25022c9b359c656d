from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import libcgroups
from libcgroups import errors, test_manager, testing, v1
from libcgroups import resources as oci
from libcgroups.manager import (
    CgroupConfig,
    CgroupManager,
    ControllerOpt,
    FreezerState,
    create_cgroup_manager,
    restore_cgroup_manager,
)


@pytest.mark.parametrize("package", [libcgroups, v1])
def test_every_public_name_can_be_had(package: object) -> None:
    names: list[str] = package.__all__  # type: ignore[attr-defined]

    assert [name for name in names if getattr(package, name, None) is None] == []


@pytest.mark.parametrize("package", [libcgroups, v1])
def test_type_checkers_are_shown_the_same_names(package: object) -> None:
    tree = ast.parse(Path(str(package.__file__)).read_text())  # type: ignore[attr-defined]
    shown = [
        (alias.name, node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
    ]
    prefix = f"{package.__name__}."  # type: ignore[attr-defined]
    home: dict[str, str] = package._HOME  # type: ignore[attr-defined]

    assert sorted(shown) == sorted((name, prefix + module) for name, module in home.items())
    assert sorted(home) == sorted(package.__all__)  # type: ignore[attr-defined]


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'libcgroups' has no attribute 'nothing'$"):
        _ = libcgroups.nothing


def test_the_modules_of_youki_s_interface_are_there() -> None:
    from libcgroups import common

    assert [name for name in common.__all__ if not hasattr(common, name)] == []
    assert test_manager.TestManager is testing.TestManager


def test_creating_a_container_imports_few_modules() -> None:
    script = """
import os, sys
before = set(sys.modules)
from libcgroups.manager import CgroupConfig, ControllerOpt, create_cgroup_manager
from libcgroups.detect import Mount, Mounts
from libcgroups.resources import LinuxDeviceCgroup, LinuxMemory, LinuxPids, LinuxResources
mounts = Mounts(v1=(Mount(("pids", "devices", "memory"), "/nowhere"),), v2=None)
manager = create_cgroup_manager(CgroupConfig("one", "/one"), mounts)
from libcgroups.v1 import controllers
found = controllers.needed(ControllerOpt(resources=LinuxResources(
    devices=[LinuxDeviceCgroup(False, access="rwm")], memory=LinuxMemory(limit=1), pids=LinuxPids(1))))
print(*sorted(name for name in set(sys.modules) - before if name != "__future__"))
"""

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.split() == [
        "libcgroups",
        "libcgroups.detect",
        "libcgroups.devices",
        "libcgroups.files",
        "libcgroups.manager",
        "libcgroups.record",
        "libcgroups.resources",
        "libcgroups.v1",
        "libcgroups.v1.controllers",
        "libcgroups.v1.devices",
        "libcgroups.v1.manager",
        "libcgroups.v1.memory",
        "libcgroups.v1.pids",
    ]


# The manager that manages nothing.


def disabled() -> CgroupManager:
    return create_cgroup_manager(CgroupConfig("one", disabled=True))


def test_a_disabled_manager_does_nothing() -> None:
    manager = disabled()

    manager.create()
    manager.add_task(1)
    manager.apply(ControllerOpt(resources=oci.LinuxResources(devices=[oci.LinuxDeviceCgroup(False, access="rwm")])))
    manager.kill(9)
    manager.remove()

    assert (manager.hierarchies(), manager.get_all_pids(), manager.exists()) == ((), [], False)


def test_a_disabled_manager_survives_saving() -> None:
    assert restore_cgroup_manager(disabled().state()) == disabled()


def test_a_disabled_manager_refuses_limits() -> None:
    with pytest.raises(
        errors.ResourceError, match=r"^linux\.resources\.pids: cannot be applied, cgroups are disabled$"
    ):
        disabled().update(oci.LinuxResources(pids=oci.LinuxPids(5)))


def test_a_disabled_manager_cannot_freeze() -> None:
    with pytest.raises(errors.NotMountedError, match=r"^freeze: the container has no cgroup of its own"):
        disabled().freeze(FreezerState.FROZEN)


# The fakes.


def test_the_recording_manager_is_one() -> None:
    manager: CgroupManager = testing.TestManager()

    manager.create()
    manager.add_task(7)
    manager.apply(ControllerOpt())

    assert manager.exists()
    assert isinstance(manager, testing.TestManager)
    assert manager.calls == [("create", None), ("add_task", 7), ("apply", ControllerOpt())]
    assert (manager.get_add_task_args(), manager.apply_called()) == ([7], True)


def test_the_recording_manager_fails_on_request() -> None:
    manager = testing.TestManager()
    manager.failures["remove"] = errors.CgroupError("busy")

    with pytest.raises(errors.CgroupError, match=r"^busy$"):
        manager.remove()


def test_the_recording_manager_s_events_have_ended() -> None:
    events = testing.TestManager().oom_events()

    assert (events.ended, events.read()) == (True, 0)
    events.close()


def test_a_fake_v2_hierarchy_enables_controllers_down_the_tree(tmp_path: Path) -> None:
    with testing.FakeHierarchy(tmp_path, v1=(), v2=("memory", "pids")) as fake:
        fake.mkdir(f"{fake.directory}/unified/web")
        fake.write(f"{fake.directory}/unified/cgroup.subtree_control", b"+pids")

        assert fake.read("unified/web/pids.max") == "max"
        assert fake.mounts.setup == "unified"
