"""The options of create; run has them too."""

from __future__ import annotations

from liboci_cli.options import INT32_MAX, Command, arg, flag, opt


class Create(Command, name="create"):
    """Create a container; its process waits for start.

    BUNDLE is a directory with config.json and the root filesystem. ID is letters, digits and _ + . - and names the
    container in all other commands.

    Examples:
        create --bundle /bundles/web --pid-file /run/web.pid web
        create --bundle /bundles/web --console-socket /run/console.sock web
    """

    bundle: str = opt(
        "--bundle", "-b", metavar="BUNDLE", default=".", help="directory of the bundle; default: the current directory"
    )
    config: str | None = opt(
        "--config", "-f", metavar="FILE", default=None, help="read FILE instead of config.json in the bundle"
    )
    console_socket: str | None = opt(
        "--console-socket",
        "-c",
        metavar="SOCKET",
        default=None,
        help="AF_UNIX socket that receives the master end of the terminal",
    )
    pidfd_socket: str | None = opt(
        "--pidfd-socket", metavar="SOCKET", default=None, help="AF_UNIX socket that receives a pidfd of the process"
    )
    pid_file: str | None = opt("--pid-file", "-p", metavar="FILE", default=None, help="write the process id to FILE")
    no_pivot: bool = flag(
        "--no-pivot", help="move the root mount instead of pivot_root(2), needed when the rootfs is on a ramdisk"
    )
    no_new_keyring: bool = flag("--no-new-keyring", help="keep the session keyring of the caller")
    preserve_fds: int = opt(
        "--preserve-fds",
        metavar="N",
        default=0,
        minimum=0,
        maximum=INT32_MAX,
        help="pass N file descriptors on, from 3 (after those of $LISTEN_FDS)",
    )
    no_subreaper: bool = flag("--no-subreaper", help="do not adopt orphaned processes while in the foreground")
    container_id: str = arg("ID", help="name of the new container")
