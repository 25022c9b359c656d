"""The options of exec."""

from __future__ import annotations

from liboci_cli.options import INT32_MAX, UINT32_MAX, Command, arg, flag, opt, rest


class Exec(Command, name="exec"):
    """Run another process in a running container.

    Options stand before ID; all words after it are the command, handed over untouched. The exit status is that of
    the command, or 128 and the number of the signal that killed it; 255 if it could not be run.

    Examples:
        exec web ls -l /
        exec --tty --env TERM=xterm web sh
        exec --process process.json --detach --pid-file /run/sh.pid web
    """

    process: str | None = opt(
        "--process", "-p", metavar="FILE", default=None, help="read the process from FILE, JSON as in config.json"
    )
    cwd: str | None = opt("--cwd", metavar="DIR", default=None, help="working directory, a path in the container")
    env: tuple[str, ...] = opt("--env", "-e", metavar="NAME=VALUE", default=(), help="set a variable; repeatable")
    tty: bool = flag("--tty", "-t", help="give the process a terminal")
    user: str | None = opt("--user", "-u", metavar="UID[:GID]", default=None, help="user and group, as numbers")
    additional_gids: tuple[int, ...] = opt(
        "--additional-gids",
        "-g",
        metavar="GID",
        default=(),
        minimum=0,
        maximum=UINT32_MAX - 1,
        help="supplementary group; repeatable",
    )
    cap: tuple[str, ...] = opt(
        "--cap", "-c", metavar="CAPABILITY", default=(), help="add a capability, such as CAP_NET_RAW; repeatable"
    )
    no_new_privs: bool = flag("--no-new-privs", help="set no_new_privs, so that no execve(2) can gain privileges")
    apparmor: str | None = opt("--apparmor", metavar="PROFILE", default=None, help="AppArmor profile of the process")
    process_label: str | None = opt(
        "--process-label", metavar="LABEL", default=None, help="SELinux label of the process"
    )
    detach: bool = flag("--detach", "-d", help="return as soon as the process runs")
    pid_file: str | None = opt("--pid-file", metavar="FILE", default=None, help="write the process id to FILE")
    console_socket: str | None = opt(
        "--console-socket",
        metavar="SOCKET",
        default=None,
        help="AF_UNIX socket that receives the master end of the terminal",
    )
    pidfd_socket: str | None = opt(
        "--pidfd-socket", metavar="SOCKET", default=None, help="AF_UNIX socket that receives a pidfd of the process"
    )
    preserve_fds: int = opt(
        "--preserve-fds",
        metavar="N",
        default=0,
        minimum=0,
        maximum=INT32_MAX,
        help="pass N file descriptors on, from 3 (after those of $LISTEN_FDS)",
    )
    cgroup: tuple[str, ...] = opt(
        "--cgroup",
        metavar="[CONTROLLER[,...]:]PATH",
        default=(),
        help="existing cgroup below the container's; repeatable for cgroup v1",
    )
    ignore_paused: bool = flag("--ignore-paused", help="allow it in a paused container, where it waits for resume")
    container_id: str = arg("ID", help="name of the container")
    args: tuple[str, ...] = rest("COMMAND", help="program and its arguments")
