"""Checks JSON against the OCI schemas kept in contest/data/runtime-spec."""

from __future__ import annotations

import json
import os
from typing import Any

import jsonschema
import referencing
import referencing.jsonschema

_DIRECTORY = os.path.join(os.path.dirname(os.path.dirname(__file__)), "contest", "data", "runtime-spec")


def check(document: object, schema: str) -> None:
    """Fail with the path of the first thing that does not fit.

    A state may have a status and properties of the runtime's own, so ``paused`` is taken as the spec allows.
    """
    resources = [(name, _read(name)) for name in os.listdir(_DIRECTORY) if name.endswith(".json")]
    registry: referencing.Registry[Any] = referencing.Registry().with_resources(
        (name, referencing.jsonschema.DRAFT4.create_resource(contents)) for name, contents in resources
    )
    jsonschema.Draft4Validator(_read(schema), registry=registry).validate(document)


def _read(name: str) -> Any:
    with open(os.path.join(_DIRECTORY, name), encoding="utf-8") as file:
        return json.load(file)
