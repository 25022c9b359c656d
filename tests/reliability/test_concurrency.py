"""Commands on one container at the same time: one wins, the others say no soon, nothing is left."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.guard import Guard
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

_ROUNDS = range(3)


@pytest.mark.parametrize("round_", _ROUNDS)
def test_one_of_sixteen_creates_wins(runtime: Runtime, make_bundle: MakeBundle, guard: Guard, round_: int) -> None:
    bundle = make_bundle()

    racers = [runtime.background("create", "--bundle", bundle.directory, bundle.id) for _ in range(16)]

    assert sorted(racer.wait(20) for racer in racers) == [0] + [1] * 15
    assert runtime.ids() == [bundle.id]
    runtime("delete", "--force", bundle.id).succeed()
    guard.check()


@pytest.mark.parametrize("round_", _ROUNDS)
def test_one_of_eight_starts_wins(runtime: Runtime, make_bundle: MakeBundle, round_: int) -> None:
    container = runtime.create(make_bundle())

    racers = [runtime.background("start", container.id) for _ in range(8)]

    assert sorted(racer.wait(10) for racer in racers) == [0] + [1] * 7
    assert container.status == "running"


@pytest.mark.parametrize("round_", _ROUNDS)
def test_all_of_eight_deletes_by_force_succeed(
    runtime: Runtime, make_bundle: MakeBundle, guard: Guard, round_: int
) -> None:
    container = runtime.start(make_bundle())

    racers = [runtime.background("delete", "--force", container.id) for _ in range(8)]

    assert [racer.wait(20) for racer in racers] == [0] * 8
    guard.check()


@pytest.mark.parametrize("delay_ms", [0, 10, 20, 40, 80])
def test_create_against_delete(runtime: Runtime, make_bundle: MakeBundle, guard: Guard, delay_ms: int) -> None:
    bundle = make_bundle()

    creating = runtime.background("create", "--bundle", bundle.directory, bundle.id)
    time.sleep(delay_ms / 1000)
    deleting = runtime.background("delete", "--force", bundle.id)

    assert creating.wait(20) in (0, 1)
    assert deleting.wait(20) in (0, 1)
    runtime("delete", "--force", bundle.id).succeed()
    guard.check()


def test_sixteen_lifecycles_at_once(runtime: Runtime, make_bundle: MakeBundle, guard: Guard) -> None:
    bundles = [make_bundle("true") for _ in range(16)]

    racers = [runtime.background("run", "--bundle", bundle.directory, bundle.id) for bundle in bundles]

    assert [racer.wait(30) for racer in racers] == [0] * 16
    guard.check()


def test_list_while_containers_come_and_go(runtime: Runtime, make_bundle: MakeBundle) -> None:
    os.mkdir(runtime.root)
    racers = [
        runtime.background("run", "--bundle", bundle.directory, bundle.id)
        for bundle in [make_bundle("true") for _ in range(8)]
    ]

    results = [runtime("list", "--format", "json").returncode for _ in range(10)]

    assert [racer.wait(30) for racer in racers] == [0] * 8
    assert results == [0] * 10


def test_state_is_never_half_written(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.create(make_bundle())

    starting = runtime.background("start", container.id)
    seen = {container.status for _ in range(10)}

    assert starting.wait() == 0
    assert seen <= {"created", "running"}
