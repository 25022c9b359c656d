"""Where exec puts a process when the container's cgroup takes none, on a fake hierarchy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from libcgroups import CgroupConfig, create_cgroup_manager
from libcgroups.testing import FakeHierarchy
from libcontainer.process import sub_cgroup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from libcgroups.manager import CgroupManager

INIT, OTHER, NEW = 70, 71, 72


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeHierarchy]:
    """A hierarchy of version 2 with one cgroup beside the container's."""
    with FakeHierarchy(tmp_path, v1=(), v2=["pids"]) as hierarchy:
        hierarchy.mkdir(f"{tmp_path}/unified/beside")
        yield hierarchy


@pytest.fixture
def manager(fake: FakeHierarchy) -> CgroupManager:
    """The manager of a container's cgroup, which has two cgroups below."""
    made = create_cgroup_manager(CgroupConfig("one", "/one"), fake.mounts)
    made.create()
    for name in ("system.slice", "system.slice/some.service", "init.scope"):
        fake.mkdir(f"{fake.directory}/unified/one/{name}")
    fake.writes.clear()
    return made


@pytest.mark.parametrize("place", ["init.scope", "system.slice/some.service"])
def test_the_process_goes_where_init_is(fake: FakeHierarchy, manager: CgroupManager, place: str) -> None:
    fake.set("unified/one/system.slice/cgroup.procs", f"{OTHER}\n")
    fake.set(f"unified/one/{place}/cgroup.procs", f"{OTHER}\n{INIT}\n")

    assert sub_cgroup.join_init(manager, INIT, NEW)

    assert fake.writes == [(f"unified/one/{place}/cgroup.procs", str(NEW))]


@pytest.mark.parametrize("place", ["one", "beside"])
def test_nowhere_when_init_is_not_below(fake: FakeHierarchy, manager: CgroupManager, place: str) -> None:
    fake.set(f"unified/{place}/cgroup.procs", f"{INIT}\n")

    assert not sub_cgroup.join_init(manager, INIT, NEW)

    assert fake.writes == []
