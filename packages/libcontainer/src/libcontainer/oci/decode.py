"""Turns JSON values into Records and back, strictly, by the Records' annotations; no complete diagnosis of a bad value.

A checker is compiled for each annotation when first met, so that a config.json pays only for the classes it uses.
Rules: the type must fit exactly (no true for 1, no "0" for 0, no 1.0 for 1), null is the same as absent, unknown
properties are ignored. The first fault is raised; ``diagnose`` finds all of them.

The annotations understood are str, bool, int, float, the aliases of ``spec`` (ranges and choices), Records, and
``Sequence[X]`` and ``Mapping[str, X]`` of these, each with ``| None``.
"""

from __future__ import annotations

import sys

from libcgroups.record import Record
from libcontainer.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias, TypeVar

    R = TypeVar("R", bound=Record)
    Checker: TypeAlias = Callable[[object], object]

# Where camelCase of the attribute's name is not what the specification says.
_JSON_NAMES = {
    "block_io": "blockIO",
    "class_": "class",
    "class_id": "classID",
    "clos_id": "closID",
    "container_id": "containerID",
    "disable_oom_killer": "disableOOMKiller",
    "exec_cpu_affinity": "execCPUAffinity",
    "host_id": "hostID",
    "kernel_tcp": "kernelTCP",
    "throttle_read_iops_device": "throttleReadIOPSDevice",
    "throttle_write_iops_device": "throttleWriteIOPSDevice",
}

_ATTRIBUTES = {key: name for name, key in _JSON_NAMES.items()}
_NO_ANNOTATIONS: dict[str, str] = {}

_checkers: dict[tuple[str, str], Checker] = {}  # by module and annotation
_records: dict[type[Record], Checker] = {}
_MAPPINGS = (dict, type(type.__dict__))


class Fault(Exception):
    """A value that does not fit; the path to it is collected on the way out, innermost part first."""

    def __init__(self, reason: str, *path: str | int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = [*path]


def decode(cls: type[R], value: object, at: str = "") -> R:
    """Make a Record of a JSON value.

    Args:
        cls: the class of the Record.
        value: what the JSON parser returned: a dict, or another mapping.
        at: path of the value in its document, put before the path of a fault.

    Raises:
        SpecError: the first fault, with its JSON path.
    """
    try:
        return _record(cls)(value)  # type: ignore[return-value]  # the checker of a class returns its Records
    except Fault as fault:
        raise SpecError(json_path(fault.path[::-1], at), fault.reason) from None


def encode(record: Record) -> dict[str, object]:
    """Make a JSON object of a Record: all fields but None and empty defaults, in the order of the class."""
    encoded: dict[str, object] = {}
    cls = type(record)
    for name in cls.__fields__:
        value = getattr(record, name)
        # False and 0 are kept although they are defaults: clients read them.
        if value is None or (value is getattr(cls, name, None) and not isinstance(value, (bool, int, str, Record))):
            continue
        encoded[json_name(name)] = _encode_value(value)
    return encoded


def json_name(name: str) -> str:
    """Return the OCI name of an attribute: ``cgroups_path`` is ``cgroupsPath``."""
    known = _JSON_NAMES.get(name)
    if known is not None:
        return known
    if "_" not in name:
        return name
    first, *rest = name.split("_")
    return first + "".join([part.capitalize() for part in rest])


def json_path(parts: list[str | int], at: str = "") -> str:
    """Write a path as error messages show it: ``mounts[3].source``, ``linux.sysctl['net.ipv4.ip_forward']``."""
    path = at
    for part in parts:
        if isinstance(part, str) and part.isidentifier():
            path += f".{part}" if path else part
        else:
            path += f"[{part!r}]"
    return path


def shown(value: object) -> str:
    """Describe a wrong value in an error message, in few words whatever its size."""
    if isinstance(value, str):
        return repr(value) if len(value) <= 80 else f"{value[:80]!r}…"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        # A very long integer is not written out: Python refuses to, beyond 4300 digits.
        return str(value) if value.bit_length() <= 256 else "a very large integer"
    if value is None:
        return "null"
    if isinstance(value, _MAPPINGS):
        return "an object"
    return "an array" if isinstance(value, (list, tuple)) else repr(value)


def _encode_value(value: object) -> object:
    if isinstance(value, Record):
        return encode(value)
    if isinstance(value, (list, tuple)):
        return [_encode_value(item) for item in value]
    if isinstance(value, _MAPPINGS):
        return {key: _encode_value(item) for key, item in value.items()}
    return value


def _compile(kind: str, module: str) -> Checker:
    """Return the checker of an annotation as the module means it, made on first use."""
    known = _checkers.get((module, kind))
    if known is not None:
        return known
    plain = kind.removesuffix(" | None")
    check: Checker
    if plain in _SIMPLE:
        check = _SIMPLE[plain]
    elif plain.startswith("Sequence["):
        check = _sequence(_compile(plain[len("Sequence[") : -1], module))
    elif plain.startswith("Mapping[str, "):
        check = _mapping(_compile(plain[len("Mapping[str, ") : -1], module))
    else:
        meaning = getattr(sys.modules[module], plain)
        if isinstance(meaning, type):
            check = _record(meaning)
        elif meaning[0] is int:
            check = _integer(meaning[1], meaning[2])
        else:
            check = _choice(meaning)
    _checkers[module, kind] = check
    return check


def _record(cls: type[Record]) -> Checker:
    known = _records.get(cls)
    if known is not None:
        return known
    fields: dict[str, tuple[str, Checker]] = {}
    required = {name for name in cls.__fields__ if not hasattr(cls, name)}

    def check(value: object) -> Record:
        if not isinstance(value, _MAPPINGS):
            raise Fault(f"expected an object, got {shown(value)}")
        values: dict[str, object] = {}
        key = ""
        try:
            for key, item in value.items():
                if item is None:
                    continue
                field = fields.get(key) or _learn(cls, key, fields)
                if field is not None:
                    values[field[0]] = field[1](item)
        except Fault as fault:
            fault.path.append(key)
            raise
        if required and not required <= values.keys():
            missing = next(name for name in cls.__fields__ if name in required and name not in values)
            raise Fault("required property is missing", json_name(missing))
        record = object.__new__(cls)
        record.__dict__.update(values)
        return record

    _records[cls] = check
    return check


def _learn(cls: type[Record], key: str, fields: dict[str, tuple[str, Checker]]) -> tuple[str, Checker] | None:
    """Add attribute and checker of a property that is met for the first time to the fields; None if it is unknown."""
    if "_" in key:
        return None
    name = _ATTRIBUTES.get(key)
    if name is None:
        name = key if key.islower() else _snake_case(key)
        if name in _JSON_NAMES:  # its own spelling is another
            return None
    if name not in cls.__fields__:
        return None
    # inspect.get_annotations is what RUF063 wants, and inspect costs 15 ms.
    for owner in cls.__mro__:
        annotation = owner.__dict__.get("__annotations__", _NO_ANNOTATIONS).get(name)
        if annotation is not None:
            field = fields[key] = name, _SIMPLE.get(annotation) or _compile(annotation, owner.__module__)
            return field
    raise AssertionError(f"{cls.__name__}.{name} has no annotation")


def _snake_case(key: str) -> str:
    return "".join([f"_{letter.lower()}" if letter.isupper() else letter for letter in key])


def _sequence(check_item: Checker) -> Checker:
    def check(value: object) -> tuple[object, ...]:
        if not isinstance(value, (list, tuple)):
            raise Fault(f"expected an array, got {shown(value)}")
        checked: list[object] = []
        try:
            for item in value:
                checked.append(check_item(item))  # noqa: PERF401 - its length is the index of a fault
        except Fault as fault:
            fault.path.append(len(checked))
            raise
        return tuple(checked)

    return check


def _mapping(check_item: Checker) -> Checker:
    def check(value: object) -> dict[str, object]:
        if not isinstance(value, _MAPPINGS):
            raise Fault(f"expected an object, got {shown(value)}")
        checked: dict[str, object] = {}
        key = ""
        try:
            for key, item in value.items():
                if item is not None:
                    checked[key] = check_item(item)
        except Fault as fault:
            fault.path.append(key)
            raise
        return checked

    return check


def _integer(least: int, greatest: int) -> Checker:
    def check(value: object) -> int:
        if type(value) is not int:
            raise Fault(f"expected an integer, got {shown(value)}")
        if value < least:
            raise Fault(f"expected at least {least}, got {shown(value)}")
        if value > greatest:
            raise Fault(f"expected at most {greatest}, got {shown(value)}")
        return value

    return check


def _choice(choices: tuple[str, ...]) -> Checker:
    def check(value: object) -> str:
        if type(value) is not str or value not in choices:
            raise Fault(f"expected one of {', '.join(choices)}, got {shown(value)}")
        return value

    return check


def _string(value: object) -> str:
    if type(value) is not str:
        raise Fault(f"expected a string, got {shown(value)}")
    return value


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise Fault(f"expected an array, got {shown(value)}")
    try:
        "".join(value)  # checks the types of all items without a loop: seccomp profiles list hundreds of names
    except TypeError:
        position = next(index for index, item in enumerate(value) if not isinstance(item, str))
        raise Fault(f"expected a string, got {shown(value[position])}", position) from None
    return tuple(value)


def _boolean(value: object) -> bool:
    if type(value) is not bool:
        raise Fault(f"expected true or false, got {shown(value)}")
    return value


def _any_integer(value: object) -> int:
    if type(value) is not int:
        raise Fault(f"expected an integer, got {shown(value)}")
    return value


def _number(value: object) -> float:
    if type(value) is not float and type(value) is not int:
        raise Fault(f"expected a number, got {shown(value)}")
    return value


_SIMPLE: dict[str, Checker] = {
    "str": _string,
    "bool": _boolean,
    "int": _any_integer,
    "float": _number,
    "str | None": _string,
    "bool | None": _boolean,
    "Sequence[str]": _strings,
}
