"""Who runs workloads that are no programs of the kernel's: built-in and installed executors; not their selection rules.

A package offers one by an entry point of the group ``pyouki.executors`` that names an ``Executor``, or a class that
makes one when called. ``create`` looks here only for containers whose annotations ask for a handler.
"""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from libcontainer.errors import LibcontainerError
from pyouki.workloads.wasmtime import WasmtimeExecutor

if TYPE_CHECKING:
    from libcontainer.executor import Executor

GROUP = "pyouki.executors"


def installed() -> list[Executor]:
    """Return the executors in the order in which they are asked: others' by name, then those of pyouki.

    Raises:
        LibcontainerError: one cannot be imported.
    """
    found = sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name)
    return [*(_load(entry) for entry in found), WasmtimeExecutor()]


def _load(entry: metadata.EntryPoint) -> Executor:
    try:
        loaded: object = entry.load()
        executor: Executor = loaded() if isinstance(loaded, type) else loaded  # type: ignore[assignment]  # its word
    except Exception as error:
        raise LibcontainerError(
            f"load executor {entry.name} ({entry.value}): {type(error).__name__}: {error}",
            object=entry.value,
            hint=f"uninstall or repair the package that offers it in the entry-point group {GROUP}",
        ) from error
    return executor
