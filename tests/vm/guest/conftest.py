"""Inside the guest: cgroup v2 with all controllers, systemd as PID 1; as root, or as a user with a session."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from libcgroups import CgroupConfig, create_cgroup_manager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from libcgroups.manager import CgroupManager

    MakeManager = Callable[..., CgroupManager]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what the present user cannot do: each test says so by its marker, both users run the rest."""
    for item in items:
        if os.geteuid() and item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason="for root"))


@pytest.fixture(scope="session", autouse=True)
def _in_the_guest() -> None:
    if not os.environ.get("VMRUN"):
        pytest.exit("these tests change limits of the whole machine: run them with make test-vm", returncode=2)


@pytest.fixture
def make_manager() -> Iterator[MakeManager]:
    """Make managers, and remove what they made."""
    made: list[CgroupManager] = []

    def make(path: str = "", *, systemd: bool = False, **annotations: str) -> CgroupManager:
        config = CgroupConfig(
            container_name=f"test{time.monotonic_ns()}",
            cgroup_path=path,
            systemd_cgroup=systemd,
            rootless=os.geteuid() != 0,
            annotations=tuple((f"org.systemd.property.{name}", text) for name, text in annotations.items()),
        )
        made.append(create_cgroup_manager(config))
        return made[-1]

    yield make
    for manager in made:
        if manager.exists():
            manager.kill(signal.SIGKILL)
        manager.remove()
        assert not manager.exists()


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits to be put somewhere."""
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process
        process.kill()
