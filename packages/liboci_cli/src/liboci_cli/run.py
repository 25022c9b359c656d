"""The options of run: those of create, and how to wait."""

from __future__ import annotations

from liboci_cli.create import Create
from liboci_cli.options import flag


class Run(Create, name="run"):
    """Create a container and start it; wait for it unless detached.

    The exit status is that of the container's process, or 128 and the number of the signal that killed it.

    Examples:
        run --bundle /bundles/web web
        run --detach --pid-file /run/web.pid web
    """

    detach: bool = flag("--detach", "-d", help="return as soon as the process is started")
    keep: bool = flag("--keep", help="do not delete the container when it exits")
