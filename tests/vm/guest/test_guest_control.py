"""runc and crun beside ours: the same limits must end in the same files and properties."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from libcgroups import ControllerOpt
from libcgroups.resources import LinuxCPU, LinuxMemory, LinuxPids, LinuxResources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from libcgroups.manager import CgroupManager

    MakeManager = Callable[..., CgroupManager]

MIB = 1 << 20
IS_USER = os.geteuid() != 0
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


@pytest.fixture(params=["runc", "crun"])
def control(request: pytest.FixtureRequest, bundle: Path) -> Iterator[Callable[[str], str]]:
    """Start a container with another runtime and return the directory of its cgroup."""
    runtime = [request.param, "--root", str(bundle / "state"), "--systemd-cgroup"]

    def start(path: str) -> str:
        config = json.loads((bundle / "config.json").read_text())
        config["linux"]["cgroupsPath"] = path
        (bundle / "config.json").write_text(json.dumps(config))
        with (bundle / "log").open("w") as log:
            command = [*runtime, "create", "--bundle", str(bundle), "--pid-file", str(bundle / "pid"), "control"]
            code = subprocess.run(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, check=False).returncode
        assert code == 0, (bundle / "log").read_text()
        with open(f"/proc/{(bundle / 'pid').read_text()}/cgroup") as file:
            return "/sys/fs/cgroup" + file.read().strip().partition("::")[2]

    yield start
    subprocess.run([*runtime, "delete", "-f", "control"], check=True)


def values(directory: str) -> dict[str, str]:
    """Return files and properties of a scope, named by its directory."""
    scope = directory[: directory.index(".scope") + len(".scope")]
    found = {}
    for name in FILES:
        with open(f"{scope}/{name}") as file:
            found[name] = file.read().strip()
    command = ["systemctl", *(["--user"] if IS_USER else []), "show", os.path.basename(scope)]
    output = subprocess.run(
        [*command, *(f"--property={name}" for name in PROPERTIES)], check=True, capture_output=True, text=True
    ).stdout
    return found | dict(line.split("=", 1) for line in output.splitlines())


def test_the_same_limits_end_in_the_same_values(
    make_manager: MakeManager, sleeper: subprocess.Popen[bytes], control: Callable[[str], str]
) -> None:
    slice_name = "user.slice" if IS_USER else "system.slice"
    theirs = values(control(f"{slice_name}:control:{time.monotonic_ns()}"))
    manager = make_manager(f"{slice_name}:ours:{time.monotonic_ns()}", systemd=True)

    manager.create(OURS)
    manager.add_task(sleeper.pid)
    manager.apply(ControllerOpt(resources=OURS))

    assert values(manager.hierarchies()[0].directory) == theirs
