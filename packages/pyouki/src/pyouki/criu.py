"""What checkpoint and restore have in common on the command line; the work is libcontainer's."""

from __future__ import annotations

from libcontainer import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.table import GlobalOptions


def warn_of_ignored_path(options: GlobalOptions) -> None:
    """Say that ``--criu`` has no effect, as it has none in runc since 1.1: a program named by a caller runs as root."""
    if options.criu != "criu":
        log.warning("--criu %s is ignored: criu is looked up in $PATH", options.criu)
