"""A command that is killed at any point leaves nothing that ``delete --force`` does not remove.

Points are spread evenly over the system calls that change something; PYOUKI_POINTS sets how many (12), and "all" is
what a nightly run asks for.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.reliability.conftest import Killat, Struck
    from tests.support.bundle import Bundle
    from tests.support.guard import Guard
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

_POINTS = os.environ.get("PYOUKI_POINTS", "12")
_PARTS = 700 if _POINTS == "all" else int(_POINTS)
_FEWER = max(_PARTS // 3, 1)


def point(part: int, parts: int, count: int) -> int:
    """Return the part-th of evenly spread points; skip when there are more parts than points."""
    if part >= count:
        pytest.skip("there are fewer points")
    return 1 + part * count // min(parts, count)


@pytest.mark.parametrize("part", range(_PARTS))
@pytest.mark.parametrize("kill", ["parent", "all"])
def test_create(runtime: Runtime, make_bundle: MakeBundle, guard: Guard, killat: Killat, kill: str, part: int) -> None:
    bundle = make_bundle()
    command = ("create", "--bundle", bundle.directory, bundle.id)
    count = killat.count("create", lambda: _undone(runtime, bundle, killat(runtime, *command, at=0)))

    killat(runtime, *command, at=point(part, _PARTS, count), kill=kill)

    runtime("delete", "--force", bundle.id).succeed()
    guard.check()
    runtime.create(bundle).delete("--force").succeed()


@pytest.mark.parametrize("nth", range(1, 5))
def test_create_whose_child_has_just_begun(
    runtime: Runtime, make_bundle: MakeBundle, guard: Guard, killat: Killat, nth: int
) -> None:
    """The window between the clone and whatever ties a child to its creator."""
    bundle = make_bundle()

    killat(runtime, "create", "--bundle", bundle.directory, bundle.id, at=nth, kill="parent", children_only=True)

    assert runtime("delete", "--force", bundle.id).succeed().duration_s < 5
    guard.check()


@pytest.mark.parametrize("part", range(_FEWER))
@pytest.mark.parametrize("kill", ["parent", "all"])
@pytest.mark.parametrize("command", ["start", "kill", "delete", "exec"])
def test_later_command(
    runtime: Runtime, make_bundle: MakeBundle, guard: Guard, killat: Killat, command: str, kill: str, part: int
) -> None:
    bundle = make_bundle()
    words = {
        "start": ["start", bundle.id],
        "kill": ["kill", bundle.id, "KILL"],
        "delete": ["delete", "--force", bundle.id],
        "exec": ["exec", bundle.id, "true"],
    }[command]
    _bring_up(runtime, bundle, command)
    count = killat.count(command, lambda: _redone(runtime, bundle, command, killat(runtime, *words, at=0)))

    killat(runtime, *words, at=point(part, _FEWER, count), kill=kill)

    runtime("delete", "--force", bundle.id).succeed()
    guard.check()
    runtime.create(bundle).delete("--force").succeed()


def _bring_up(runtime: Runtime, bundle: Bundle, command: str) -> None:
    """Make a container to which the command can be applied."""
    container = runtime.create(bundle)
    if command != "start":
        container.start()


def _undone(runtime: Runtime, bundle: Bundle, struck: Struck) -> Struck:
    runtime("delete", "--force", bundle.id).succeed()
    return struck


def _redone(runtime: Runtime, bundle: Bundle, command: str, struck: Struck) -> Struck:
    runtime("delete", "--force", bundle.id).succeed()
    _bring_up(runtime, bundle, command)
    return struck
