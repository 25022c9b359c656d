"""Applies a suite's table of known deviations; the tables themselves are beside the tests."""

from __future__ import annotations

import ast
import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

    Table = dict[str, dict[str, str]]


def apply(items: Iterable[pytest.Item], directory: str, runtime: str) -> None:
    """Expect the tests that ``DIRECTORY/differences.py`` lists for a runtime to fail.

    A key is a test id without its directory: of a class, of a test, or of one case with the parameters in brackets. A
    listed test that passes fails the suite. A reason that begins with ``sometimes:`` allows both.
    """
    reasons = table(directory).get(runtime, {})
    for item in items:
        if not str(item.path).startswith(directory + os.sep):
            continue
        case = f"{item.path.name}::{item.nodeid.partition('::')[2]}"
        test = case.partition("[")[0]
        reason = reasons.get(case) or reasons.get(test) or reasons.get(test.rpartition("::")[0])
        if reason is not None:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=not reason.startswith("sometimes:")))


def table(directory: str) -> Table:
    """Return the literal ``DIFFERENCES`` of a suite: runtime → test → reason."""
    with open(os.path.join(directory, "differences.py"), encoding="utf-8") as source:
        tree = ast.parse(source.read())
    for statement in tree.body:
        if isinstance(statement, ast.AnnAssign) and getattr(statement.target, "id", "") == "DIFFERENCES":
            found: Table = ast.literal_eval(statement.value) if statement.value else {}
            return found
    raise LookupError(f"{directory}/differences.py has no DIFFERENCES")
