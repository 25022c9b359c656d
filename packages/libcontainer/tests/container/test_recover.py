"""What is found of a container whose state.json is gone: by which manager its cgroup was made, and who is in it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from libcgroups import TestManager as FakeManager
from libcontainer.container import recover, store
from libcontainer.errors import CgroupsError

if TYPE_CHECKING:
    from pathlib import Path

    from libcgroups.manager import CgroupManager
    from libcontainer.oci.spec import Spec

CONFIG = b"""{
    "ociVersion": "1.2.0",
    "root": {"path": "rootfs"},
    "linux": {"cgroupsPath": "system.slice:docker:one"},
    "annotations": {"org.systemd.property.CollectMode": "'inactive'"},
    "hooks": {"poststop": [{"path": "/bin/true"}]}
}"""


class Machine:
    """Gives the two managers that a configuration may have had.

    Attributes:
        files: what the manager of directories has.
        systemd: what that of units has; an error when it cannot be asked.
        asked: annotations, and whether they were for systemd, of each choice.
    """

    def __init__(self, *, has_directory: bool = False, error: CgroupsError | None = None) -> None:
        self.files = FakeManager("files")
        self.files.created = has_directory
        self.systemd = FakeManager("systemd")
        self.asked: list[tuple[dict[str, str], bool]] = []
        self._error = error

    def choose(self, spec: Spec, container_id: str, *, rootless: bool, systemd_cgroup: bool = False) -> CgroupManager:
        self.asked.append((dict(spec.annotations), systemd_cgroup))
        if systemd_cgroup and self._error is not None:
            raise self._error
        return self.systemd if systemd_cgroup else self.files


@pytest.fixture
def directory(tmp_path: Path) -> store.ContainerDirectory:
    made = store.ContainerDirectory(str(tmp_path), "one")
    made.make()
    made.write(store.CONFIG_FILE, CONFIG)
    return made


def test_unit_is_found_with_its_processes_where_no_directory_is(directory: store.ContainerDirectory) -> None:
    machine = Machine()
    machine.systemd.pids = [os.getpid()]

    state = recover.state_of(directory, choose=machine.choose, has_systemd=lambda: True)

    assert (state.cgroup, state.pid, state.hooks) == ({"kind": "test", "name": "systemd"}, os.getpid(), ["poststop"])
    assert state.pid_start_time > 0
    # What they say is of no interest any more, and need not be right.
    assert machine.asked[-1] == ({}, True)


def test_directory_that_is_there_was_not_made_by_systemd(directory: store.ContainerDirectory) -> None:
    machine = Machine(has_directory=True)

    state = recover.state_of(directory, choose=machine.choose, has_systemd=lambda: True)

    assert state.cgroup == {"kind": "test", "name": "files"}
    assert [systemd for _, systemd in machine.asked] == [False]


def test_systemd_is_not_asked_where_it_does_not_run(directory: store.ContainerDirectory) -> None:
    machine = Machine()

    state = recover.state_of(directory, choose=machine.choose, has_systemd=lambda: False)

    assert state.cgroup == {"kind": "test", "name": "files"}
    assert [systemd for _, systemd in machine.asked] == [False]


def test_path_that_names_no_unit_is_a_directorys(directory: store.ContainerDirectory) -> None:
    machine = Machine(error=CgroupsError("cgroup path '/one': expected slice:prefix:name for the systemd driver"))

    state = recover.state_of(directory, choose=machine.choose, has_systemd=lambda: True)

    assert state.cgroup == {"kind": "test", "name": "files"}


def test_without_a_configuration_nothing_is_known(tmp_path: Path) -> None:
    directory = store.ContainerDirectory(str(tmp_path), "one")
    directory.make()

    state = recover.state_of(directory)

    assert (state.id, state.cgroup, state.pid, state.hooks) == ("one", {}, 0, [])
