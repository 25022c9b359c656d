"""The decoder against the JSON schemas of the OCI: where they differ, and why."""

from __future__ import annotations

import copy
import json
import pathlib
from typing import Any

import jsonschema
import pytest
import referencing
import referencing.jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st

from libcontainer.errors import SpecError
from libcontainer.oci import decode, spec

DATA = pathlib.Path(__file__).parent.parent / "data"
EVERY = json.loads((DATA / "every-property.json").read_text())

# Path (list indexes left out) → why we decide differently from the schema.
STRICTER = {
    "root": "required on Linux by the text of the specification",
    "process.user.uid": "2**32 - 1 is no id for the kernel",
    "process.user.gid": "2**32 - 1 is no id for the kernel",
    "process.user.additionalGids": "2**32 - 1 is no id for the kernel",
    "linux.devices.uid": "2**32 - 1 is no id for the kernel",
    "linux.devices.gid": "2**32 - 1 is no id for the kernel",
    "process.oomScoreAdj": "the kernel takes -1000 to 1000",
    "process.ioPriority.priority": "the text says 0 to 7",
    "process.rlimits.type": "the text lists the types",
    "linux.memoryPolicy.mode": "required by the text",
    "linux.personality.domain": "required by the text",
    "hooks.prestart.timeout": "a longer timeout than 68 years is taken for a mistake",
    "annotations": "the schema forgets the value of an empty key",
    "linux.sysctl": "the schema forgets the value of an empty key",
    "linux.resources.unified": "the schema forgets the value of an empty key",
    "linux.seccomp.syscalls.args": "the schema has no type where it only refers",
}
LAXER = {
    "linux.devices.fileMode": "engines send the type bits too",
    "linux.rootfsPropagation": "rslave and the like are in wide use",
    "hooks.prestart.timeout": "never: kept by the same lower limit",
    "process.execCPUAffinity.initial": "the form is checked by validate",
    "process.execCPUAffinity.final": "the form is checked by validate",
    "linux.intelRdt.memBwSchema": "the form is checked by validate",
    "linux.resources.hugepageLimits.pageSize": "the form is checked by validate",
    "linux.seccomp.syscalls.names": "that it is not empty is checked by validate",
}


def _registry() -> Any:
    def retrieve(uri: str) -> Any:
        path = DATA / "runtime-spec" / uri.rpartition("/")[2]
        contents = json.loads(path.read_text()) if path.exists() else {uri.rpartition("/")[2].split("-")[1][:-5]: {}}
        return referencing.Resource.from_contents(contents, referencing.jsonschema.DRAFT4)

    return referencing.Registry(retrieve=retrieve)


def _validator(schema: str) -> jsonschema.Draft4Validator:
    contents = json.loads((DATA / "runtime-spec" / schema).read_text())
    return jsonschema.Draft4Validator(contents, registry=_registry())


CONFIG_SCHEMA = _validator("config-schema.json")


def places(value: Any, path: str = "") -> list[tuple[Any, Any, str]]:
    """Return every container, key and path of a JSON value; the paths do not tell the items of a list apart."""
    found = []
    items = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    for key, item in items:
        inner = path if isinstance(value, list) else f"{path}.{key}".lstrip(".")
        found.append((value, key, inner))
        if isinstance(item, (dict, list)):
            found.extend(places(item, inner))
    return found


ODD = st.sampled_from(
    [True, 0, 1, -1, 0.5, "", "0", "x", [], {}, [1], ["x"], {"": "x"}, {"a": 1}]
    + [2**16, 2**32 - 1, 2**32, 2**63, 2**64, -(2**31) - 1, -(2**63) - 1]
)


@st.composite
def mutated(draw: st.DrawFn) -> tuple[Any, str]:
    document = copy.deepcopy(EVERY)
    container, key, path = draw(st.sampled_from(places(document)))
    if draw(st.integers(0, 4)):
        container[key] = draw(ODD)
    else:
        del container[key]
    return document, path


def is_decoded(document: object) -> bool:
    try:
        decode.decode(spec.Spec, document)
    except SpecError:
        return False
    return True


@settings(max_examples=400, deadline=None)
@given(mutated())
def test_decoder_differs_from_the_schema_only_where_a_reason_is_known(case: tuple[Any, str]) -> None:
    document, path = case

    ours, theirs = is_decoded(document), CONFIG_SCHEMA.is_valid(document)

    reasons = LAXER if ours else STRICTER
    assert ours == theirs or any(path == known or path.startswith(known + ".") for known in reasons), path


def test_configuration_with_every_property_is_valid_by_the_schema() -> None:
    CONFIG_SCHEMA.validate(EVERY)


def test_every_property_of_the_schema_is_in_that_configuration() -> None:
    found = {path for _, _, path in places(EVERY)}
    known = set(_properties(json.loads((DATA / "runtime-spec" / "config-schema.json").read_text()), ""))

    elsewhere = {"process.commandLine", "process.user.username"}
    assert {path for path in known if path.split(".")[0] not in ("solaris", "windows", "vm", "zos", "freebsd")} == {
        path for path in found if path in known
    } | elsewhere


def _properties(schema: dict[str, Any], path: str) -> list[str]:
    """Return the paths of a schema's own properties, without following references."""
    found = []
    for name, inner in schema.get("properties", {}).items():
        found.append(f"{path}.{name}".lstrip("."))
        found.extend(_properties(inner.get("items", inner), f"{path}.{name}".lstrip(".")))
    return found


@pytest.mark.parametrize("status", ["creating", "created", "running", "stopped"])
def test_encoded_state_is_valid_by_the_schema(status: str) -> None:
    state = spec.State("1.3.0", "one", status, "/bundle", pid=5, annotations={"a": "b"})

    _validator("state-schema.json").validate(decode.encode(state))
