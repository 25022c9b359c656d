"""Bring the spellings of Go (runc) and of GNU (crun) into the one that typer reads; finds what no table knows.

Go: ``-bundle /x``, ``-bundle=/x``, ``--b /x``, ``--tty=false``. GNU: ``-dt``, ``-u0``. The result has long
options only, each value joined to its option, and no flag that was taken back.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from liboci_cli.options import REQUIRED
from liboci_cli.parse import BOOLEANS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from liboci_cli.options import Command, Parameter

HELP_NAMES = ("help", "h", "?", "usage")
"""Options that ask for help, those of argp (crun) too."""


class Refusal(Exception):
    """Words that cannot be understood.

    Attributes:
        message: what is wrong, in runc's words where runc has some.
        hint: what may have been meant; empty if nobody knows.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        # argv may hold anything: keep control characters and lone surrogates away from terminals and logs.
        self.message = message if message.isprintable() else repr(message)[1:-1]
        super().__init__(self.message)
        self.hint = hint


def respell(command: type[Command], argv: Sequence[str], *, stop_at_word: bool) -> tuple[list[str], list[str]]:
    """Respell the options of a command.

    Args:
        command: whose options these are.
        argv: the words after the command's name.
        stop_at_word: leave everything from the first argument on as it is.

    Returns:
        The options respelt (only ``--help`` if help is asked for), and the arguments.

    Raises:
        Refusal: an option is not known, or its value is missing or no boolean.
    """
    flags: dict[str, bool] = {}
    options: list[str] = []
    arguments: list[str] = []
    words = list(argv)
    while words:
        word = words.pop(0)
        if word == "--":
            return _join(flags, options), arguments + words
        if word[:1] != "-" or word == "-":
            arguments.append(word)
            if stop_at_word:
                return _join(flags, options), arguments + words
            continue
        name, equals, text = word[2 if word[:2] == "--" else 1 :].partition("=")
        parameter = command.options.get(name)
        if parameter is None:
            if name in HELP_NAMES:
                return ["--help"], []
            words[:0] = _ungroup(command, word, name)
        elif parameter.is_flag:
            flags[parameter.names[0]] = _boolean(name, text) if equals else True
        else:
            if not equals and not words:
                raise Refusal(f"flag needs an argument: -{name}")
            options.append(f"{parameter.names[0]}={text if equals else words.pop(0)}")
    return _join(flags, options), arguments


def check_arity(command: type[Command], arguments: Sequence[str]) -> None:
    """Check the number of arguments.

    Raises:
        Refusal: there are too few or too many.
    """
    least = sum(parameter.default is REQUIRED for parameter in command.arguments)
    most = None if any(parameter.is_rest for parameter in command.arguments) else len(command.arguments)
    if least == most and len(arguments) != least:
        raise Refusal(f'"{command.command_name}" requires exactly {least} argument(s)')
    if len(arguments) < least:
        raise Refusal(f'"{command.command_name}" requires a minimum of {least} argument(s)')
    if most is not None and len(arguments) > most:
        raise Refusal(f'"{command.command_name}" requires a maximum of {most} argument(s)')


def go_value(parameter: Parameter, text: str) -> str | int:
    """Convert the text of a value, an integer as strconv.ParseInt with base 0 does: 0x1f, 0b11, 0o17, 017, 1_000.

    Raises:
        Refusal: it is no integer, out of range, or none of the choices.
    """
    if not parameter.is_number:
        if parameter.choices and text not in parameter.choices:
            complaint = parameter.complaint or f'invalid value "{{}}" for {_name_in_error(parameter)}'
            raise Refusal(complaint.replace("{}", text), f"choose from {', '.join(parameter.choices)}")
        return text
    number = _go_integer(text)
    if number is None:
        raise Refusal(f'invalid value "{text}" for {_name_in_error(parameter)}: parse error')
    if not parameter.minimum <= number <= parameter.maximum:
        raise Refusal(
            f'invalid value "{text}" for {_name_in_error(parameter)}: value out of range',
            f"it must be from {parameter.minimum} to {parameter.maximum}",
        )
    return number


def suggest(word: str, candidates: Iterable[str]) -> str:
    """Return a hint that names the candidate most like a word, or an empty text."""
    matches = get_close_matches(word, list(candidates), n=1, cutoff=0.7)
    return f"did you mean {matches[0]}?" if matches else ""


def _join(flags: dict[str, bool], options: list[str]) -> list[str]:
    return [name for name, is_set in flags.items() if is_set] + options


def _ungroup(command: type[Command], word: str, name: str) -> list[str]:
    """Split the first letter from a group of short options: -dt into -d and -t, -u0 into -u=0."""
    first = command.options.get(name[:1])
    if word[:2] == "--" or len(name) < 2 or first is None:
        raise Refusal(f"flag provided but not defined: -{name}", _suggest_option(command, name))
    if not first.is_flag:
        return [f"-{word[1]}={word[2:]}"]
    following = command.options.get(name[1])
    if following is None:
        raise Refusal(f"flag provided but not defined: -{name}", _suggest_option(command, name))
    return [word[:2], f"-{word[2:]}"]


def _suggest_option(command: type[Command], name: str) -> str:
    shown: list[Parameter] = [p for p in command.parameters if p.is_option and not p.hidden]
    return suggest(f"--{name}", [spelling for p in shown for spelling in p.names if spelling.startswith("--")])


def _boolean(name: str, text: str) -> bool:
    value = BOOLEANS.get(text)
    if value is None:
        raise Refusal(f'invalid boolean value "{text}" for -{name}: parse error')
    return value


def _go_integer(text: str) -> int | None:
    """Return the integer that Go reads in a text, None if it reads none."""
    sign, digits = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    if not digits[:1].isdigit() or not digits.isascii():
        return None
    if digits[0] == "0" and digits[1:].replace("_", "").isdigit():
        digits = f"0o{digits[1:].removeprefix('_')}"
    try:
        return sign * int(digits, 0)
    except ValueError:
        return None


def _name_in_error(parameter: Parameter) -> str:
    return f"flag -{parameter.names[0].lstrip('-')}" if parameter.is_option else parameter.metavar
