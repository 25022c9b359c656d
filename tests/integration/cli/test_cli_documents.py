"""The reference of errors and the table of option tests are complete and true."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from libcontainer import errors
from liboci_cli import COMMANDS, GlobalOptions, load
from tests.integration.cli.option_tests import TESTS

if TYPE_CHECKING:
    from liboci_cli import Parameter

ROOT = Path(__file__).parents[3]
USAGE = "usage"  # the code that pyouki.main gives to a command line that was not understood


def kinds(kind: type[errors.LibcontainerError]) -> set[type[errors.LibcontainerError]]:
    """Return a class of errors and all that derive from it."""
    return {kind}.union(*map(kinds, kind.__subclasses__()))


def test_every_code_is_documented_with_its_exception() -> None:
    section = (ROOT / "docs/reference/errors.md").read_text().partition("## Codes\n")[2]
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in section.splitlines() if "`" in line]

    expected = {kind.code: kind.__name__ for kind in kinds(errors.LibcontainerError)} | {USAGE: ""}
    assert {row[0]: row[1] for row in rows} == expected
    assert [row[0] for row in rows] == sorted(expected)
    assert all(meaning.endswith(".") and remedy for _, _, meaning, remedy in rows)


def parameters() -> list[tuple[str, Parameter]]:
    """Return every option with the name of its command, "" for those before the command."""
    commands = {"": GlobalOptions, **{name: load(COMMANDS, name) for name in COMMANDS}}
    return [
        (name, parameter)
        for name, command in commands.items()
        if command is not None
        for parameter in command.parameters
        if parameter.is_option
    ]


@pytest.mark.parametrize(
    ("command", "parameter"), parameters(), ids=[f"{name} {each.names[0]}".strip() for name, each in parameters()]
)
def test_every_option_has_a_test_that_names_it(command: str, parameter: Parameter) -> None:
    place = TESTS[command][parameter.names[0]]

    file, *names = place.split("::")
    source = (ROOT / "tests" / file).read_text()
    node: ast.Module | ast.ClassDef | ast.FunctionDef = ast.parse(source)
    for name in names:
        (node,) = [
            each for each in node.body if isinstance(each, (ast.ClassDef, ast.FunctionDef)) and each.name == name
        ]
    assert isinstance(node, ast.FunctionDef)
    assert names[-1].startswith("test_")
    assert any(f'"{spelling}' in source or f" {spelling}" in source for spelling in parameter.names)


def test_no_option_is_listed_that_is_gone() -> None:
    listed = {(command, option) for command, options in TESTS.items() for option in options}

    assert listed == {(command, parameter.names[0]) for command, parameter in parameters()}
