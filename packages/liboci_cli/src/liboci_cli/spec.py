"""The options of spec."""

from __future__ import annotations

from liboci_cli.options import Command, flag, opt


class Spec(Command, name="spec"):
    """Write a config.json to start from.

    Examples:
        spec
        spec --bundle /bundles/web --rootless
    """

    bundle: str = opt(
        "--bundle", "-b", metavar="BUNDLE", default=".", help="directory to write it to; default: the current directory"
    )
    file: str = opt("--file", "-f", metavar="FILE", default="config.json", help="name of the file")
    rootless: bool = flag("--rootless", help="for a container of an unprivileged user")
