"""The command state."""

from __future__ import annotations

from liboci_cli.options import Command, arg


class State(Command, name="state"):
    """Print the state of a container as JSON.

    Examples:
        state web
    """

    container_id: str = arg("ID", help="name of the container")
