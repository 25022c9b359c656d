"""Cut this process off from the import system; called before the container's files become reachable.

After pivot_root(2) or setns(2) every path leads into the container. A lazy import would then execute the container's
``traceback.py`` with the runtime's rights, and even a traceback would open source files there.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Protocol

    class Reserve(Protocol):
        """A file that may be read late, as ``pyouki.bundle`` is."""

        def hold(self) -> int:
            """Return its descriptor, which is opened by the first call; -1 when it is in memory."""

        def take_into_memory(self) -> None:
            """Read it and close the descriptor."""


_reserves: list[Reserve] = []


def keep(reserve: Reserve) -> None:
    """Name something that this process, or one that it clones, may have to read after it is sealed."""
    _reserves.append(reserve)


def hold() -> list[int]:
    """Open what was named, while it is in reach, if that is not done yet; returns the descriptors."""
    return [fd for reserve in _reserves if (fd := reserve.hold()) >= 0]


def take_into_memory() -> None:
    """Read what was named and close it, before a process waits where the container could reach its descriptors."""
    for reserve in _reserves:
        reserve.take_into_memory()


def seal() -> None:
    """Leave only what is loaded or part of the interpreter to import; a crash tells no more than its kind."""
    hold()
    # What is compiled into the interpreter can stay: no file is looked for.
    machinery = sys.modules["_frozen_importlib"]
    sys.meta_path[:] = machinery.BuiltinImporter, machinery.FrozenImporter
    sys.path.clear()
    sys.path_hooks.clear()
    sys.path_importer_cache.clear()
    sys.dont_write_bytecode = True
    sys.excepthook = _report
    sys.unraisablehook = _ignore


def way_back() -> tuple[Any, ...]:
    """Return what ``undo`` needs: all that the seal changes."""
    lists = sys.path.copy(), sys.path_hooks.copy(), sys.meta_path.copy(), sys.path_importer_cache.copy()
    return *lists, sys.dont_write_bytecode, sys.excepthook, sys.unraisablehook


def undo(way: tuple[Any, ...]) -> None:
    """Undo the seal of a child that shared the memory of this process and has left it."""
    sys.path[:], sys.path_hooks[:], sys.meta_path[:], importers, *rest = way
    sys.path_importer_cache.update(importers)
    sys.dont_write_bytecode, sys.excepthook, sys.unraisablehook = rest


def _report(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
    os.write(2, f"{kind.__name__}: {error}\n".encode(errors="replace"))


def _ignore(_: object) -> None:
    pass
