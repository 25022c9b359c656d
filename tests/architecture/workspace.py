"""What the tests of this directory look at: the packages, their metadata and their parsed modules."""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("libcgroups", "libcontainer", "liboci_cli", "libseccomp", "pyouki")


@dataclass(frozen=True)
class Module:
    """One module of a package."""

    path: Path
    tree: ast.Module

    def __str__(self) -> str:
        """Return the path below the packages' src directories."""
        return str(self.path).rpartition("/src/")[2]

    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Return the functions and methods, inner ones too."""
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]

    def imported(self) -> set[str]:
        """Return the dotted names it imports from anywhere, type checkers' imports included."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
        return found


@cache
def modules() -> tuple[Module, ...]:
    """Return every module of the five packages."""
    paths = sorted(path for name in PACKAGES for path in (ROOT / "packages" / name / "src").rglob("*.py"))
    return tuple(_parsed(path) for path in paths)


def metadata(package: str) -> dict[str, Any]:
    """Return the table ``project`` of a package's pyproject.toml."""
    project: dict[str, Any] = tomllib.loads((ROOT / "packages" / package / "pyproject.toml").read_text())["project"]
    return project


def _parsed(path: Path) -> Module:
    return Module(path, ast.parse(path.read_text(encoding="utf-8"), str(path)))
