"""The options of list."""

from __future__ import annotations

from liboci_cli.options import Command, flag, opt


class List(Command, name="list"):
    """List the containers under the root directory.

    Examples:
        list
        list --format json
        list --quiet
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
    quiet: bool = flag("--quiet", "-q", help="print the ids only")
