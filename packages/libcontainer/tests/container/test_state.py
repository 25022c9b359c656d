"""state.json: written, read back, and refused when it is not ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libcontainer.container import state as state_module
from libcontainer.container.state import ContainerState
from libcontainer.errors import StateFileError
from libcontainer.oci import json_text

TEXTS = st.text()
STATES = st.builds(
    ContainerState,
    id=TEXTS, status=TEXTS, bundle=TEXTS, rootfs=TEXTS, created=TEXTS, owner=st.integers(), oci_version=TEXTS,
    annotations=st.dictionaries(TEXTS, TEXTS, max_size=3), pid=st.integers(), pid_start_time=st.integers(),
    cgroup=st.dictionaries(TEXTS, TEXTS | st.integers(), max_size=3), freezer=TEXTS,
    namespaces=st.lists(TEXTS, max_size=3), has_private_pids=st.booleans(), rootless=st.booleans(),
)  # fmt: skip
ONE = ContainerState(
    id="one", status="created", bundle="/b", rootfs="/b/rootfs", created="then", owner=0, oci_version="1.0.2", pid=9
)


@given(STATES)
def test_a_state_survives_the_disk(state: ContainerState) -> None:
    assert state_module.from_json(state_module.to_json(state).encode(), "state.json") == state


@given(st.binary() | st.text().map(str.encode))
def test_nothing_that_is_read_makes_it_crash(text: bytes) -> None:
    with pytest.raises(StateFileError):
        state_module.from_json(text, "state.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pid": "9"}, "pid is no int"),
        ({"pid": True}, "pid is no int"),
        ({"annotations": []}, "annotations is no dict"),
        ({"unknown": 1}, "not a container's state"),
    ],
)
def test_a_state_of_somebody_else_is_refused(change: dict[str, object], message: str) -> None:
    values = json_text.loads(state_module.to_json(ONE))
    assert isinstance(values, dict)

    with pytest.raises(StateFileError, match=rf"^read state\.json: {message}$"):
        state_module.from_json(json_text.dumps({**values, **change}).encode(), "state.json")


def test_a_state_that_misses_a_field_is_refused() -> None:
    with pytest.raises(StateFileError, match=r"^read state\.json: ContainerState misses 'status'$"):
        state_module.from_json(b'{"id":"one"}', "state.json")


def test_hooks_get_the_specs_state() -> None:
    assert state_module.oci_state(ONE.replace(annotations={"a": "b"}), "creating", pid=3) == {
        "ociVersion": "1.0.2",
        "id": "one",
        "status": "creating",
        "pid": 3,
        "bundle": "/b",
        "annotations": {"a": "b"},
    }
    assert "pid" not in state_module.oci_state(ONE, "stopped")
