"""The form of the sources: lengths, docstrings, names, and what libraries must not do. Linters check the rest."""

from __future__ import annotations

import ast
import tokenize
from typing import TYPE_CHECKING

from tests.architecture.workspace import PACKAGES, ROOT, modules

if TYPE_CHECKING:
    from pathlib import Path

MAX_LINES = 600
MAX_FUNCTION_LINES = 60
MEANINGLESS_NAMES = {"base", "common", "core", "helper", "helpers", "misc", "shared", "tools", "util", "utils"}
# Public names of youki's libcgroups, kept so that its users are at home.
KEPT_NAMES = {"libcgroups/common.py"}
LIBRARIES = ("libcgroups", "libcontainer", "liboci_cli", "libseccomp")


def test_no_file_is_longer_than_600_lines() -> None:
    own = [path for top in ("bench", "packages", "tests") for path in (ROOT / top).rglob("*.py")]

    too_long = {_name(path): length for path in own if (length := _lines(path)) > MAX_LINES}

    assert too_long == {}


def test_no_function_is_longer_than_60_lines() -> None:
    too_long = [
        f"{module}:{function.lineno} {function.name}"
        for module in modules()
        for function in module.functions()
        if _length(function) > MAX_FUNCTION_LINES
    ]

    assert too_long == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(module) for module in modules() if not ast.get_docstring(module.tree)]

    assert silent == []


def test_every_directory_of_a_package_is_a_package() -> None:
    directories = {module.path.parent for module in modules()}

    assert [_name(directory) for directory in sorted(directories) if not (directory / "__init__.py").exists()] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    found = {str(module) for module in modules() if module.path.stem in MEANINGLESS_NAMES}

    assert found - KEPT_NAMES == set()


def test_libraries_neither_print_nor_exit() -> None:
    found = [
        f"{module}:{call.lineno} {ast.unparse(call.func)}"
        for module in modules()
        if str(module).startswith(LIBRARIES)
        for call in ast.walk(module.tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) in {"print", "sys.exit", "exit", "quit", "breakpoint"}
    ]

    assert found == []


def test_no_module_uses_ctypes() -> None:
    assert [str(module) for module in modules() if "ctypes" in module.imported()] == []


def test_no_module_asks_for_the_version_of_the_kernel() -> None:
    found = [
        f"{module}:{node.lineno}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.uname().release", "platform.release"}
    ]

    assert found == []


def test_no_test_uses_mocks() -> None:
    tests = [path for top in ("packages", "tests") for path in (ROOT / top).rglob("test_*.py")]
    banned = ("unittest." + "mock", "mocker" + ".", "Magic" + "Mock")

    assert {_name(path): word for path in tests for word in banned if word in path.read_text()} == {}


def test_work_that_is_left_over_names_its_issue() -> None:
    found = []
    for module in modules():
        with module.path.open("rb") as source:
            comments = [token for token in tokenize.tokenize(source.readline) if token.type == tokenize.COMMENT]
        found += [
            f"{module}:{comment.start[0]}"
            for comment in comments
            if "FIXME" in comment.string or "XXX" in comment.string
        ]
        found += [
            f"{module}:{comment.start[0]}"
            for comment in comments
            if "TODO" in comment.string and "TODO(issue " not in comment.string
        ]

    assert found == []


def test_every_package_has_what_an_index_and_a_type_checker_want() -> None:
    wanted = ("LICENSE", "README.md", "pyproject.toml", "tests", "src/{}/py.typed", "src/{}/__init__.py")

    missing = [
        f"{package}/{file.format(package)}"
        for package in PACKAGES
        for file in wanted
        if not (ROOT / "packages" / package / file.format(package)).exists()
    ]

    assert missing == []


def test_the_module_names_of_a_test_run_are_unique() -> None:
    names: dict[str, list[str]] = {}
    for path in (ROOT / "packages").rglob("test_*.py"):
        if "tests" in path.parts:
            names.setdefault(path.name, []).append(_name(path))

    assert {name: paths for name, paths in names.items() if len(paths) > 1} == {}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of the body; a long list of documented parameters makes no function hard to follow."""
    first = function.body[1:2] if ast.get_docstring(function) else function.body[:1]
    return (function.end_lineno or 0) - first[0].lineno + 1 if first else 0


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())
