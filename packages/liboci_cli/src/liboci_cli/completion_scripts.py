"""Write completion scripts for bash, zsh and fish from the tables; not installed by anybody but the user.

The scripts know all commands and options by themselves. They start the program only for the ids of containers.
"""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from liboci_cli.help_page import summary
from liboci_cli.table import COMMANDS, GlobalOptions, load

if TYPE_CHECKING:
    from collections.abc import Iterable

    from liboci_cli.options import Command, Parameter
    from liboci_cli.table import Commands

NEW_ID_COMMANDS = ("create", "run", "restore")
"""Commands whose ID is that of a container to come, so that there is nothing to offer."""


def completion_script(shell: str, program: str = "pyouki", commands: Commands = COMMANDS) -> str:
    """Return the script that completes a program's command line.

    Args:
        shell: bash, zsh or fish.
        program: the name that is completed; letters, digits, - and _.
        commands: the table of commands.

    Raises:
        ValueError: there is no script for this shell.
    """
    writers = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    if shell not in writers:
        raise ValueError(f"completion for {shell!r}: choose from {', '.join(writers)}")
    classes = [command for name in commands if (command := load(commands, name)) and not command.is_hidden]
    return writers[shell](program, classes)


_BASH = """\
# bash completion of {program}

{function}_values() {{
    case "$1" in
{values}
        *) return 1 ;;
    esac
}}

{function}() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD - 1]}}"
    local command="" index=1 words="" root=()
    [[ $word == = ]] && word=""
    [[ $previous == = ]] && previous="${{COMP_WORDS[COMP_CWORD - 2]}}"
    while ((index < COMP_CWORD)); do
        case "${{COMP_WORDS[index]}}" in
            {global_values})
                [[ ${{COMP_WORDS[index + 1]}} == = ]] && ((index++))
                ((index++))
                [[ ${{COMP_WORDS[index - 1]}} == {root} || ${{COMP_WORDS[index - 2]}} == {root} ]] &&
                    root=(--root "${{COMP_WORDS[index]}}")
                ;;
            -*) ;;
            *) command="${{COMP_WORDS[index]}}" && break ;;
        esac
        ((index++))
    done
    COMPREPLY=()
    {function}_values "$command $previous" && return
    case "$command" in
{cases}
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}}

complete -o default -F {function} {program}
"""


def _bash(program: str, classes: list[type[Command]]) -> str:
    function = f"_{program.replace('-', '_')}"
    global_values = "|".join(name for p in _shown(GlobalOptions) if not p.is_flag for name in p.names)
    values: list[str] = []
    with_values: list[type[Command]] = [GlobalOptions, *classes]
    for command in with_values:
        for p in _shown(command):
            if not p.is_flag:
                pattern = "|".join(quote(f"{command.command_name} {name}") for name in p.names)
                values.append(f"        {pattern}) {_bash_value(p)} ;;")
    cases: list[str] = []
    for command in classes:
        offered = " ".join([*_spellings(command), *_argument_choices(command)])
        ids = ' $("${COMP_WORDS[0]}" "${root[@]}" list --quiet 2>/dev/null)' if _takes_existing_id(command) else ""
        cases.append(f'        {command.command_name}) words="{offered}{ids}" ;;')
    names = " ".join([*(command.command_name for command in classes), "help", *_spellings(GlobalOptions)])
    cases.append(f'        "" | help) words="{names}" ;;')
    return _BASH.format(
        program=program,
        function=function,
        values="\n".join(values),
        global_values=global_values,
        root="@(--root|-r)",
        cases="\n".join(cases),
    )


def _bash_value(parameter: Parameter) -> str:
    if parameter.choices:
        return f'mapfile -t COMPREPLY < <(compgen -W "{" ".join(parameter.choices)}" -- "$word")'
    kind = _file_kind(parameter)
    return {
        "directory": 'mapfile -t COMPREPLY < <(compgen -d -- "$word")',
        "file": 'mapfile -t COMPREPLY < <(compgen -f -- "$word")',
    }.get(kind, ":")


_ZSH = """\
#compdef {program}

{function}_containers() {{
    local -a ids
    ids=(${{(f)"$($service list --quiet 2>/dev/null)"}})
    _describe container ids
}}

{function}() {{
    local curcontext="$curcontext" state line
    local -a commands
    typeset -A opt_args
    _arguments -C \\
{globals}
        '1:command:->command' \\
        '*::argument:->argument'
    case $state in
        command)
            commands=(
{commands}
            )
            _describe command commands
            ;;
        argument)
            case $words[1] in
{cases}
            esac
            ;;
    esac
}}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    {function} "$@"
else
    compdef {function} {program}
fi
"""


def _zsh(program: str, classes: list[type[Command]]) -> str:
    function = f"_{program.replace('-', '_')}"
    cases: list[str] = []
    for command in classes:
        specs = [_zsh_option(p) for p in _shown(command)]
        for position, p in enumerate(command.arguments, 1):
            action = f"({' '.join(p.choices)})" if p.choices else _zsh_file_action(p)
            if p.metavar == "ID" and _takes_existing_id(command):
                action = f"{function}_containers"
            specs.append(quote(f"{'*' if p.is_rest else position}:{p.metavar.replace(':', ' ')}:{action}"))
        body = " \\\n                    ".join(["_arguments", *specs]) if specs else ":"
        cases.append(f"                {command.command_name})\n                    {body}\n                    ;;")
    described = [f"                {quote(f'{c.command_name}:{summary(c)}')}" for c in classes]
    return _ZSH.format(
        program=program,
        function=function,
        globals="\n".join(f"        {_zsh_option(p)} \\" for p in _shown(GlobalOptions)),
        commands="\n".join(described),
        cases="\n".join(cases),
    )


def _zsh_option(parameter: Parameter) -> str:
    help_text = parameter.help.replace("[", "(").replace("]", ")")
    value = ""
    if not parameter.is_flag:
        action = f"({' '.join(parameter.choices)})" if parameter.choices else _zsh_file_action(parameter)
        value = f":{parameter.metavar.replace(':', ' ').replace('[', '(').replace(']', ')')}:{action}"
    exclusive = "*" if parameter.is_multi else f"({' '.join(parameter.names)})"
    return " ".join(
        # The = after a long name: its value may be joined to it or be the next word.
        quote(f"{exclusive}{name}{'=' if value and name.startswith('--') else ''}[{help_text}]{value}")
        for name in parameter.names
    )


def _zsh_file_action(parameter: Parameter) -> str:
    return {"directory": "_files -/", "file": "_files"}.get(_file_kind(parameter), "")


def _fish(program: str, classes: list[type[Command]]) -> str:
    start = f"complete -c {program}"
    lines = [f"# fish completion of {program}", f"{start} -f"]
    lines += [f"{start} -n __fish_use_subcommand {_fish_option(p)}" for p in _shown(GlobalOptions)]
    for command in classes:
        lines.append(f"{start} -n __fish_use_subcommand -a {command.command_name} -d {_fish_quote(summary(command))}")
    for command in classes:
        here = f"{start} -n '__fish_seen_subcommand_from {command.command_name}'"
        lines += [f"{here} {_fish_option(p)}" for p in _shown(command)]
        if choices := _argument_choices(command):
            lines.append(f"{here} -a '{' '.join(choices)}'")
        if _takes_existing_id(command):
            lines.append(f"{here} -a '({program} list --quiet 2>/dev/null)' -d container")
        if any(_file_kind(p) for p in command.arguments):
            lines.append(f"{here} -F")
    return "\n".join(lines) + "\n"


def _fish_option(parameter: Parameter) -> str:
    words = [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in parameter.names]
    if parameter.choices:
        words.append(f"-x -a '{' '.join(parameter.choices)}'")
    elif not parameter.is_flag:
        words.append(
            {"directory": "-x -a '(__fish_complete_directories)'", "file": "-r -F"}.get(_file_kind(parameter), "-x")
        )
    return " ".join([*words, "-d", _fish_quote(parameter.help)])


def _fish_quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _shown(command: type[Command]) -> list[Parameter]:
    return [parameter for parameter in command.parameters if parameter.is_option and not parameter.hidden]


def _spellings(command: type[Command]) -> Iterable[str]:
    return [name for parameter in _shown(command) for name in parameter.names if name.startswith("--")] + ["--help"]


def _argument_choices(command: type[Command]) -> list[str]:
    return [choice for parameter in command.arguments for choice in parameter.choices]


def _takes_existing_id(command: type[Command]) -> bool:
    return command.command_name not in NEW_ID_COMMANDS and any(p.metavar == "ID" for p in command.arguments)


def _file_kind(parameter: Parameter) -> str:
    """Return what a value names, going by the last word of its metavar."""
    last = parameter.metavar.split(":")[-1]
    if last in ("DIR", "BUNDLE"):
        return "directory"
    return "file" if last in ("FILE", "PATH", "SOCKET") else ""
