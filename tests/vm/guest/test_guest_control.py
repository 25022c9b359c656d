"""runc and crun beside ours: the same limits must end in the same files and properties."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from libcgroups import ControllerOpt
from libcgroups.resources import LinuxCPU, LinuxMemory, LinuxPids, LinuxResources
from libcgroups.v2.manager import Manager
from tests.vm.guest.containers import IS_USER, properties, values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.vm.guest.conftest import MakeManager

    Control = Callable[[str, str], str]

MIB = 1 << 20
# Without shares: these old versions still use the formula that the new one replaced.
RESOURCES = {
    "cpu": {"quota": 50000, "period": 200000, "cpus": "0"},
    "memory": {"limit": 64 * MIB, "reservation": 32 * MIB, "swap": 96 * MIB},
    "pids": {"limit": 50},
}
OURS = LinuxResources(
    cpu=LinuxCPU(quota=50000, period=200000, cpus="0"),
    memory=LinuxMemory(limit=64 * MIB, reservation=32 * MIB, swap=96 * MIB),
    pids=LinuxPids(limit=50),
)
FILES = ("cpu.max", "cpu.weight", "cpuset.cpus", "memory.max", "memory.low", "pids.max", "cgroup.type")
PROPERTIES = (
    *["CPUQuotaPerSecUSec", "CPUQuotaPeriodUSec", "CPUWeight", "AllowedCPUs", "MemoryMax", "MemoryLow"],
    *["MemorySwapMax", "TasksMax", "Delegate", "CPUAccounting", "MemoryAccounting", "TasksAccounting"],
    *["IOAccounting", "ActiveState", "DefaultDependencies"],
)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle that sleeps, with the resources above."""
    (tmp_path / "rootfs/bin").mkdir(parents=True)
    shutil.copy("/bin/busybox", tmp_path / "rootfs/bin/busybox")
    command = ["runc", "spec", *(["--rootless"] if IS_USER else [])]
    subprocess.run(command, cwd=tmp_path, check=True)
    config = json.loads((tmp_path / "config.json").read_text())
    config["process"]["args"] = ["/bin/busybox", "sleep", "1000"]
    config["process"]["terminal"] = False
    config["linux"]["resources"] = RESOURCES
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


@pytest.fixture
def control(bundle: Path) -> Iterator[Control]:
    """Start a container with another runtime and return the directory of its cgroup."""
    started: list[list[str]] = []

    def start(runtime: str, path: str) -> str:
        config = json.loads((bundle / "config.json").read_text())
        config["linux"]["cgroupsPath"] = path
        (bundle / "config.json").write_text(json.dumps(config))
        command = [runtime, "--root", str(bundle / "state"), "--systemd-cgroup"]
        started.append(command)
        # The container inherits the streams: they are files, since nobody would see the end of a pipe.
        with (bundle / "log").open("w") as log:
            create = [*command, "create", "--bundle", str(bundle), "--pid-file", str(bundle / "pid"), "control"]
            code = subprocess.run(create, stdout=log, stderr=log, stdin=subprocess.DEVNULL, check=False).returncode
        assert code == 0, (bundle / "log").read_text()
        with open(f"/proc/{(bundle / 'pid').read_text()}/cgroup") as file:
            return "/sys/fs/cgroup" + file.read().strip().partition("::")[2]

    yield start
    for command in started:
        subprocess.run([*command, "delete", "-f", "control"], check=True)


def scope(directory: str) -> str:
    """Return the scope that a cgroup is, or is in."""
    return next(part for part in directory.split("/") if part.endswith(".scope"))


@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_the_same_limits_end_in_the_same_values(
    make_manager: MakeManager, sleeper: subprocess.Popen[bytes], control: Control, runtime: str
) -> None:
    slice_name = "user.slice" if IS_USER else "system.slice"
    theirs = control(runtime, f"{slice_name}:control:{time.monotonic_ns()}")
    manager = make_manager(f"{slice_name}:ours:{time.monotonic_ns()}", systemd=True)

    manager.create(OURS)
    manager.add_task(sleeper.pid)
    manager.apply(ControllerOpt(resources=OURS))

    ours = manager.hierarchies()[0].directory
    assert values(ours, FILES) == values(theirs, FILES)
    # This crun leaves the properties alone and puts its limits on a cgroup inside the scope.
    if runtime == "runc":
        assert properties(scope(ours), PROPERTIES) == properties(scope(theirs), PROPERTIES)


def test_statistics_are_those_of_runc(control: Control, bundle: Path) -> None:
    directory = control("runc", f"{'user.slice' if IS_USER else 'system.slice'}:control:{time.monotonic_ns()}")
    manager = Manager.at("/sys/fs/cgroup", directory.removeprefix("/sys/fs/cgroup"))
    manager.freeze("FROZEN")  # so that the numbers stand still

    command = ["runc", "--root", str(bundle / "state"), "events", "--stats", "control"]
    theirs = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["data"]
    ours = manager.stats()
    manager.freeze("THAWED")

    assert theirs["cpu"]["usage"] == {
        "total": ours.cpu.usage.usage_total,
        "kernel": ours.cpu.usage.usage_kernel,
        "user": ours.cpu.usage.usage_user,
    }
    assert theirs["pids"] == {"current": ours.pids.current, "limit": ours.pids.limit}
    # The kernel writes dirty pages back, whoever is frozen.
    moving = ("file_dirty", "file_writeback")
    assert {**theirs["memory"]["raw"], **dict.fromkeys(moving)} == {**ours.memory.stats, **dict.fromkeys(moving)}
    for name, data in (("usage", ours.memory.memory), ("swap", ours.memory.memswap)):
        assert (theirs["memory"][name]["usage"], theirs["memory"][name]["limit"]) == (data.usage, data.limit)
    assert set(theirs["hugetlb"]) <= set(ours.hugetlb)
