"""The options of checkpoint."""

from __future__ import annotations

from liboci_cli.options import INT32_MAX, Command, arg, flag, opt


class Checkpoint(Command, name="checkpoint"):
    """Save a running container to files, with CRIU.

    The container is deleted afterwards, unless --leave-running or --pre-dump is given.

    Examples:
        checkpoint --image-path /checkpoints/web web
        checkpoint --leave-running --tcp-established web
    """

    image_path: str = opt("--image-path", metavar="DIR", default="checkpoint", help="directory of the image files")
    work_path: str | None = opt(
        "--work-path", metavar="DIR", default=None, help="directory of CRIU's logs and other files"
    )
    parent_path: str | None = opt(
        "--parent-path",
        metavar="DIR",
        default=None,
        help="directory of an earlier pre-dump, relative to the image path",
    )
    leave_running: bool = flag("--leave-running", help="let the container run on")
    pre_dump: bool = flag("--pre-dump", help="save the memory only and let the container run on")
    tcp_established: bool = flag("--tcp-established", help="allow open TCP connections")
    ext_unix_sk: bool = flag("--ext-unix-sk", help="allow Unix sockets whose other end is outside")
    shell_job: bool = flag("--shell-job", help="allow processes with the terminal of a shell")
    file_locks: bool = flag("--file-locks", help="keep file locks")
    tcp_skip_in_flight: bool = flag("--tcp-skip-in-flight", help="leave out TCP connections not yet accepted")
    link_remap: bool = flag("--link-remap", help="allow open files that were deleted")
    manage_cgroups_mode: str | None = opt(
        "--manage-cgroups-mode",
        metavar="MODE",
        default=None,
        choices=("soft", "full", "strict", "ignore"),
        complaint="invalid manage-cgroups-mode: {}",
        help="what to do with cgroups: soft, full, strict or ignore",
    )
    network_lock: str | None = opt(
        "--network-lock",
        metavar="METHOD",
        default=None,
        choices=("iptables", "nftables", "skip"),
        complaint="invalid network-lock: {}",
        help="how to lock the network: iptables, nftables or skip",
    )
    lazy_pages: bool = flag("--lazy-pages", help="load memory pages when they are touched, with userfaultfd(2)")
    empty_ns: tuple[str, ...] = opt(
        "--empty-ns",
        metavar="NAMESPACE",
        default=(),
        choices=("network",),
        complaint="namespace {} is not supported",
        help="make this namespace, but do not fill it; only network",
    )
    auto_dedup: bool = flag("--auto-dedup", help="remove memory images that are duplicates")
    status_fd: int = opt(
        "--status-fd",
        metavar="FD",
        default=-1,
        minimum=-1,
        maximum=INT32_MAX,
        help="where CRIU tells that lazy pages are ready",
    )
    page_server: str | None = opt("--page-server", metavar="ADDRESS:PORT", default=None, help="send the pages there")
    container_id: str = arg("ID", help="name of the container")
