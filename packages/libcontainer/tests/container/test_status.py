"""The present status of a container, from real processes and files."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from libcontainer import pidfd
from libcontainer.container import status, store
from libcontainer.container.state import ContainerState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[store.ContainerDirectory]:
    """A container's directory with the socket that it waits on."""
    made = store.ContainerDirectory(str(tmp_path), "one")
    made.make()
    made.unlock()
    (tmp_path / "one" / store.NOTIFY_SOCKET).touch()
    yield made
    made.unlock()


@pytest.fixture
def init() -> Iterator[subprocess.Popen[bytes]]:
    """A process in the place of a container's init."""
    with subprocess.Popen(["sleep", "1000"]) as child:
        yield child
        child.kill()


def _state(pid: int, recorded: str = "created", freezer: str = "") -> ContainerState:
    return ContainerState(
        id="one", status=recorded, bundle="/", rootfs="/", created="", owner=0, oci_version="1.0.2", pid=pid,
        pid_start_time=pidfd.start_time(pid) or 0, freezer=freezer,
    )  # fmt: skip


def test_it_is_created_while_it_waits(directory: store.ContainerDirectory, init: subprocess.Popen[bytes]) -> None:
    assert status.current(_state(init.pid), directory) == "created"


def test_it_runs_from_the_moment_the_socket_is_gone(
    directory: store.ContainerDirectory, init: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    (tmp_path / "one" / store.NOTIFY_SOCKET).unlink()

    assert status.current(_state(init.pid), directory) == "running"


@pytest.mark.parametrize("text", ["FROZEN\n", "FREEZING\n", "1\n"])
def test_it_is_paused_while_its_cgroup_is_frozen(
    text: str, directory: store.ContainerDirectory, init: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    (tmp_path / "freezer").write_text(text)

    assert status.current(_state(init.pid, "running", f"{tmp_path}/freezer"), directory) == "paused"


@pytest.mark.parametrize("text", ["THAWED\n", "0\n", ""])
def test_it_is_not_paused_otherwise(
    text: str, directory: store.ContainerDirectory, init: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    (tmp_path / "freezer").write_text(text)

    assert status.current(_state(init.pid, "running", f"{tmp_path}/freezer"), directory) == "running"


def test_a_zombie_is_stopped(directory: store.ContainerDirectory, init: subprocess.Popen[bytes]) -> None:
    state = _state(init.pid, "running")
    fd = pidfd.open_process(init.pid, state.pid_start_time)
    assert fd is not None

    init.kill()
    assert pidfd.wait_for_exit(fd, 5)

    assert status.current(state, directory) == "stopped"


def test_another_process_with_its_pid_is_not_it(
    directory: store.ContainerDirectory, init: subprocess.Popen[bytes]
) -> None:
    state = _state(init.pid, "running")

    assert status.current(state.replace(pid_start_time=state.pid_start_time + 1), directory) == "stopped"


def test_it_is_being_created_while_somebody_holds_the_lock(directory: store.ContainerDirectory) -> None:
    creator = store.ContainerDirectory(directory.root, directory.id)
    creator.lock()

    assert status.current(_state(0, "creating"), directory) == "creating"
    creator.unlock()
    assert status.current(_state(0, "creating"), directory) == "stopped"
