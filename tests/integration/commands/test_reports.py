"""features and info as programs and people get them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import Caller

if TYPE_CHECKING:
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root


def test_features_are_one_document_and_nothing_else(runtime: Runtime) -> None:
    result = runtime("features").succeed()

    document = json.loads(result.stdout)
    assert result.stdout.startswith('{\n    "ociVersionMin": "1.0.0",\n')
    assert document["linux"]["mountExtensions"]["idmap"]["enabled"] is True
    assert result.stderr == ""


def test_features_have_every_part_that_runc_tells(runtime: Runtime, runc: Runtime) -> None:
    ours, theirs = (json.loads(each("features").succeed().stdout) for each in (runtime, runc))

    assert set(theirs) - {"annotations"} <= set(ours)
    assert set(theirs["linux"]) <= set(ours["linux"])
    # runc has dropped these two itself: they are data of some file systems.
    assert set(theirs["mountOptions"]) - {"acl", "noacl"} <= set(ours["mountOptions"])
    assert set(theirs["linux"]["capabilities"]) <= set(ours["linux"]["capabilities"])
    assert set(theirs["linux"]["namespaces"]) <= set(ours["linux"]["namespaces"])


@pytest.mark.parametrize("uid", [None, 65534], ids=["root", "nobody"])
def test_info_reports_the_host_to_everybody(runtime: Runtime, uid: int | None) -> None:
    environment = {} if uid is None else {"HOME": "/nonexistent"}
    options = ("--root", "/tmp/pyouki-test-info")

    report = runtime("info", caller=Caller(uid=uid, env=environment), global_options=options).succeed().stdout

    rows = dict(line.strip().split(maxsplit=1) for line in report.splitlines() if len(line.split()) > 1)
    assert rows["Kernel-Release"] == os.uname().release
    assert rows["Architecture"] == os.uname().machine
    assert rows["mount"].startswith(("enabled", "refused"))
    assert not os.path.exists("/tmp/pyouki-test-info")
