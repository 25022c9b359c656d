"""What the tests of live commands share: a container's cgroup files, and runc to compare with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support import host
from tests.support import runtime as runtimes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.bundle import Bundle
    from tests.support.guard import Guard
    from tests.support.runtime import Runtime

    Limit = Callable[[Bundle, str], str]


@pytest.fixture
def limit() -> Limit:
    """A function that reads a file of a container's cgroup v1: ``limit(bundle, "memory.limit_in_bytes")``."""
    host.require("cgroup1")

    def read(bundle: Bundle, file: str) -> str:
        path = os.path.join("/sys/fs/cgroup", file.split(".")[0], bundle.config["linux"]["cgroupsPath"][1:], file)
        with open(path, encoding="ascii") as text:
            return text.read().strip()

    return read


@pytest.fixture
def runc(work: str, guard: Guard) -> Iterator[Runtime]:
    """The runc that is installed, to compare with; its containers are deleted afterwards."""
    host.require("runc")
    os.mkdir(os.path.join(work, "runc"))
    oracle = runtimes.Runtime(runtimes.find("runc"), os.path.join(work, "runc"))
    guard.watch(oracle)
    yield oracle
    for name in oracle.ids():
        oracle("delete", "--force", name).succeed()
