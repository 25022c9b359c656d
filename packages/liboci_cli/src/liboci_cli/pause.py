"""The command pause."""

from __future__ import annotations

from liboci_cli.options import Command, arg


class Pause(Command, name="pause"):
    """Freeze all processes of a container.

    Examples:
        pause web
    """

    container_id: str = arg("ID", help="name of the container")
