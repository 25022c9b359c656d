"""The command resume."""

from __future__ import annotations

from liboci_cli.options import Command, arg


class Resume(Command, name="resume"):
    """Let a paused container go on.

    Examples:
        resume web
    """

    container_id: str = arg("ID", help="name of the container")
