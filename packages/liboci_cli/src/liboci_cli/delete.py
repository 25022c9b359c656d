"""The options of delete."""

from __future__ import annotations

from liboci_cli.options import Command, arg, flag


class Delete(Command, name="delete"):
    """Delete a stopped container and all that was made for it.

    Examples:
        delete web
        delete --force web
        delete --force --regex 'web-[0-9]+'
    """

    force: bool = flag("--force", "-f", help="kill it first if it still runs; succeed if it does not exist")
    regex: bool = flag("--regex", "-r", help="ID is a regular expression; delete all containers that match")
    container_id: str = arg("ID", help="name of the container")
