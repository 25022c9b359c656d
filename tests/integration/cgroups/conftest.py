"""Managers on the machine's own v1 hierarchies, and children that wait until they are in a cgroup."""

from __future__ import annotations

import glob
import itertools
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from libcgroups.detect import Mounts, read_mounts
from libcgroups.manager import CgroupConfig, create_cgroup_manager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from libcgroups.manager import CgroupManager

    MakeManager = Callable[..., CgroupManager]
    Start = Callable[..., subprocess.Popen[str]]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def parent() -> Iterator[str]:
    """The cgroup path below which every cgroup of these tests is; nothing may be left of it."""
    path = f"/pyouki-test-v1-{os.getpid()}"
    yield path
    assert glob.glob(f"/sys/fs/cgroup/*{path}") == []


@pytest.fixture
def make_manager(parent: str) -> Iterator[MakeManager]:
    """A function that makes managers; their processes are killed and their cgroups removed after the test."""
    made: list[CgroupManager] = []

    def make(path: str | None = None, mounts: Mounts | None = None) -> CgroupManager:
        config = CgroupConfig("one", path or f"{parent}/{next(_numbers)}")
        made.append(create_cgroup_manager(config, mounts))
        return made[-1]

    yield make
    for manager in made:
        manager.kill(signal.SIGKILL)
        manager.remove()


@pytest.fixture
def start() -> Iterator[Start]:
    """A function that starts a shell script inside a cgroup."""
    started: list[subprocess.Popen[str]] = []

    def run(manager: CgroupManager, script: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            ["sh", "-c", f"read go; {script}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        manager.add_task(process.pid)
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def without_unified() -> Mounts:
    """The v1 hierarchies alone, as on a machine that is not hybrid."""
    return read_mounts().replace(v2=None)
