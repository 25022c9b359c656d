"""The options of restore, beside those of ``criu``."""

from __future__ import annotations

from liboci_cli.criu import CriuCommand
from liboci_cli.options import INT32_MAX, flag, opt


class Restore(CriuCommand, name="restore"):
    """Restore a container from the files of a checkpoint, with CRIU.

    The container runs at once. The exit status is that of its process, unless detached.

    Examples:
        restore --bundle /bundles/web --image-path /checkpoints/web web
        restore --detach --pid-file /run/web.pid web
    """

    bundle: str = opt(
        "--bundle", "-b", metavar="BUNDLE", default=".", help="directory of the bundle; default: the current directory"
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
        "--no-pivot", help="give criu a root that pivot_root(2) takes, needed when the rootfs is on a ramdisk"
    )
    no_subreaper: bool = flag("--no-subreaper", help="do not adopt orphaned processes while in the foreground")
    tcp_close: bool = flag("--tcp-close", help="restore TCP connections as closed")
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
        help="must be 0: the descriptors are those of the checkpoint",
    )
