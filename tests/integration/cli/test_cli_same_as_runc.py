"""What programs read is what runc writes: the same keys with the same types, and the same statuses.

Every difference is a row of docs/reference/compatibility.md with its reason, and every row is still true.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import mutations
from tests.support.runtime import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeBundle
    from tests.support.runtime import Container, Runtime

    Row = tuple[str, str, str]

pytestmark = [pytest.mark.root, pytest.mark.cgroup1]

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "compatibility.md"
# Keys of data and not of a schema, and what the kernel's version and chance decide.
OPEN = re.compile(r"\.raw\.|\.annotations\.|percpu|\.cache$|\.max$|\.usage\.usage$|\.psi")


def documented() -> set[Row]:
    """Return the rows of the table of outputs: output, key, difference."""
    section = DOCUMENT.read_text().partition("## Outputs\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return {(row[0].strip(" `"), row[1].strip(" `"), row[2].strip()) for row in rows}


def compared_version() -> str:
    """Return the version of runc that the document names."""
    return DOCUMENT.read_text().partition("runc ")[2].split()[0].rstrip(".,:")


def shape(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield each key of a document with its type; of a list of objects, the keys of all of them together."""
    if isinstance(value, dict):
        for key, member in value.items():
            inner = f"{path}.{key}".lstrip(".")
            yield inner, {"int": "number", "float": "number"}.get(type(member).__name__, type(member).__name__)
            yield from shape(member, inner)
    elif isinstance(value, list):
        for member in value:
            yield from shape(member, f"{path}[]")


def differences(output: str, ours: Any, theirs: Any) -> set[Row]:
    """Return what differs in keys and types, but for the open keys."""
    mine, reference = dict(shape(ours)), dict(shape(theirs))
    found = {(output, key, "only pyouki") for key in mine.keys() - reference.keys()}
    found |= {(output, key, "only runc") for key in reference.keys() - mine.keys()}
    found |= {
        (output, key, f"{mine[key]}, in runc {reference[key]}")
        for key in mine.keys() & reference.keys()
        if mine[key] != reference[key]
    }
    whole = {key for _, key, _ in found}
    return {row for row in found if not OPEN.search(f".{row[1]}") and not _is_inside(row[1], whole)}


def _is_inside(key: str, whole: set[str]) -> bool:
    """Tell whether the object or list that a key is in is a difference itself."""
    parents = re.split(r"\.|\[\]", key)[:-1]
    return any(other != key and key.startswith((f"{other}.", f"{other}[]")) for other in whole) and bool(parents)


@pytest.fixture
def pair(runtime: Runtime, runc: Runtime, make_bundle: MakeBundle) -> list[Container]:
    """The same container twice: ours and runc's."""
    mutate = mutations.every(
        mutations.resources(memory={"limit": 64 << 20}, pids={"limit": 9}), mutations.top(annotations={"a": "b"})
    )
    return [each.start(make_bundle(mutate=mutate)) for each in (runtime, runc)]


def outputs(container: Container) -> dict[str, Any]:
    """Return what a runtime prints about a container and about itself, parsed."""
    runtime = container.runtime
    runtime("spec", "--bundle", runtime.work, global_options=()).succeed()
    runtime("spec", "--rootless", "--bundle", container.bundle.directory + "/rootfs", global_options=()).succeed()
    return {
        "state": container.state(),
        "list": json.loads(runtime("list", "--format", "json").succeed().stdout),
        "ps": json.loads(runtime("ps", "--format", "json", container.id).succeed().stdout),
        "events": json.loads(runtime("events", "--stats", container.id).succeed().stdout),
        "features": json.loads(runtime("features").succeed().stdout),
        "spec": json.loads(read(f"{runtime.work}/config.json")),
        "spec --rootless": json.loads(read(f"{container.bundle.rootfs}/config.json")),
    }


def test_every_difference_is_documented_and_every_row_is_true(pair: list[Container], runc: Runtime) -> None:
    ours, theirs = (outputs(container) for container in pair)

    found = {row for name in ours for row in differences(name, ours[name], theirs[name])}

    assert "\n".join(map(str, sorted(found - documented()))) == ""
    version = runc("--version", global_options=()).stdout.split()[2]
    if version.split("+")[0] == compared_version():
        assert "\n".join(map(str, sorted(documented() - found))) == ""


def test_values_that_do_not_depend_on_the_runtime_are_equal(pair: list[Container]) -> None:
    ours, theirs = (outputs(container) for container in pair)

    for document in (ours, theirs):
        document["list"] = document["list"][0]
    same = ("status", "annotations", "owner")
    assert [ours[name].get(key) for name in ("state", "list") for key in same] == [
        theirs[name].get(key) for name in ("state", "list") for key in same
    ]
    assert len(ours["ps"]) == len(theirs["ps"]) == 1


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("state", "nobody"), 1),
        (("delete", "nobody"), 1),
        (("delete", "--force", "nobody"), 0),
        (("kill", "nobody"), 1),
        (("exec", "ID", "sh", "-c", "exit 7"), 7),
        (("exec", "ID", "sh", "-c", "kill -9 $$"), 137),
        (("exec", "ID", "/nope"), 255),
        (("exec", "nobody", "true"), 255),
        (("start", "ID"), 1),
        (("resume", "ID"), 1),
        (("delete", "ID"), 1),
        (("kill", "ID", "NOSUCH"), 1),
        (("events", "--stats", "nobody"), 1),
        (("list", "--format", "xml"), 1),
        (("create",), 1),
        (("features",), 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_status_is_that_of_runc(pair: list[Container], words: tuple[str, ...], status: int) -> None:
    statuses = []
    for container in pair:
        result = container.runtime(*(container.id if word == "ID" else word for word in words))
        statuses.append(result.returncode)

    assert statuses == [status, status]
