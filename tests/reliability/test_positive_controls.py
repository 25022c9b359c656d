"""The fault injector finds what is known to be wrong with runc: a harness that finds nothing proves nothing."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support import host
from tests.support.runtime import Runtime

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.reliability.conftest import Killat
    from tests.support.tracking import Tracker

pytestmark = pytest.mark.root


def test_runc_killed_in_the_middle_of_create_leaves_cgroups(
    work: str, make_bundle: MakeBundle, killat: Killat, tracker: Tracker
) -> None:
    host.require("runc")
    os.mkdir(f"{work}/runc")
    runc = Runtime(shutil.which("runc") or "runc", f"{work}/runc")
    bundle = make_bundle()
    command = ("create", "--bundle", bundle.directory, bundle.id)
    count = killat(runc, *command, at=0).seen
    runc("delete", "--force", bundle.id).succeed()

    left = 0
    for eighth in range(1, 8):
        killat(runc, *command, at=eighth * count // 8, kill="parent")
        runc("delete", "--force", bundle.id)
        left += bool(tracker.directories())
        tracker.kill_all()
        tracker.remove_directories()

    assert left >= 2
