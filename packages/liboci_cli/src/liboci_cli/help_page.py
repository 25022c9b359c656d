"""Render help pages from the tables, as plain text of a given width; typer shows them, see typer_app."""

from __future__ import annotations

from textwrap import dedent, fill, wrap
from typing import TYPE_CHECKING

from liboci_cli.options import REQUIRED
from liboci_cli.table import STANDARD, GlobalOptions, load

if TYPE_CHECKING:
    from collections.abc import Iterable

    from liboci_cli.options import Command, Parameter
    from liboci_cli.table import Commands

Row = tuple[str, str]

HELP_ROW: Row = ("--help, -h", "show this page")
COLUMN_MAX = 30
"""Widest left column; a longer entry gets a line of its own."""


class Page:
    """A text under construction: paragraphs and sections that fit a width."""

    def __init__(self, width: int, color: bool) -> None:
        self.width = max(width, 40)
        self.color = color
        self._parts: list[str] = []

    def text(self, paragraph: str) -> None:
        """Add a paragraph, filled anew."""
        self._parts.append(fill(" ".join(paragraph.split()), self.width))

    def rows(self, title: str, rows: Iterable[Row]) -> None:
        """Add a section of two columns."""
        rows = list(rows)
        widest = min(COLUMN_MAX, self.width // 2, max(len(left) for left, _ in rows))
        lines = [self._title(title)]
        for left, right in rows:
            wrapped = wrap(right, self.width - widest - 4) or [""]
            if len(left) > widest:
                lines.append(f"  {left}")
                left = ""
            lines.append(f"  {left:<{widest}}  {wrapped[0]}".rstrip())
            lines += [" " * (widest + 4) + line for line in wrapped[1:]]
        self._parts.append("\n".join(lines))

    def verbatim(self, title: str, lines: Iterable[str]) -> None:
        """Add a section whose lines are for copying, so they are never wrapped."""
        self._parts.append("\n".join([self._title(title), *(f"  {line}" for line in lines)]))

    def __str__(self) -> str:
        return "\n\n".join(self._parts) + "\n"

    def _title(self, title: str) -> str:
        return f"\x1b[1m{title}:\x1b[0m" if self.color else f"{title}:"


def command_page(command: type[Command], program: str, width: int, color: bool) -> str:
    """Return the help page of one command."""
    page = Page(width, color)
    description, examples = read_docstring(command)
    page.text(f"usage: {usage(command, program)}")
    for paragraph in description:
        page.text(paragraph)
    if command.arguments:
        page.rows("Arguments", ((_argument_text(p), _describe(p)) for p in command.arguments))
    page.rows("Options", [*_option_rows(command), HELP_ROW])
    if examples:
        page.verbatim("Examples", (f"{program} {line}" for line in examples))
    page.text(f"Options of all commands stand before {command.command_name}: see {program} --help.")
    return str(page)


def overview_page(commands: Commands, program: str, width: int, color: bool) -> str:
    """Return the help page of the program: its commands and the options before them."""
    page = Page(width, color)
    page.text(f"usage: {usage_of_all(program)}")
    page.text("Create and control containers as the OCI runtime specification says.")
    shown = [(name, command) for name in commands if (command := load(commands, name)) and not command.is_hidden]
    for title, in_section in (("Commands of the specification", True), ("More commands", False)):
        rows = [(name, summary(command)) for name, command in shown if (name in STANDARD) is in_section]
        if rows:
            page.rows(title, rows)
    page.rows("Global options", [*_option_rows(GlobalOptions), HELP_ROW])
    page.verbatim("Examples", (f"{program} {line}" for line in read_docstring(GlobalOptions)[1]))
    page.text(f"More about a command: {program} COMMAND --help.")
    return str(page)


def usage(command: type[Command], program: str) -> str:
    """Return the one line that shows how a command is called."""
    words = [program, "[GLOBAL OPTIONS]", command.command_name, "[OPTIONS]", *map(_argument_text, command.arguments)]
    if not command.options:
        words.remove("[OPTIONS]")
    return " ".join(words)


def usage_of_all(program: str) -> str:
    """Return the one line that shows how the program is called."""
    return f"{program} [GLOBAL OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]"


def summary(command: type[Command]) -> str:
    """Return the first line of a command's docstring, without its period."""
    return (command.__doc__ or "").partition("\n")[0].rstrip(".")


def read_docstring(command: type[Command]) -> tuple[list[str], list[str]]:
    """Split a command's docstring into the paragraphs of its description and the lines of its examples."""
    first, _, body = (command.__doc__ or "").partition("\n")
    description, _, examples = dedent(body).partition("Examples:\n")
    paragraphs = [first, *description.split("\n\n")]
    return (
        [paragraph for paragraph in paragraphs if paragraph.strip()],
        [line.strip() for line in examples.splitlines() if line.strip()],
    )


def _argument_text(parameter: Parameter) -> str:
    text = f"{parameter.metavar}..." if parameter.is_rest else parameter.metavar
    return text if parameter.default is REQUIRED else f"[{text}]"


def _option_rows(command: type[Command]) -> list[Row]:
    return [
        (" ".join(filter(None, (", ".join(p.names), p.metavar))), _describe(p))
        for p in command.parameters
        if p.is_option and not p.hidden
    ]


def _describe(parameter: Parameter) -> str:
    is_default_worth_telling = (
        not parameter.is_flag and parameter.default not in (REQUIRED, None, (), "") and "default:" not in parameter.help
    )
    return f"{parameter.help} (default: {parameter.default})" if is_default_worth_telling else parameter.help
