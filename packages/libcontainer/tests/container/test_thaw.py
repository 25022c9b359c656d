"""Thawing what was killed: on cgroup v2 the cgroup may be gone before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from libcontainer.container import kill
from libcontainer.container.state import ContainerState
from libcontainer.errors import CgroupsError

if TYPE_CHECKING:
    from pathlib import Path


def state_in(mount_point: Path) -> ContainerState:
    """A container whose cgroup is ``one`` of a v2 hierarchy."""
    cgroup: dict[str, object] = {
        "kind": "v2",
        "mount_point": str(mount_point),
        "path": "/one",
        "owner_uid": None,
        "made": [],
    }
    return ContainerState(
        id="one", status="running", bundle="/", rootfs="/", created="", owner=0, oci_version="1.0.2", cgroup=cgroup
    )


def test_a_cgroup_that_is_gone_needs_no_thawing(tmp_path: Path) -> None:
    kill.thaw(state_in(tmp_path))


def test_a_cgroup_that_cannot_be_thawed_is_told(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()

    with pytest.raises(CgroupsError, match=rf"^write '0' to {tmp_path}/one/cgroup\.freeze: no such file or directory$"):
        kill.thaw(state_in(tmp_path))
