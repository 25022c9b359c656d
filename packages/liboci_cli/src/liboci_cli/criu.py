"""The options that checkpoint and restore share: what CRIU is told by both."""

from __future__ import annotations

from liboci_cli.options import Command, arg, flag, opt


class CriuCommand(Command):
    """Base of the commands that run CRIU."""

    image_path: str = opt("--image-path", metavar="DIR", default="checkpoint", help="directory of the image files")
    work_path: str | None = opt(
        "--work-path", metavar="DIR", default=None, help="directory of CRIU's logs and other files"
    )
    tcp_established: bool = flag("--tcp-established", help="allow open TCP connections")
    ext_unix_sk: bool = flag("--ext-unix-sk", help="allow Unix sockets whose other end is outside")
    shell_job: bool = flag("--shell-job", help="allow processes with the terminal of a shell")
    file_locks: bool = flag("--file-locks", help="keep file locks")
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
    container_id: str = arg("ID", help="name of the container")
