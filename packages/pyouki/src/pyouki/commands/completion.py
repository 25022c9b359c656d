"""completion: print the completion script of a shell."""

from __future__ import annotations

import sys

from liboci_cli import completion_script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.completion import Completion
    from pyouki.main import Environment


def run(options: Completion, environment: Environment) -> int:
    """Print the script; ``source`` it, or install it where the shell looks for completions."""
    sys.stdout.write(completion_script(options.shell))
    return 0
