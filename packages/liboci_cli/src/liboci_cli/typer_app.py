"""The typer application made from the tables: help, errors and every spelling that ``parse`` does not take.

Importing it costs many times what a whole container command may, so nothing imports it for a well-formed command line.
``parse_slowly`` prints nothing and never exits: what its caller should print and return is an Outcome.
"""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from inspect import Parameter as SignatureParameter
from inspect import Signature
from io import StringIO
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from liboci_cli import help_page
from liboci_cli.options import REQUIRED
from liboci_cli.parse import Invocation, read_globals
from liboci_cli.respell import Refusal, check_arity, go_value, respell, suggest
from liboci_cli.table import COMMANDS, GlobalOptions, load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from liboci_cli.options import Command, Parameter
    from liboci_cli.table import Commands

# Typer's own classes of contexts, commands and formatters are private: they are Any here.

EXEC_FAILED = 255
"""Exit code of exec when it is exec itself that fails, so that 1 is left to the process; as runc and ssh do."""

WIDTH_MAX = 100


@dataclass(frozen=True, slots=True)
class UsageError:
    """Why a command line cannot be run.

    Attributes:
        message: for the log; the words of runc where runc has some.
        hint: what may have been meant, or where to read more.
        usage: how the command is called.
        command_name: the command, empty if it was not reached.
    """

    message: str
    hint: str
    usage: str
    command_name: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to print and return instead of running a command.

    Attributes:
        exit_code: 0 for help; 1 for an error, 255 if it is one of exec.
        stdout: text for standard output: help.
        stderr: text for standard error, the message of the error first.
        error: the error as data, None for help.
        globals: the options before the command as far as they were understood, for they tell where the log goes.
    """

    exit_code: int
    stdout: str = ""
    stderr: str = ""
    error: UsageError | None = None
    globals: GlobalOptions = field(default_factory=GlobalOptions)


class CommandLineError(typer.BadParameter):
    """A Refusal on its way through typer, which would show it and exit where nobody else does."""

    exit_code = 1

    def __init__(self, refusal: Refusal, command: type[Command]) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.command = command
        if command.command_name == "exec":
            self.exit_code = EXEC_FAILED

    def format_message(self) -> str:
        """Return the message alone, without typer's words before it."""
        return self.refusal.message


def parse_slowly(
    argv: Sequence[str],
    commands: Commands = COMMANDS,
    program: str = "pyouki",
    width: int | None = None,
    color: bool | None = None,
) -> Invocation | Outcome:
    """Parse any command line; equal to ``parse`` wherever that answers.

    Args:
        argv: the words after the program's name.
        commands: the table of commands.
        program: what help calls the program.
        width: of the help page in columns; None asks the terminal.
        color: whether headings are bold; None asks the terminal, and $NO_COLOR.
    """
    invocations: list[Invocation] = []
    understood: list[GlobalOptions] = []
    app = make_app(invocations.append, commands, on_globals=understood.append)
    width = width or min(shutil.get_terminal_size().columns, WIDTH_MAX)
    color = _is_color_wanted() if color is None else color
    help_text = StringIO()
    try:
        with redirect_stdout(help_text):
            typer.main.get_command(app).main(
                list(argv),
                prog_name=program,
                standalone_mode=False,
                terminal_width=width,
                color=color,
            )
    except CommandLineError as error:
        return _refused(error, program, understood[0] if understood else read_globals(argv))
    if invocations:
        return invocations[0]
    return Outcome(0, stdout=help_text.getvalue(), globals=understood[0] if understood else GlobalOptions())


def make_app(
    handle: Callable[[Invocation], object],
    commands: Commands = COMMANDS,
    on_globals: Callable[[GlobalOptions], object] = bool,
) -> typer.Typer:
    """Return the tables as a typer application; run it with ``app()``, it prints and exits as those do.

    Args:
        handle: called with a command line that was understood.
        commands: the table of commands.
        on_globals: called with the options before the command, before the command's own are looked at.
    """
    found: list[GlobalOptions] = []

    def keep_globals(options: GlobalOptions) -> None:
        found.append(options)
        on_globals(options)

    def call(command: type[Command], options: Command) -> None:
        handle(Invocation(found[-1], command.command_name, options))

    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback(cls=_group_class(commands, call))(_callback(GlobalOptions, keep_globals))
    return app


def _group_class(commands: Commands, call: Callable[[type[Command], Any], None]) -> type[TyperGroup]:
    """Return the class of the group: it reads global options as Go does and makes a command when it is asked for."""

    class Group(TyperGroup):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            try:
                options, arguments = respell(GlobalOptions, args, stop_at_word=True)
                options, arguments = _turn_help_around(commands, options, arguments)
            except Refusal as refusal:
                raise CommandLineError(refusal, GlobalOptions) from None
            return super().parse_args(ctx, [*options, "--", *arguments])

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            command = load(commands, cmd_name)
            if command is None:
                raise CommandLineError(
                    Refusal(f'unknown command "{cmd_name}"', suggest(cmd_name, commands)), GlobalOptions
                )
            return _make_command(command, partial(call, command))

        def list_commands(self, ctx: Any) -> list[str]:
            return list(commands)

        def format_help(self, ctx: Any, formatter: Any) -> None:
            formatter.write(
                help_page.overview_page(commands, ctx.command_path, formatter.width, bool(ctx.color)).rstrip("\n")
            )

    return Group


def _turn_help_around(commands: Commands, options: list[str], arguments: list[str]) -> tuple[list[str], list[str]]:
    """Turn ``help create`` into ``create --help``, no command into ``--help``, and --version into a command."""
    if "--version" in options:
        return options, ["version"]
    if not arguments:
        return ["--help"], []
    if arguments[0] not in ("help", "h"):
        return options, arguments
    if len(arguments) == 1:
        return ["--help"], []
    topic = arguments[1]
    if topic not in commands:
        raise Refusal(f'no help topic for "{topic}"', suggest(topic, commands))
    return options, [topic, "--help"]


def _make_command(command: type[Command], call: Callable[[Any], None]) -> Any:
    """Return a command of the tables as typer's own kind of command."""

    class OciCommand(TyperCommand):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            try:
                options, arguments = respell(command, args, stop_at_word=_has_rest(command))
                if "--help" not in options:
                    check_arity(command, arguments)
            except Refusal as refusal:
                raise CommandLineError(refusal, command) from None
            return super().parse_args(ctx, [*options, "--", *arguments])

        def format_help(self, ctx: Any, formatter: Any) -> None:
            page = help_page.command_page(command, _program(ctx), formatter.width, bool(ctx.color))
            formatter.write(page.rstrip("\n"))

    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(command.command_name, cls=OciCommand)(_callback(command, call))
    return typer.main.get_command(app)


def _callback(command: type[Command], call: Callable[[Any], object]) -> Callable[..., None]:
    """Return a function with the signature that typer reads, which calls with an instance of the command."""

    def callback(**values: Any) -> None:
        given = {name: value for name, value in values.items() if value is not None}
        for parameter in command.parameters:
            if parameter.is_multi and parameter.attribute in given:
                given[parameter.attribute] = tuple(given[parameter.attribute])
        call(command.of(given))

    signature = [_signature_parameter(command, parameter) for parameter in command.parameters]
    callback.__signature__ = Signature(signature)  # type: ignore[attr-defined]  # what inspect.signature() looks at
    callback.__annotations__ = {parameter.name: parameter.annotation for parameter in signature}
    return callback


def _signature_parameter(command: type[Command], parameter: Parameter) -> SignatureParameter:
    kind: Any
    if parameter.is_flag:
        # With only positive names: typer would invent --no-NAME.
        return SignatureParameter(
            parameter.attribute,
            SignatureParameter.KEYWORD_ONLY,
            default=False,
            annotation=Annotated[bool, typer.Option(*parameter.names, hidden=parameter.hidden)],
        )
    reader = partial(_read, command, parameter)
    kind = list[str] if parameter.is_multi else str
    info = typer.Option(*parameter.names, parser=reader) if parameter.is_option else typer.Argument(parser=reader)
    is_required = parameter.default is REQUIRED
    return SignatureParameter(
        parameter.attribute,
        SignatureParameter.KEYWORD_ONLY,
        default=SignatureParameter.empty if is_required else None,
        annotation=Annotated[kind if is_required else kind | None, info],
    )


def _read(command: type[Command], parameter: Parameter, text: str) -> str | int:
    try:
        return go_value(parameter, text)
    except Refusal as refusal:
        raise CommandLineError(refusal, command) from None


def _has_rest(command: type[Command]) -> bool:
    return any(parameter.is_rest for parameter in command.arguments)


def _program(ctx: Any) -> str:
    return str(ctx.find_root().info_name)


def _is_color_wanted() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _refused(error: CommandLineError, program: str, understood: GlobalOptions) -> Outcome:
    name = error.command.command_name
    hint = error.refusal.hint or f"see {' '.join(filter(None, (program, name, '--help')))}"
    line = help_page.usage(error.command, program) if name else help_page.usage_of_all(program)
    stderr = f"{error.refusal.message}\nusage: {line}\nhint: {hint}\n"
    return Outcome(error.exit_code, "", stderr, UsageError(error.refusal.message, hint, line, name), understood)
