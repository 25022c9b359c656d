"""The diagnosis agrees with the decoder: one truth, read twice."""

from __future__ import annotations

import copy
import json
import pathlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libcgroups.resources import LinuxResources
from libcontainer.errors import SpecError
from libcontainer.oci import decode, diagnose, spec

if TYPE_CHECKING:
    from libcgroups.record import Record

DATA = pathlib.Path(__file__).parent.parent / "data"
DOCUMENTS: list[tuple[type[Record], Any]] = [(spec.Spec, json.loads((DATA / "every-property.json").read_text()))]
for _path in sorted((DATA / "configs").glob("docker-28.5-*.json")):
    _kind: type[Record] = spec.Spec
    if ".process" in _path.name or ".resources" in _path.name:
        _kind = spec.Process if ".process" in _path.name else LinuxResources
    DOCUMENTS.append((_kind, json.loads(_path.read_text())))

SMALL = [None, True, False, 0, 1, -1, 1.0, 0.5, "", "0", "x", [], {}, [None], [1], ["x"], {"": None}, {"a": 1}]
LARGE = [2**16, 2**32 - 1, 2**32, 2**63, 2**64, 2**70, -(2**31) - 1, -(2**63) - 1, 10**5000]
ODD = st.sampled_from([*SMALL, *LARGE])


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every container and key of a JSON value, outermost first."""
    found = []
    items = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    for key, item in items:
        found.append((value, key))
        if isinstance(item, (dict, list)):
            found.extend(places(item))
    return found


@st.composite
def mutated(draw: st.DrawFn) -> tuple[type[Record], Any]:
    kind, original = draw(st.sampled_from(DOCUMENTS))
    document = copy.deepcopy(original)
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw(st.sampled_from(places(document) or [({}, "")]))
        if draw(st.booleans()):
            container[key] = copy.deepcopy(draw(ODD))
        else:
            container.pop(key, None) if isinstance(container, dict) else container.pop(key)
    return kind, document


def first_fault(kind: type[Record], value: object) -> str | None:
    try:
        decode.decode(kind, value)
    except SpecError as error:
        return str(error)
    return None


@settings(max_examples=200, deadline=None)
@given(mutated())
def test_decoder_and_models_agree_and_say_the_same(case: tuple[type[Record], Any]) -> None:
    kind, document = case

    first, every = first_fault(kind, document), diagnose.find(kind, document)

    assert (first in every) if every else (first is None)


@pytest.mark.parametrize(("kind", "document"), DOCUMENTS, ids=[str(number) for number in range(len(DOCUMENTS))])
def test_good_documents_have_no_faults(kind: type[Record], document: object) -> None:
    assert diagnose.find(kind, document) == []


def test_hint_names_five_faults_and_counts_the_rest() -> None:
    value = {"ociVersion": "1.3.0", "root": {"path": "r"}, "mounts": [{} for _ in range(8)]}
    first = SpecError("mounts[0].destination", "required property is missing")

    error = diagnose.complete(spec.Spec, value, first)

    assert len(error.errors) == 8
    assert str(error.hint).startswith("also wrong: mounts[1].destination: required property is missing; ")
    assert str(error.hint).endswith("mounts[5].destination: required property is missing; and 2 more")


def test_single_fault_is_left_as_it_is() -> None:
    first = SpecError("root", "required property is missing")

    assert diagnose.complete(spec.Spec, {"ociVersion": "1.3.0"}, first) is first


def test_json_schema_has_the_names_ranges_and_choices() -> None:
    schema = diagnose.json_schema(spec.Spec)

    definitions = schema["$defs"]
    assert schema["required"] == ["ociVersion", "root"]
    assert definitions["User"]["properties"]["uid"]["anyOf"][0] == {
        "maximum": 2**32 - 2,
        "minimum": 0,
        "type": "integer",
    }
    assert definitions["LinuxNamespace"]["properties"]["type"]["enum"][0] == "mount"
    assert "blockIO" in definitions["LinuxResources"]["properties"]


def test_model_is_made_once() -> None:
    assert diagnose.model(spec.Spec) is diagnose.model(spec.Spec)
