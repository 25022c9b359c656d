"""The options of restore."""

from __future__ import annotations

from liboci_cli.options import INT32_MAX, Command, arg, flag, opt


class Restore(Command, name="restore"):
    """Restore a container from the files of a checkpoint, with CRIU.

    The container runs at once. The exit status is that of its process, unless detached.

    Examples:
        restore --bundle /bundles/web --image-path /checkpoints/web web
        restore --detach --pid-file /run/web.pid web
    """

    bundle: str = opt(
        "--bundle", "-b", metavar="BUNDLE", default=".", help="directory of the bundle; default: the current directory"
    )
    image_path: str = opt("--image-path", metavar="DIR", default="checkpoint", help="directory of the image files")
    work_path: str | None = opt(
        "--work-path", metavar="DIR", default=None, help="directory of CRIU's logs and other files"
    )
    console_socket: str | None = opt(
        "--console-socket",
        metavar="SOCKET",
        default=None,
        help="AF_UNIX socket that receives the master end of the terminal",
    )
    pid_file: str | None = opt("--pid-file", metavar="FILE", default=None, help="write the process id to FILE")
    detach: bool = flag("--detach", "-d", help="return as soon as the container runs")
    no_pivot: bool = flag(
        "--no-pivot", help="move the root mount instead of pivot_root(2), needed when the rootfs is on a ramdisk"
    )
    no_subreaper: bool = flag("--no-subreaper", help="do not adopt orphaned processes while in the foreground")
    tcp_established: bool = flag("--tcp-established", help="allow open TCP connections")
    ext_unix_sk: bool = flag("--ext-unix-sk", help="allow Unix sockets whose other end is outside")
    shell_job: bool = flag("--shell-job", help="allow processes with the terminal of a shell")
    file_locks: bool = flag("--file-locks", help="keep file locks")
    tcp_close: bool = flag("--tcp-close", help="restore TCP connections as closed")
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
    lsm_profile: str | None = opt(
        "--lsm-profile", metavar="TYPE:NAME", default=None, help="LSM profile to restore with"
    )
    lsm_mount_context: str | None = opt(
        "--lsm-mount-context", metavar="CONTEXT", default=None, help="mount context to restore with"
    )
    # conmon passes the options of create to restore as well.
    no_new_keyring: bool = flag("--no-new-keyring", hidden=True, help="keep the session keyring of the caller")
    preserve_fds: int = opt(
        "--preserve-fds",
        metavar="N",
        default=0,
        minimum=0,
        maximum=INT32_MAX,
        hidden=True,
        help="pass N file descriptors on, from 3 (after those of $LISTEN_FDS)",
    )
    container_id: str = arg("ID", help="name of the container")
