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
    "root": "the text of the specification requires it on Linux",
    "process.user.uid": "2**32 - 1 is no id for the kernel",
    "process.user.gid": "2**32 - 1 is no id for the kernel",
    "process.user.additionalGids": "2**32 - 1 is no id for the kernel",
    "process.oomScoreAdj": "the kernel takes -1000 to 1000",
    "process.ioPriority.priority": "the text says 0 to 7",
    "process.rlimits.type": "the text lists the types",
    "hooks.prestart.timeout": "a timeout of more than 68 years is taken for a mistake",
    "linux.devices.uid": "2**32 - 1 is no id for the kernel",
    "linux.devices.gid": "2**32 - 1 is no id for the kernel",
    "linux.memoryPolicy": "the text requires its mode",
    "linux.personality": "the text requires its domain",
    "annotations": "the schema forgets the value of an empty key",
    "linux.sysctl": "the schema forgets the value of an empty key",
    "linux.resources.unified": "the schema forgets the value of an empty key",
}
LAXER = {
    "linux.devices.fileMode": "engines send the bits of the type too",
    "linux.rootfsPropagation": "rslave and the like are in wide use",
    "process.execCPUAffinity.initial": "the form is checked by validate",
    "process.execCPUAffinity.final": "the form is checked by validate",
    "linux.intelRdt.memBwSchema": "the form is checked by validate",
    "linux.resources.hugepageLimits.pageSize": "the form is checked by validate",
    "linux.seccomp.syscalls.names": "validate checks that it is not empty",
}


def _resources() -> list[tuple[str, Any]]:
    contents = {path.name: json.loads(path.read_text()) for path in (DATA / "runtime-spec").glob("*.json")}
    # The schemas of other platforms, which we do not have, allow anything.
    contents |= {f"config-{name}.json": {name: {}} for name in ("solaris", "windows", "zos", "freebsd")}
    return [
        (name, referencing.Resource.from_contents(schema, referencing.jsonschema.DRAFT4))
        for name, schema in contents.items()
    ]


REGISTRY = referencing.Registry[Any]().with_resources(_resources()).crawl()


def _validator(schema: str) -> jsonschema.Draft4Validator:
    return jsonschema.Draft4Validator(REGISTRY.contents(schema), registry=REGISTRY)


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


SMALL = [True, 0, 1, -1, 0.5, "", "0", "x", "rslave", [], {}, [1], ["x"], {"": 1}, {"a": 1}]
LARGE = [2**16, 2**32 - 1, 2**32, 2**63, 2**64, -(2**31) - 1, -(2**63) - 1]
ODD = st.sampled_from([*SMALL, *LARGE])


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


@settings(max_examples=1500, deadline=None)
@given(mutated())
def test_decoder_differs_from_the_schema_only_where_a_reason_is_known(case: tuple[Any, str]) -> None:
    document, path = case

    ours, theirs = is_decoded(document), CONFIG_SCHEMA.is_valid(document)

    reasons = LAXER if ours else STRICTER
    assert ours == theirs or path in reasons or path.rpartition(".")[0] in reasons, path


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


@pytest.mark.parametrize(
    ("path", "value"),
    [("process.user.uid", 2**32 - 1), ("process.oomScoreAdj", 1001), ("process.rlimits.0.type", "RLIMIT_BOGUS")],
)
def test_what_the_kernel_cannot_take_is_refused_although_the_schema_allows_it(path: str, value: object) -> None:
    document = copy.deepcopy(EVERY)
    *outer, last = path.split(".")
    container = document
    for part in outer:
        container = container[int(part) if part.isdigit() else part]

    container[last] = value

    assert CONFIG_SCHEMA.is_valid(document)
    assert not is_decoded(document)


@pytest.mark.parametrize("status", ["creating", "created", "running", "stopped"])
def test_encoded_state_is_valid_by_the_schema(status: str) -> None:
    state = spec.State("1.3.0", "one", status, "/bundle", pid=5, annotations={"a": "b"})

    _validator("state-schema.json").validate(decode.encode(state))
