"""Cut this process off from the import system; called before the container's files become reachable.

After pivot_root(2) or setns(2) every path leads into the container. A lazy import would then execute the container's
``traceback.py`` with the runtime's rights, and even a traceback would open source files there.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any

_preparations: list[Callable[[], None]] = []


def before_sealing(prepare: Callable[[], None]) -> None:
    """Have something done once before this process, or one that it forks, is sealed: fetching what is needed later."""
    _preparations.append(prepare)


def prepare() -> None:
    """Do now what was asked to be done before sealing, while everything is still in reach."""
    while _preparations:
        _preparations.pop()()


def seal() -> None:
    """Leave only what is loaded or part of the interpreter to import; a crash tells no more than its kind."""
    prepare()
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
