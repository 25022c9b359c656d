"""The command behind --version."""

from __future__ import annotations

from liboci_cli.options import Command


class Version(Command, name="version", hidden=True):
    """Print the version.

    Examples:
        version
    """
