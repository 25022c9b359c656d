"""The command start."""

from __future__ import annotations

from liboci_cli.options import Command, arg


class Start(Command, name="start"):
    """Start the process of a created container.

    Examples:
        start web
    """

    container_id: str = arg("ID", help="name of the container")
