"""pyouki under observation: which modules a command loads without a bundle, and which of our functions it calls."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.bundle import as_docker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.bundle import Json

_OBSERVE = Path(__file__).with_name("observe.py")


def as_engines_do(config: Json) -> None:
    """Make a config what engines send: Kubernetes and Podman set some of these limits for every container."""
    as_docker(config, "docker-28.5-limits")
    del config["linux"]["devices"]


def write_script(path: Path, python: Path, packages: Path, calls: Path) -> None:
    """Write a runtime that starts pyouki as its launcher does, tells its imports on stderr and its calls in a file."""
    path.write_text(
        "#!/bin/sh\n"
        f"rm -f {calls}\n"
        f'exec {python} -ISB -X importtime {_OBSERVE} {packages} {calls} "$@"\n'
    )  # fmt: skip
    path.chmod(0o755)


def modules(import_times: str) -> list[str]:
    """Return what was loaded beyond the bare interpreter, in the order in which that was completed."""
    bare = _bare()
    return [name for name in _names(import_times) if name not in bare]


def functions(calls: Iterable[str]) -> dict[str, set[str]]:
    """Return the functions by module; what is part of another one is left out: it is hot or cold with it."""
    called: dict[str, set[str]] = {}
    for line in calls:
        place, _, function = line.partition(" ")
        if "<" not in function:
            module = place.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            called.setdefault(module, set()).add(function)
    return called


def section(title: str, names: Iterable[str], called: dict[str, set[str]]) -> str:
    """Return a section of hot_path.txt: a line for each module, with the functions that were called."""
    lines = (" ".join((name, *sorted(called.get(name, ())))) for name in names)
    return "\n".join((f"[{title}]", *lines)) + "\n\n"


def _names(import_times: str) -> list[str]:
    lines = (line.rpartition("|") for line in import_times.splitlines() if line.startswith("import time:"))
    return [name.strip() for times, _, name in lines if "[us]" not in times]


@functools.cache
def _bare() -> frozenset[str]:
    bare = [sys.executable, "-ISB", "-X", "importtime", "-c", "pass"]
    return frozenset(_names(subprocess.run(bare, capture_output=True, text=True, check=True).stderr))
