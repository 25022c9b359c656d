"""The options of completion; the scripts are in completion_scripts."""

from __future__ import annotations

from liboci_cli.options import Command, opt


class Completion(Command, name="completion"):
    """Print a script that completes this command line in a shell.

    Examples:
        completion --shell bash > /etc/bash_completion.d/pyouki
        completion -s zsh > ~/.zfunc/_pyouki
        completion -s fish > ~/.config/fish/completions/pyouki.fish
    """

    shell: str = opt(
        "--shell", "-s", metavar="SHELL", default="bash", choices=("bash", "zsh", "fish"), help="bash, zsh or fish"
    )
