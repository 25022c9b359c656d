"""Many lifecycles one after another; the guard and the counts of the kernel tell what leaks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import read

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.guard import Guard
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

_TIMES = int(os.environ.get("PYOUKI_SOAK", "50"))


@pytest.mark.timeout(0)
def test_lifecycles(runtime: Runtime, make_bundle: MakeBundle, guard: Guard) -> None:
    bundle = make_bundle()
    keyrings = _own_keyrings()

    for number in range(_TIMES):
        name = f"soak{number}"
        runtime("create", "--bundle", bundle.directory, name).succeed()
        runtime("start", name).succeed()
        runtime("delete", "--force", name).succeed()

    guard.check()
    assert _own_keyrings() <= keyrings + 1  # the kernel collects the last one later


@pytest.mark.timeout(0)
def test_execs(runtime: Runtime, make_bundle: MakeBundle, guard: Guard) -> None:
    container = runtime.start(make_bundle())

    for _ in range(_TIMES):
        container.exec("true").succeed()

    assert guard.tracker.processes() == [container.pid]


def test_pauses(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.start(make_bundle())

    for _ in range(max(_TIMES // 5, 1)):
        container.command("pause").succeed()
        container.command("resume").succeed()

    assert container.status == "running"


def _own_keyrings() -> int:
    return sum("_ses.soak" in line or "keyring   soak" in line for line in read("/proc/keys").splitlines())
