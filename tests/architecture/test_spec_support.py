"""The table of supported properties: every property of the JSON schema has a line, and every test it names exists."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.architecture.workspace import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = ROOT / "docs" / "reference" / "spec-support.md"
SCHEMAS = ROOT / "packages" / "libcontainer" / "tests" / "data" / "runtime-spec"
OTHER_PLATFORMS = {"solaris", "windows", "vm", "zos", "freebsd"}


def test_every_property_of_the_schema_has_a_line() -> None:
    properties = {path for path in _properties() if path.split(".")[0] not in OTHER_PLATFORMS}

    assert set(_lines()) == properties


def test_every_test_that_a_line_names_exists() -> None:
    named = re.findall(r"`((?:tests|packages)/[^`]+)`", TABLE.read_text(encoding="utf-8"))

    assert [test for test in named if not _exists(test)] == []
    assert len(named) > len(_lines())


def test_every_word_that_says_how_is_explained() -> None:
    explained = set(re.findall(r"^\| ([a-z ]+) \|", TABLE.read_text(encoding="utf-8").split("## ")[0], re.MULTILINE))

    assert {how for how, _ in _lines().values()} <= explained


def _lines() -> dict[str, tuple[str, str]]:
    """Return the rows about properties: how it is shown, and the test."""
    text = TABLE.read_text(encoding="utf-8").partition("## Properties")[2].partition("\n## ")[0]
    return {
        name: (how, test) for name, how, test in re.findall(r"^\| `(.+?)` \| (.+?) \| `(.+?)` \|", text, re.MULTILINE)
    }


def _exists(test: str) -> bool:
    path, *names = test.split("::")
    file = ROOT / path
    if not names:
        return file.exists()
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return all(re.search(rf"^ *(class|def) {re.escape(name)}\b", text, re.MULTILINE) for name in names)


def _properties() -> Iterator[str]:
    return _walk(_schema("config-schema.json"), "config-schema.json", "")


def _walk(schema: dict[str, Any], file: str, path: str) -> Iterator[str]:
    """Yield the paths of all properties, through references; ``[]`` is an item, ``{}`` an entry of an object."""
    while "$ref" in schema:
        schema, file = _resolve(schema["$ref"], file)
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}.{name}".lstrip(".")
        yield from _walk(inner, file, f"{path}.{name}".lstrip("."))
    if isinstance(schema.get("items"), dict):
        yield from _walk(schema["items"], file, f"{path}[]")
    for entry in (*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")):
        if isinstance(entry, dict):
            yield from _walk(entry, file, f"{path}{{}}")
    for word in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(word, []):
            yield from _walk(part, file, path)


def _resolve(reference: str, file: str) -> tuple[dict[str, Any], str]:
    """Return what a reference points at; nothing for the schemas of other platforms, which are not kept."""
    name, _, fragment = reference.partition("#")
    name = name or file
    found = _schema(name)
    for part in filter(None, fragment.split("/")):
        found = found.get(part, {})
    return found, name


@cache
def _schema(name: str) -> dict[str, Any]:
    path = SCHEMAS / name
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return schema
