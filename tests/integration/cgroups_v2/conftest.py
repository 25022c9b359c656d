from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest

from tests.integration.cgroups_v2.bus import Bus, FakeSystemd

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def bus() -> Iterator[Bus]:
    """A message bus; its socket has a short path, which a temporary directory of pytest has not."""
    with tempfile.TemporaryDirectory(prefix="dbus") as directory, Bus(directory) as daemon:
        yield daemon


@pytest.fixture
def systemd(bus: Bus) -> Iterator[FakeSystemd]:
    """A systemd on the bus."""
    with FakeSystemd(bus.address) as fake:
        yield fake
