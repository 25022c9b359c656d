"""The options of kill; what signals there are is for libcontainer."""

from __future__ import annotations

from liboci_cli.options import Command, arg, flag


class Kill(Command, name="kill"):
    """Send a signal to the first process of a container.

    SIGNAL is a number or a name, with or without SIG, in any case.

    Examples:
        kill web
        kill web KILL
        kill --all web 9
        kill --regex 'web-[0-9]+' TERM
    """

    all: bool = flag("--all", "-a", help="send it to all processes of the container")
    regex: bool = flag("--regex", "-r", help="ID is a regular expression; signal all containers that match")
    container_id: str = arg("ID", help="name of the container")
    signal: str = arg("SIGNAL", default="SIGTERM", help="signal to send")
