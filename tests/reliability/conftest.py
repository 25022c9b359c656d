"""The reliability suite's own set-up: the fault injector, and what runc and crun are known to leave behind."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support import differences, host, runtime
from tests.support.runtime import Caller, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.runtime import Result, Runtime

_SOURCE = os.path.join(os.path.dirname(__file__), "killat.c")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Expect the failures that differences.py lists for the runtime under test."""
    differences.apply(items, os.path.dirname(__file__), runtime.kind(os.environ.get("RUNTIME", "pyouki")))


@dataclass(frozen=True)
class Struck:
    """A command that was hit: its result, and how many calls were seen until its end."""

    result: Result
    seen: int
    was_hit: bool


class Killat:
    """Runs one command of a runtime and makes it stumble at a chosen system call."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._counts: dict[str, int] = {}

    def __call__(
        self, runtime: Runtime, *args: str, at: int, kill: str = "parent", error: int = 0, children_only: bool = False
    ) -> Struck:
        """Kill ``parent``, ``self`` or ``all`` at the ``at``-th changing call, or let that call fail with an errno."""
        report = os.path.join(runtime.work, "killat")
        how = ["-e", str(error)] if error else ["-w", kill]
        how += ["-c"] if children_only else []
        caller = Caller(prefix=[self._program, "-o", report, "-n", str(at), *how])
        result = runtime(*args, caller=caller, timeout_s=25)
        seen, hit = (int(word) for word in read(report).split())
        return Struck(result, seen, hit >= 0)

    def count(self, key: str, measure: Callable[[], Struck]) -> int:
        """Return how many changing calls a command makes; ``measure`` runs it once, later the number is remembered."""
        if key not in self._counts:
            self._counts[key] = measure().seen
        return self._counts[key]


@pytest.fixture(scope="session")
def killat(session_directory: str) -> Killat:
    """The fault injector, compiled."""
    host.require("gcc")
    if platform.machine() != "x86_64":
        pytest.skip("killat knows the registers of x86_64 only")
    program = os.path.join(session_directory, "killat")
    subprocess.run(["gcc", "-O1", "-Wall", "-Werror", "-o", program, _SOURCE], check=True)
    return Killat(program)
