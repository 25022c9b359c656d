"""Read a well-formed command line in microseconds; not the parser for people, which is typer_app.

``parse`` is strict: it answers None for everything it is not sure of (help, errors, grouped or abbreviated options,
options after arguments), and the same argv then goes to ``typer_app.parse_slowly``. What it does accept, it reads as
Go's flag package and runc do: one dash or two, ``--name value`` or ``--name=value``, ``--flag=false``.
"""

from __future__ import annotations

from liboci_cli.options import REQUIRED
from liboci_cli.table import COMMANDS, GlobalOptions, load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from liboci_cli.options import Command, Parameter
    from liboci_cli.table import Commands

BOOLEANS: dict[str, bool] = {
    "1": True,
    "t": True,
    "T": True,
    "true": True,
    "TRUE": True,
    "True": True,
    "0": False,
    "f": False,
    "F": False,
    "false": False,
    "FALSE": False,
    "False": False,
}
"""The values of flags that strconv.ParseBool of Go knows."""

_UNUSUAL = -1


class Invocation:
    """A command line that was understood.

    Attributes:
        globals: the options before the command.
        command_name: the command, a name in the table.
        options: its options and arguments, an instance of the command's class.
    """

    __slots__ = ("command_name", "globals", "options")

    def __init__(self, globals: GlobalOptions, command_name: str, options: Command) -> None:
        self.globals = globals
        self.command_name = command_name
        self.options = options

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Invocation):
            return NotImplemented
        return (self.globals, self.command_name, self.options) == (other.globals, other.command_name, other.options)

    __hash__ = None  # type: ignore[assignment]  # compared in tests only, never a key

    def __repr__(self) -> str:
        return f"Invocation({self.globals!r}, {self.command_name!r}, {self.options!r})"


def parse(argv: Sequence[str], commands: Commands = COMMANDS) -> Invocation | None:
    """Parse the words after the program's name; None if they are not plainly well-formed."""
    global_values: dict[str, object] = {}
    position = _read_options(GlobalOptions, argv, 0, global_values)
    if position == _UNUSUAL:
        return None
    words = argv[position:]
    if global_values.get("version"):
        words = words or ["version"]
        if words[0] != "version":
            return None
    if not words:
        return None
    command = load(commands, words[0])
    if command is None:
        return None
    values: dict[str, object] = {}
    position = _read_options(command, words, 1, values)
    if position == _UNUSUAL or not _read_arguments(command, words[position:], values):
        return None
    return Invocation(GlobalOptions.of(global_values), words[0], command.of(values))


def read_globals(argv: Sequence[str]) -> GlobalOptions:
    """Return the options before the command up to the first that is not plainly well-formed."""
    values: dict[str, object] = {}
    _read_options(GlobalOptions, argv, 0, values)
    return GlobalOptions.of(values)


def read_value(parameter: Parameter, text: str) -> str | int | None:
    """Convert the text of a value; None if it is not plainly right.

    Integers are ASCII decimals without leading zeros: what Go reads as octal, and what only Python's int() takes, is
    not plain.
    """
    if parameter.is_number:
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 20 or (digits[0] == "0" and digits != "0"):
            return None
        number = int(text)
        return number if parameter.minimum <= number <= parameter.maximum else None
    if parameter.choices and text not in parameter.choices:
        return None
    return text


def _read_options(command: type[Command], argv: Sequence[str], position: int, values: dict[str, object]) -> int:
    """Read options into values up to the first word that is none; return its position, or _UNUSUAL."""
    options = command.options
    while position < len(argv):
        word = argv[position]
        if word[:1] != "-" or word == "-" or word == "--":
            return position
        position += 1
        name, equals, text = word[2 if word[1] == "-" else 1 :].partition("=")
        parameter = options.get(name)
        if parameter is None:
            return _UNUSUAL
        value: object
        if parameter.is_flag:
            value = BOOLEANS.get(text) if equals else True
        else:
            if not equals:
                if position == len(argv):
                    return _UNUSUAL
                text = argv[position]
                position += 1
            value = read_value(parameter, text)
        if value is None:
            return _UNUSUAL
        if parameter.is_multi:
            value = (*values.get(parameter.attribute, ()), value)  # type: ignore[misc]  # a tuple, as set here
        values[parameter.attribute] = value
    return position


def _read_arguments(command: type[Command], words: Sequence[str], values: dict[str, object]) -> bool:
    """Read the words after the options into values; False if they are unusual."""
    may_be_options = True
    if words and words[0] == "--":
        words = words[1:]
        may_be_options = False
    position = 0
    for parameter in command.arguments:
        if parameter.is_rest:
            # From here on everything belongs to somebody else: the process of exec, the options of ps(1).
            values[parameter.attribute] = tuple(words[position:])
            return True
        if position == len(words):
            if parameter.default is REQUIRED:
                return False
            continue
        word = words[position]
        if may_be_options and word[:1] == "-" and word != "-":
            return False
        value = read_value(parameter, word)
        if value is None:
            return False
        values[parameter.attribute] = value
        position += 1
    return position == len(words)
