"""The options of ps."""

from __future__ import annotations

from liboci_cli.options import Command, arg, opt, rest


class Ps(Command, name="ps"):
    """List the processes of a container.

    Options stand before ID; all words after it are options of ps(1), for the table only.

    Examples:
        ps web
        ps --format json web
        ps web -o pid,rss,args
    """

    format: str = opt(
        "--format",
        "-f",
        metavar="FORMAT",
        default="table",
        choices=("table", "json"),
        complaint="invalid format option: {}",
        help="table or json",
    )
    container_id: str = arg("ID", help="name of the container")
    ps_options: tuple[str, ...] = rest("PS_OPTION", help="options for ps(1) instead of -ef")
