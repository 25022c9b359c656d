"""What the tests of several areas share: the runc that is installed, to compare with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support import host
from tests.support import runtime as runtimes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.guard import Guard
    from tests.support.runtime import Runtime


@pytest.fixture
def runc(work: str, guard: Guard) -> Iterator[Runtime]:
    """The runc that is installed; its containers are deleted afterwards."""
    host.require("runc")
    os.mkdir(os.path.join(work, "runc"))
    oracle = runtimes.Runtime(runtimes.find("runc"), os.path.join(work, "runc"))
    guard.watch(oracle)
    yield oracle
    for name in oracle.ids():
        oracle("delete", "--force", name).succeed()
