"""Frozen records that look and type-check like dataclasses; not for validation of foreign data.

Importing ``dataclasses`` costs 14 ms, more than twice a bare interpreter; a Record costs nothing. Type checkers see
``dataclass_transform``, so fields, defaults and constructor arguments are checked as usual::

    class Mapping(Record):
        container_id: int
        host_id: int
        size: int = 1

    Mapping(0, 1000)
    Mapping(container_id=0, host_id=1000, size=5)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Self, dataclass_transform
else:

    def dataclass_transform(**_: object):  # noqa: D103 - the run-time stand-in of typing.dataclass_transform
        return lambda cls: cls


@dataclass_transform(frozen_default=True)
class Record:
    """A value: its annotated class attributes are its fields, in order; equal when all fields are.

    Defaults must be immutable: they stay on the class and are shared. Mixing positional and keyword arguments works as
    with dataclasses; a missing or unknown field is a TypeError, assignment an AttributeError.
    """

    __fields__: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        """Collect the fields: those of the base first, then the annotations of the class itself."""
        own = cls.__dict__.get("__annotations__", {})
        cls.__fields__ = cls.__fields__ + tuple(
            name for name, kind in own.items() if name not in cls.__fields__ and not kind.startswith("ClassVar")
        )

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = self.__fields__
        if len(values) == len(fields) and not named:
            self.__dict__.update(zip(fields, values, strict=True))
            return
        if values:
            if len(values) > len(fields):
                raise TypeError(f"{type(self).__name__} takes {len(fields)} values, got {len(values)}")
            for name, value in zip(fields, values, strict=False):
                if name in named:
                    raise TypeError(f"{type(self).__name__} got {name!r} twice")
                named[name] = value
        for name in fields:
            if name not in named and not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} misses {name!r}")
        if len(named) > len(fields) or not named.keys() <= set(fields):
            raise TypeError(f"{type(self).__name__} has no field {sorted(named.keys() - set(fields))}")
        self.__dict__.update(named)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: cannot set {name!r}")

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__fields__)

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, name) for name in self.__fields__)))

    def __repr__(self) -> str:
        body = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__fields__)
        return f"{type(self).__name__}({body})"

    def replace(self, **changes: Any) -> Self:
        """Return a copy with the named fields changed."""
        values = {name: getattr(self, name) for name in self.__fields__}
        values.update(changes)
        return type(self)(**values)
