"""Finds every fault of a bad document, and describes documents as JSON schema; not imported for a good document.

The pydantic models are derived from the annotations of the Records, so that they accept what ``decode`` accepts and
refuse what it refuses. This is the only module that imports pydantic.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pydantic

from libcontainer.errors import SpecError
from libcontainer.oci.decode import json_name, json_path, shown

if TYPE_CHECKING:
    from types import ModuleType

    from pydantic_core import ErrorDetails

    from libcgroups.record import Record

_MOST_IN_HINT = 5
_EXPECTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
}
_models: dict[type[Record], type[pydantic.BaseModel]] = {}


def complete(cls: type[Record], value: object, first: SpecError) -> SpecError:
    """Return an error that lists all faults of a value which ``decode`` refused.

    Args:
        cls: the class it should have been.
        value: the JSON value.
        first: what ``decode`` raised; its sentence stays the message, the others go to the hint and to ``errors``.
    """
    others = [fault for fault in find(cls, value) if fault != first.message]
    if not others or first.property is None:
        return first
    hint = "also wrong: " + "; ".join(others[:_MOST_IN_HINT])
    if len(others) > _MOST_IN_HINT:
        hint += f"; and {len(others) - _MOST_IN_HINT} more"
    reason = first.message.removeprefix(f"{first.property}: ")
    return SpecError(first.property, reason, hint=hint, errors=(first.message, *others))


def find(cls: type[Record], value: object) -> list[str]:
    """Return every fault of a JSON value, each as ``path: reason``, in the order of the class's properties."""
    try:
        model(cls).model_validate(value)
    except pydantic.ValidationError as error:
        return [_sentence(fault) for fault in error.errors(include_url=False)]
    return []


def json_schema(cls: type[Record]) -> dict[str, Any]:
    """Return the JSON schema of a class: what this runtime accepts, by OCI names."""
    return model(cls).model_json_schema(by_alias=True)


def model(cls: type[Record]) -> type[pydantic.BaseModel]:
    """Return the pydantic model of a Record class, with the OCI names as aliases; made once."""
    known = _models.get(cls)
    if known is not None:
        return known
    fields: dict[str, Any] = {}
    for name in cls.__fields__:
        owner = next(base for base in cls.__mro__ if name in base.__dict__.get("__annotations__", ()))
        kind = eval(owner.__annotations__[name], {}, _Meanings(sys.modules[owner.__module__]))
        if hasattr(cls, name):
            # None, because null is the same as absent. The true default is not needed to accept or refuse.
            fields[name] = (kind | None, pydantic.Field(default=None, alias=json_name(name)))
        else:
            fields[name] = (kind, pydantic.Field(alias=json_name(name)))
    config = pydantic.ConfigDict(strict=True, extra="ignore", populate_by_name=False, protected_namespaces=())
    made: type[pydantic.BaseModel] = pydantic.create_model(
        cls.__name__, __config__=config, __doc__=cls.__doc__, **fields
    )
    _models[cls] = made
    return made


class _Meanings(dict[str, Any]):
    """What the words of an annotation mean to pydantic, looked up as they are met."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(str=str, bool=bool, int=int, float=float, Sequence=list, Mapping=_Mapping)
        self._module = module

    def __missing__(self, word: str) -> object:
        meaning = getattr(self._module, word)
        if isinstance(meaning, type):
            return model(meaning)
        if meaning[0] is int:
            return Annotated[int, pydantic.Field(ge=meaning[1], le=meaning[2])]
        return Literal[meaning]


class _Mapping:
    """``Mapping[str, X]``, in which null is the same as absent."""

    def __class_getitem__(cls, kinds: tuple[Any, Any]) -> object:
        key, value = kinds
        return dict.__class_getitem__((key, value | None))


def _sentence(fault: ErrorDetails) -> str:
    """Say what ``decode`` would say."""
    kind, limits = fault["type"], fault.get("ctx", {})
    path = json_path(list(fault["loc"]))
    # null in a required property: optional ones and mappings take it, so nothing else can refuse null by its name.
    if kind == "missing" or (fault["input"] is None and fault["loc"] and isinstance(fault["loc"][-1], str)):
        return f"{path}: required property is missing"
    if kind == "literal_error":
        expected = "one of " + limits["expected"].replace("'", "").replace(" or ", ", ")
    elif kind == "greater_than_equal":
        expected = f"at least {limits['ge']}"
    elif kind == "less_than_equal":
        expected = f"at most {limits['le']}"
    else:
        expected = _EXPECTED.get(kind, fault["msg"])
    reason = f"expected {expected}, got {shown(fault['input'])}"
    return f"{path}: {reason}" if path else reason
