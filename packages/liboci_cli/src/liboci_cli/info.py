"""The command info."""

from __future__ import annotations

from liboci_cli.options import Command


class Info(Command, name="info"):
    """Report what this host offers to containers.

    Examples:
        info
    """
