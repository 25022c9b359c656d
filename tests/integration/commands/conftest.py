"""What the tests of live commands share: a container's cgroup files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support import host

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.bundle import Bundle

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
