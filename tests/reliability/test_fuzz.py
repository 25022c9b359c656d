"""Mutated configurations through the command line: accepted or refused, never a crash, a hang, or leftovers."""

from __future__ import annotations

import contextlib
import copy
import functools
import json
import operator
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.bundle import base_config

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.bundle import Json
    from tests.support.guard import Guard
    from tests.support.runtime import Result, Runtime

pytestmark = pytest.mark.root

_EXAMPLES = int(os.environ.get("PYOUKI_FUZZ", "30"))
_UNSAFE = {"cgroupsPath", "hooks", "sysctl", "root", "namespaces"}  # these could reach the host
_VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.floats(),
    st.text(max_size=20),
    st.just("x" * 65536),
    st.just("a\0b"),
    st.just([]),
    st.just({}),
    st.just(["x"] * 300),
)
_BOUNDED = settings(
    max_examples=_EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def _paths(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of every value that may be mutated."""
    if isinstance(value, dict):
        items: list[tuple[str | int, object]] = [(key, item) for key, item in value.items() if key not in _UNSAFE]
    elif isinstance(value, list):
        items = list(enumerate(value))
    else:
        items = []
    found = [(*path, key) for key, _ in items]
    return found + [deeper for key, item in items for deeper in _paths(item, (*path, key))]


_PATHS = _paths(base_config())
_MUTATION = st.tuples(st.sampled_from(_PATHS), st.sampled_from(["set", "delete", "copy"]), _VALUES)


@pytest.mark.timeout(0)
def test_structured(runtime: Runtime, make_bundle: MakeBundle, guard: Guard) -> None:
    bundle = make_bundle("true")
    original = copy.deepcopy(bundle.config)

    @_BOUNDED
    @given(st.lists(_MUTATION, min_size=1, max_size=3))
    def attempt(changes: list[tuple[tuple[str | int, ...], str, Any]]) -> None:
        bundle.config = copy.deepcopy(original)
        for path, action, value in changes:
            _change(bundle.config, path, action, value)
        bundle.write()
        _judge(runtime.run(bundle), runtime, guard)

    attempt()


@pytest.mark.timeout(0)
def test_raw(runtime: Runtime, make_bundle: MakeBundle, guard: Guard) -> None:
    bundle = make_bundle("true")
    text = json.dumps(bundle.config).encode()

    @_BOUNDED
    @given(st.integers(0, len(text)), st.integers(0, len(text)), st.binary(max_size=8))
    def attempt(start: int, length: int, noise: bytes) -> None:
        with open(f"{bundle.directory}/config.json", "wb") as file:
            file.write(text[:start] + noise + text[start + length % 40 :])
        _judge(runtime.run(bundle), runtime, guard)

    attempt()


def _change(config: Json, path: tuple[str | int, ...], action: str, value: object) -> None:
    """Apply one change; do nothing where an earlier one has removed or replaced the place."""
    with contextlib.suppress(KeyError, IndexError, TypeError):
        parent: Any = functools.reduce(operator.getitem, path[:-1], config)  # type: ignore[arg-type]  # JSON
        if action == "delete":
            del parent[path[-1]]
        elif action == "copy" and isinstance(parent, list):
            parent.append(copy.deepcopy(parent[int(path[-1])]))
        else:
            parent[path[-1]] = value


def _judge(result: Result, runtime: Runtime, guard: Guard) -> None:
    """Fail on a crash (a trace, a signal, an internal error) and on leftovers."""
    assert result.returncode in (0, 1), result.summary()
    for word in ("traceback", "panic", "goroutine", "systemerror", "recursionerror", "fault of pyouki"):
        assert word not in result.message, result.summary()
    assert runtime.ids() == [], result.summary()
    guard.check()
