"""The command mounts, with its verbs add and remove."""

from __future__ import annotations

from liboci_cli.options import Command, arg


class Mounts(Command, name="mounts"):
    """Attach mounts to a running container, or detach them.

    FILE is a JSON array of mounts, as in config.json.

    Examples:
        mounts add web mounts.json
        mounts remove web mounts.json
    """

    action: str = arg("add|remove", choices=("add", "remove"), help="what to do with the mounts")
    container_id: str = arg("ID", help="name of the container")
    file: str = arg("FILE", help="JSON file")
