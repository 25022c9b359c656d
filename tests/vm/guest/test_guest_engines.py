"""Docker and Podman with systemd's cgroups: limits in scopes, a container's life, and systemd as a container's init."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support import runtime as runtimes
from tests.support.runtime import eventually
from tests.vm.guest import containers, engines
from tests.vm.guest.engines import FILES, PROPERTIES, Done, Engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.bundle import RootfsTemplate

pytestmark = pytest.mark.timeout(240)

DOCKER_CONFIGURATION = '{"runtimes": {"tested": {"path": "%s"}}, "bridge": "none", "iptables": false}'
#: Units of the guest that systemd in a container must not start: its agent, users' sessions, AppArmor's profiles.
NOT_INSIDE = ("vm-run-agent.service", "systemd-logind.service", "user@.service", "apparmor.service")


@pytest.fixture(scope="module")
def busybox(template: RootfsTemplate) -> str:
    """The root file system of the images."""
    directory = f"{os.path.dirname(template.directory)}/image"
    template.copy_to(directory)
    return directory


@pytest.fixture(scope="module")
def podman_image(busybox: str) -> None:
    """The image in the user's storage."""
    Engine("podman", scope="libpod-").import_image(busybox)


@pytest.fixture(scope="module")
def dockerd(busybox: str) -> Iterator[None]:
    """A daemon that knows the runtime under test and has the image."""
    os.makedirs("/etc/docker", exist_ok=True)
    containers.write("/etc/docker/daemon.json", DOCKER_CONFIGURATION % under_test())
    subprocess.run(["systemctl", "start", "docker.service"], check=True, timeout=120)
    Engine("docker", scope="docker-").import_image(busybox)
    yield
    units = ["docker.service", "docker.socket", "containerd.service"]
    subprocess.run(["systemctl", "stop", *units], check=True, timeout=120)
    os.unlink("/etc/docker/daemon.json")


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine with the runtime under test, or with another one to compare; containers, scopes and mounts must go."""
    name, _, control = request.param.partition("-")
    if name == "docker":
        request.getfixturevalue("dockerd")
        used = Engine("docker", scope="docker-", run_options=[f"--runtime={control or 'tested'}"])
    else:
        request.getfixturevalue("podman_image")
        runtime = runtimes.find(control) if control else under_test()
        used = Engine("podman", f"--runtime={runtime}", "--cgroup-manager=systemd", scope="libpod-")
    mounts = engines.mounts()
    yield used
    left = used.remove_all()
    assert left == []
    assert engines.mounts() == mounts


@pytest.fixture
def own_root(tmp_path: Path) -> Iterator[str]:
    """The guest's own root file system, which has systemd; changes go to memory."""
    subprocess.run(["mount", "-t", "tmpfs", "own-root", tmp_path], check=True)
    upper, work, root = (tmp_path / name for name in ("upper", "work", "root"))
    units = upper / "etc/systemd/system"
    for directory in (units, work, root):
        directory.mkdir(parents=True)
    for unit in NOT_INSIDE:
        (units / unit).symlink_to("/dev/null")
    layers = f"lowerdir=/,upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "-o", layers, "own-root", root], check=True)
    yield str(root)
    subprocess.run(["umount", root, tmp_path], check=True)


def under_test() -> str:
    """Return the path of the runtime under test."""
    return runtimes.find(os.environ.get("RUNTIME") or "pyouki")


@pytest.mark.root
@pytest.mark.usefixtures("dockerd")
def test_docker_uses_systemd_by_itself() -> None:
    docker = Engine("docker", scope="docker-")

    assert docker.succeed("info", "--format", "{{.CgroupDriver}} {{.CgroupVersion}}") == "systemd 2"


@pytest.mark.parametrize("engine", ["podman"], indirect=True)
def test_output_and_exit_status_come_back(engine: Engine) -> None:
    assert engine.run("sh", "-c", "echo out; exit 7") == Done(7, "out\n")


@pytest.mark.parametrize("engine", ["podman", pytest.param("docker", marks=pytest.mark.root)], indirect=True)
def test_from_run_to_stop(engine: Engine) -> None:
    container = engine.start("sh", "-c", "trap 'exit 3' TERM; sleep 1000 & wait")
    scope, limits, properties = os.path.basename(container.directory), container.values(), container.properties()
    statistics = container.command("stats", "--no-stream", "--format={{.MemUsage}}")
    inside = container.exec("sh", "-c", "cat /proc/self/cgroup; exit 4")
    container.command("pause")
    paused = container.is_frozen()
    container.command("unpause")
    resumed = not container.is_frozen()
    container.command("update", "--memory=80m", "--memory-swap=112m", "--cpus=0.7")
    changed = container.values(), container.properties()
    container.command("stop", "--time=20")

    assert (scope, limits, properties) == (container.unit, FILES, PROPERTIES)
    assert statistics.endswith(("/ 64MiB", "/ 67.11MB"))
    assert inside == Done(4, "0::/\n")
    assert (paused, resumed) == (True, True)
    assert changed == (
        {**FILES, "memory.max": str(80 << 20), "cpu.max": "70000 100000"},
        {**PROPERTIES, "MemoryMax": str(80 << 20), "CPUQuotaPerSecUSec": "700ms"},
    )
    assert container.inspect("State.ExitCode") == "3"
    container.remove()


@pytest.mark.root
@pytest.mark.parametrize("engine", ["docker-runc"], indirect=True)
def test_another_runtime_gives_the_same_limits(engine: Engine) -> None:
    container = engine.start()

    assert (container.values(), container.properties()) == (FILES, PROPERTIES)
    container.command("stop", "--time=0")
    container.remove()


@pytest.mark.root
@pytest.mark.parametrize("engine", ["podman", "podman-crun"], indirect=True)
def test_systemd_is_init(own_root: str, engine: Engine) -> None:
    container = engine.start("/sbin/init", options=["--systemd=always"], image=["--rootfs", own_root])

    def hands_controllers_down() -> bool:
        # A process that comes before would be in systemd's way.
        init_scope = containers.cgroup_of(container.pid)
        own = runtimes.read(f"{os.path.dirname(init_scope)}/cgroup.subtree_control")
        return os.path.basename(init_scope) == "init.scope" and own != ""

    eventually(hands_controllers_down, "systemd's own cgroups", 60)

    def is_up() -> bool:
        return container.exec("systemctl", "is-system-running", "--wait").output.strip() in ("running", "degraded")

    eventually(is_up, "systemd in the container", 120)
    init = container.exec("sh", "-c", "cat /proc/1/comm /proc/1/cgroup /proc/self/cgroup")
    service = container.exec("systemd-run", "--wait", "--pipe", "--quiet", "cat", "/proc/self/cgroup")
    limited = container.exec("systemd-run", "--wait", "--pipe", "--quiet", "-p", "TasksMax=5", "true")
    failed = container.exec("systemctl", "list-units", "--failed", "--no-legend")
    container.command("stop", "--time=60")

    assert init == Done(0, "systemd\n0::/init.scope\n0::/init.scope\n")
    assert (service.status, service.output.partition("run-")[0]) == (0, "0::/system.slice/")
    assert limited == Done(0, "")
    assert failed == Done(0, "")
    # SIGRTMIN+3 is what systemd halts at; 137 would be SIGKILL.
    assert (container.inspect("Config.StopSignal"), container.inspect("State.ExitCode")) == ("37", "0")
    container.remove()
