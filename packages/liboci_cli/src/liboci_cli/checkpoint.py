"""The options of checkpoint, beside those of ``criu``."""

from __future__ import annotations

from liboci_cli.criu import CriuCommand
from liboci_cli.options import INT32_MAX, flag, opt


class Checkpoint(CriuCommand, name="checkpoint"):
    """Save a running container to files, with CRIU.

    The container is deleted afterwards, unless --leave-running or --pre-dump is given.

    Examples:
        checkpoint --image-path /checkpoints/web web
        checkpoint --leave-running --tcp-established web
    """

    parent_path: str | None = opt(
        "--parent-path",
        metavar="DIR",
        default=None,
        help="directory of an earlier pre-dump, relative to the image path",
    )
    leave_running: bool = flag("--leave-running", help="let the container run on")
    pre_dump: bool = flag("--pre-dump", help="save the memory only and let the container run on")
    tcp_skip_in_flight: bool = flag("--tcp-skip-in-flight", help="leave out TCP connections not yet accepted")
    link_remap: bool = flag("--link-remap", help="allow open files that were deleted")
    status_fd: int = opt(
        "--status-fd",
        metavar="FD",
        default=-1,
        minimum=-1,
        maximum=INT32_MAX,
        help="where CRIU tells that lazy pages are ready",
    )
    page_server: str | None = opt("--page-server", metavar="ADDRESS:PORT", default=None, help="send the pages there")
