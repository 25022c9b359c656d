"""The slow parser: every other spelling, errors as data, help."""

from __future__ import annotations

import os
import pty
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from liboci_cli import help_page
from liboci_cli.create import Create
from liboci_cli.exec import Exec
from liboci_cli.kill import Kill
from liboci_cli.parse import Invocation
from liboci_cli.table import COMMANDS, GlobalOptions, load
from liboci_cli.typer_app import Outcome, UsageError, make_app, parse_slowly

if TYPE_CHECKING:
    from liboci_cli.options import Command

ALL_COMMANDS: list[type[Command]] = [command for name in COMMANDS if (command := load(COMMANDS, name))]
WITH_EXAMPLES: list[type[Command]] = [GlobalOptions, *ALL_COMMANDS]
EXAMPLES = [example for command in WITH_EXAMPLES for example in help_page.read_docstring(command)[1]]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("create web --bundle /x", Create(bundle="/x", container_id="web")),
        ("create web -bundle=/x", Create(bundle="/x", container_id="web")),
        ("kill web KILL -a", Kill(all=True, container_id="web", signal="KILL")),
        ("exec -dt web sh", Exec(detach=True, tty=True, container_id="web", args=("sh",))),
        ("exec -dt -t=false web", Exec(detach=True, container_id="web")),
        ("exec -u0:0 -tdeA=1 web", Exec(user="0:0", tty=True, detach=True, env=("A=1",), container_id="web")),
        ("create --preserve-fds 0x10 web", Create(preserve_fds=16, container_id="web")),
        ("create --preserve-fds 010 web", Create(preserve_fds=8, container_id="web")),
        ("create --preserve-fds +1_0 web", Create(preserve_fds=10, container_id="web")),
        ("-- create -- web", Create(container_id="web")),
    ],
)
def test_spellings_of_go_and_gnu_are_understood(line: str, expected: Command) -> None:
    assert parse_slowly(line.split()) == Invocation(GlobalOptions(), expected.command_name, expected)


@pytest.mark.parametrize(
    ("line", "exit_code", "message", "hint"),
    [
        ("create", 1, '"create" requires exactly 1 argument(s)', "see pyouki create --help"),
        ("create a b", 1, '"create" requires exactly 1 argument(s)', "see pyouki create --help"),
        ("list x", 1, '"list" requires exactly 0 argument(s)', "see pyouki list --help"),
        ("kill", 1, '"kill" requires a minimum of 1 argument(s)', "see pyouki kill --help"),
        ("kill a b c", 1, '"kill" requires a maximum of 2 argument(s)', "see pyouki kill --help"),
        ("ps", 1, '"ps" requires a minimum of 1 argument(s)', "see pyouki ps --help"),
        ("exec", 255, '"exec" requires a minimum of 1 argument(s)', "see pyouki exec --help"),
        ("create --zz a", 1, "flag provided but not defined: -zz", "see pyouki create --help"),
        ("create --bundel /b a", 1, "flag provided but not defined: -bundel", "did you mean --bundle?"),
        ("exec -tX a", 255, "flag provided but not defined: -tX", "see pyouki exec --help"),
        ("--rot /x list", 1, "flag provided but not defined: -rot", "did you mean --root?"),
        ("create --bundle", 1, "flag needs an argument: -bundle", "see pyouki create --help"),
        ("exec --tty=maybe a", 255, 'invalid boolean value "maybe" for -tty: parse error', "see pyouki exec --help"),
        (
            "create --preserve-fds x a",
            1,
            'invalid value "x" for flag -preserve-fds: parse error',
            "see pyouki create --help",
        ),
        (
            "create --preserve-fds -1 a",
            1,
            'invalid value "-1" for flag -preserve-fds: value out of range',
            "it must be from 0 to 2147483647",
        ),
        ("--log-format xml list", 1, "invalid log-format: xml", "choose from text, json"),
        ("list --format xml", 1, "invalid format option: xml", "choose from table, json"),
        ("completion -s tcsh", 1, 'invalid value "tcsh" for flag -shell', "choose from bash, zsh, fish"),
        ("mounts change a f", 1, 'invalid value "change" for add|remove', "choose from add, remove"),
        ("creat a", 1, 'unknown command "creat"', "did you mean create?"),
        ("xyz", 1, 'unknown command "xyz"', "see pyouki --help"),
        ("help creat", 1, 'no help topic for "creat"', "did you mean create?"),
        ("\x1b[2J", 1, 'unknown command "\\x1b[2J"', "see pyouki --help"),
    ],
)
def test_errors_say_what_runc_says_and_what_to_do(line: str, exit_code: int, message: str, hint: str) -> None:
    outcome = parse_slowly(line.split())

    assert isinstance(outcome, Outcome)
    assert outcome.error is not None
    assert (outcome.exit_code, outcome.error.message, outcome.error.hint) == (exit_code, message, hint)
    assert outcome.stderr == f"{message}\nusage: {outcome.error.usage}\nhint: {hint}\n"
    assert outcome.stdout == ""


def test_an_error_of_a_command_keeps_the_global_options_because_the_log_needs_them() -> None:
    outcome = parse_slowly(["--log", "/l", "--log-format", "json", "create"])

    assert outcome == Outcome(
        1,
        "",
        '"create" requires exactly 1 argument(s)\n'
        "usage: pyouki [GLOBAL OPTIONS] create [OPTIONS] ID\n"
        "hint: see pyouki create --help\n",
        UsageError(
            '"create" requires exactly 1 argument(s)',
            "see pyouki create --help",
            "pyouki [GLOBAL OPTIONS] create [OPTIONS] ID",
            "create",
        ),
        GlobalOptions(log="/l", log_format="json"),
    )


@pytest.mark.parametrize("command", ALL_COMMANDS, ids=lambda command: command.command_name)
@pytest.mark.parametrize("width", [40, 80, 100])
def test_every_command_has_a_page_that_fits(command: type[Command], width: int) -> None:
    name = command.command_name

    by_option = parse_slowly([name, "--help"], width=width, color=False)
    by_topic = parse_slowly(["help", name], width=width, color=False)

    assert isinstance(by_option, Outcome)
    assert by_option == by_topic
    prose = by_option.stdout.replace("Examples:", "\0").partition("\0")[0]
    assert max(map(len, prose.splitlines())) <= width
    assert "Examples:" in by_option.stdout
    assert "\x1b" not in by_option.stdout


def test_a_page_shows_all_options_but_the_hidden_ones() -> None:
    outcome = parse_slowly(["update", "-h"], width=100)

    assert isinstance(outcome, Outcome)
    assert "--memory-swap SIZE" in outcome.stdout
    assert "--kernel-memory" not in outcome.stdout


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"], ["help"], ["h"], ["--debug", "-?"]], ids=" ".join)
def test_the_overview_lists_all_commands(argv: list[str]) -> None:
    outcome = parse_slowly(argv, width=80, color=False)

    assert isinstance(outcome, Outcome)
    assert outcome.exit_code == 0
    shown = [command.command_name for command in ALL_COMMANDS if not command.is_hidden]
    assert [name for name in shown if f"\n  {name} " not in outcome.stdout] == []
    assert max(map(len, outcome.stdout.splitlines())) <= 80


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_true(example: str) -> None:
    words = [word for word in shlex.split(example) if word != "<" and not word.endswith("resources.json")]
    if ">" in words:
        words = words[: words.index(">")]

    assert isinstance(parse_slowly(words), Invocation)


def test_headings_are_bold_on_a_terminal_only() -> None:
    code = "from liboci_cli.typer_app import parse_slowly; print(parse_slowly(['--help']).stdout)"
    environment = {"TERM": "xterm", "COLUMNS": "60"}
    controller, terminal = pty.openpty()
    try:
        subprocess.run([sys.executable, "-c", code], stdout=terminal, env=environment, check=True)
        on_terminal = os.read(controller, 4096)
    finally:
        os.close(controller)
        os.close(terminal)
    in_pipe = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment, check=True).stdout

    assert b"\x1b[1mCommands of the specification:\x1b[0m" in on_terminal
    assert b"\x1b" not in in_pipe
    assert max(map(len, in_pipe.decode().splitlines())) <= 60


def test_the_application_runs_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    handled: list[Invocation] = []
    app = make_app(handled.append)

    app(["state", "web"], standalone_mode=False)
    with pytest.raises(SystemExit) as exit_of_exec:
        app(["exec"])

    assert [invocation.command_name for invocation in handled] == ["state"]
    assert exit_of_exec.value.code == 255
    assert '"exec" requires a minimum of 1 argument(s)' in capsys.readouterr().err
