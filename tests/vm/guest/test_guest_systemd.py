"""The systemd driver against the real one: root's system manager, or the manager of the user's session."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from libcgroups import ControllerOpt, restore_cgroup_manager
from libcgroups.errors import FileError, NotEmptyError
from libcgroups.resources import LinuxCPU, LinuxDeviceCgroup, LinuxMemory, LinuxPids, LinuxResources
from libcgroups.systemd import booted
from libcgroups.systemd.dbus_native.dbus import DbusConnection
from libcgroups.systemd.dbus_native.proxy import Proxy
from tests.vm.guest.containers import SYSTEMCTL, properties, values

if TYPE_CHECKING:
    from libcgroups.manager import CgroupManager
    from tests.vm.guest.conftest import MakeManager


MIB = 1 << 20
LIMITS = LinuxResources(
    cpu=LinuxCPU(shares=512, quota=12345, period=100000, cpus="0"),
    memory=LinuxMemory(limit=64 * MIB, swap=96 * MIB),
    pids=LinuxPids(limit=50),
)
FILES = {
    "cpu.weight": "59",
    "cpu.max": "12345 100000",
    "cpuset.cpus": "0",
    "memory.max": str(64 * MIB),
    "pids.max": "50",
}
PROPERTIES = {
    "ActiveState": "active",
    "CPUWeight": "59",
    "CPUQuotaPerSecUSec": "130ms",
    "AllowedCPUs": "0",
    "MemoryMax": str(64 * MIB),
    "MemorySwapMax": str(32 * MIB),
    "TasksMax": "50",
    "Delegate": "yes",
}


def read(manager: CgroupManager, names: dict[str, str]) -> dict[str, str]:
    """Return what these files of the cgroup hold."""
    return values(manager.hierarchies()[0].directory, names)


def show(manager: CgroupManager, *names: str) -> dict[str, str]:
    """Return what systemctl says about the unit of the manager."""
    return properties(manager.hierarchies()[0].path.rpartition("/")[2], names)


def start(manager: CgroupManager, pid: int, resources: LinuxResources | None = LIMITS) -> None:
    """Bring a container's cgroup to life as an engine does."""
    manager.create(resources)
    manager.add_task(pid)
    manager.apply(ControllerOpt(resources=resources))


def test_this_machine_is_booted_with_systemd() -> None:
    assert booted()


def test_a_scope_lives_with_its_limits(make_manager: MakeManager, sleeper: subprocess.Popen[bytes]) -> None:
    manager = make_manager(systemd=True)

    start(manager, sleeper.pid)

    assert show(manager, *PROPERTIES) == PROPERTIES
    assert read(manager, FILES) == FILES
    assert manager.get_all_pids() == [sleeper.pid]


def test_limits_survive_a_reload_of_systemd(make_manager: MakeManager, sleeper: subprocess.Popen[bytes]) -> None:
    manager = make_manager(systemd=True)
    start(manager, sleeper.pid)

    subprocess.run([*SYSTEMCTL, "daemon-reload"], check=True)

    assert {**read(manager, FILES), "cpu.max": FILES["cpu.max"]} == FILES
    assert show(manager, *PROPERTIES) == PROPERTIES


def test_another_process_freezes_kills_and_removes(make_manager: MakeManager, sleeper: subprocess.Popen[bytes]) -> None:
    manager = make_manager(systemd=True)
    start(manager, sleeper.pid)
    restored = restore_cgroup_manager(manager.state())

    restored.freeze("FROZEN")
    is_frozen = manager.is_frozen()
    restored.freeze("THAWED")
    restored.kill(signal.SIGKILL)
    restored.remove()

    assert is_frozen
    assert sleeper.wait() == -signal.SIGKILL
    assert not manager.exists()
    assert show(manager, "LoadState") == {"LoadState": "not-found"}


def test_a_second_process_joins(make_manager: MakeManager, sleeper: subprocess.Popen[bytes]) -> None:
    manager = make_manager(systemd=True)
    start(manager, sleeper.pid)
    with subprocess.Popen(["sleep", "1000"]) as other:
        restore_cgroup_manager(manager.state()).add_task(other.pid)

        pids = manager.get_all_pids()
        other.kill()

    assert sorted(pids) == sorted([sleeper.pid, other.pid])


def test_an_update_changes_files_and_properties_or_neither(
    make_manager: MakeManager, sleeper: subprocess.Popen[bytes]
) -> None:
    manager = make_manager(systemd=True)
    start(manager, sleeper.pid)

    manager.update(LinuxResources(pids=LinuxPids(limit=60), memory=LinuxMemory(limit=80 * MIB, swap=-1)))
    updated = (read(manager, FILES), show(manager, *PROPERTIES))
    with pytest.raises(FileError):
        manager.update(LinuxResources(pids=LinuxPids(limit=70), unified={"cpu.weight.nice": "99"}))

    assert updated == (
        {**FILES, "memory.max": str(80 * MIB), "pids.max": "60"},
        {**PROPERTIES, "MemoryMax": str(80 * MIB), "MemorySwapMax": "infinity", "TasksMax": "60"},
    )
    assert (read(manager, FILES), show(manager, *PROPERTIES)) == updated


def test_a_name_in_use_is_refused(make_manager: MakeManager, sleeper: subprocess.Popen[bytes]) -> None:
    first = make_manager(":test:twice", systemd=True)
    start(first, sleeper.pid, None)
    second = make_manager(":test:twice", systemd=True)

    with pytest.raises(NotEmptyError):
        second.create()
    second.remove()

    assert first.get_all_pids() == [sleeper.pid]


def test_annotations_become_properties(make_manager: MakeManager, sleeper: subprocess.Popen[bytes]) -> None:
    manager = make_manager(systemd=True, TimeoutStopSec="7", CollectMode="'inactive-or-failed'", TasksMax="uint64 9")

    start(manager, sleeper.pid, None)

    wanted = {"TimeoutStopUSec": "7s", "CollectMode": "inactive-or-failed", "TasksMax": "9"}
    assert show(manager, *wanted) == wanted


def test_a_slice_of_our_own(make_manager: MakeManager, sleeper: subprocess.Popen[bytes]) -> None:
    manager = make_manager("pyoukitest-inner.slice:test:one", systemd=True)

    start(manager, sleeper.pid)

    assert "/pyoukitest.slice/pyoukitest-inner.slice/test-one.scope" in manager.hierarchies()[0].path
    assert read(manager, FILES) == FILES
    manager.kill(signal.SIGKILL)
    manager.remove()
    subprocess.run([*SYSTEMCTL, "stop", "pyoukitest.slice"], check=True)


@pytest.mark.root
def test_device_rules_survive_a_reload_of_systemd(make_manager: MakeManager, sleeper: subprocess.Popen[bytes]) -> None:
    manager = make_manager(systemd=True)
    start(manager, sleeper.pid, LinuxResources(devices=[LinuxDeviceCgroup(allow=False, access="rwm")]))
    script = "import os\nfor path in ('/dev/null', '/dev/kmsg'): os.close(os.open(path, os.O_RDONLY))"

    subprocess.run(["systemctl", "daemon-reload"], check=True)
    command = [sys.executable, "-I", "-S", "-c", f"input()\n{script}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        manager.add_task(child.pid)
        _, complaint = child.communicate("\n")

    assert "PermissionError: [Errno 1] Operation not permitted: '/dev/kmsg'" in complaint


@pytest.mark.root
def test_without_a_bus_systemd_is_asked_directly(
    make_manager: MakeManager, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent")
    manager = make_manager(systemd=True)

    start(manager, sleeper.pid)

    assert show(manager, *PROPERTIES) == PROPERTIES


def test_the_manager_is_asked_from_inside_a_user_namespace() -> None:
    script = (
        "from libcgroups.systemd.dbus_native.proxy import Proxy\n"
        f"with Proxy.{'new_session' if os.geteuid() else 'new_system'}() as proxy: print(proxy.systemd_version())"
    )

    command = ["unshare", "--user", "--map-root-user", sys.executable, "-c", script]
    done = subprocess.run(command, check=True, capture_output=True, text=True)

    assert int(done.stdout) >= 252


def test_both_buses_of_systemd_say_the_same() -> None:
    runtime_directory = f"/run/user/{os.geteuid()}" if os.geteuid() else "/run"
    private = f"unix:path={runtime_directory}/systemd/private"
    with (
        Proxy.new_session() if os.geteuid() else Proxy.new_system() as over_the_bus,
        Proxy(DbusConnection(private, is_bus=False)) as directly,
    ):
        answers = [(each.version(), each.control_group()) for each in (over_the_bus, directly)]

    assert answers[0] == answers[1]
