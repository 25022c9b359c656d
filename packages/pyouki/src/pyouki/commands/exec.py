"""exec: run another process in a container."""

from __future__ import annotations

import os

from libcontainer import descriptors
from libcontainer.container import store
from libcontainer.errors import ArgumentError
from libcontainer.oci import load
from libcontainer.oci.spec import LinuxCapabilities
from libcontainer.oci.validate import validate_process
from libcontainer.process import exec as process_exec
from libcontainer.syscall.linux import LinuxSyscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.oci.spec import Process, Spec
    from libcontainer.process.exec import Executed
    from libcontainer.syscall import Syscall
    from liboci_cli.exec import Exec
    from pyouki.main import Environment

_ID_MAX = 2**32 - 2


def run(options: Exec, environment: Environment) -> int:
    """Run the process; the exit status is its own, 128 and a signal's number, or 255 if it could not be run."""
    syscall = LinuxSyscall()
    directory = store.ContainerDirectory(environment.root, options.container_id)
    directory.require()
    spec = load.complete(load.parse(directory.read(store.CONFIG_FILE)))
    process = _process(options, spec)
    validate_process(process)
    executed = process_exec.execute(
        syscall,
        directory,
        spec,
        process,
        process_exec.ExecOptions(
            root=environment.root,
            console_socket=os.path.abspath(options.console_socket) if options.console_socket else "",
            pid_file=os.path.abspath(options.pid_file) if options.pid_file else "",
            pidfd_socket=os.path.abspath(options.pidfd_socket) if options.pidfd_socket else "",
            preserve_fds=options.preserve_fds,
            listen_fds=descriptors.listen_fds(),
            ignores_paused=options.ignore_paused,
            sub_cgroups=options.cgroup,
            is_detached=options.detach,
            successor=environment.successor,
        ),
    )
    return 0 if options.detach else _stay(syscall, executed)


def _stay(syscall: Syscall, executed: Executed) -> int:
    from libcontainer.foreground import Foreground

    foreground = Foreground(syscall, executed.master if executed.master >= 0 else None)
    try:
        return foreground.wait(executed.pid, executed.pidfd)
    finally:
        foreground.close()


def _process(options: Exec, spec: Spec) -> Process:
    """Return the process of --process, or the container's own changed by the options."""
    if options.process:
        return load.load_process(os.path.abspath(options.process))
    if not options.args:
        raise ArgumentError("exec args cannot be empty", hint="name a program after the id, or give --process")
    own = spec.process
    if own is None:
        raise ArgumentError("the container has no process to take after", hint="give --process")
    changes: dict[str, object] = {
        "args": list(options.args),
        "terminal": options.tty,
        "env": [*own.env, *options.env],
        "no_new_privileges": options.no_new_privs or own.no_new_privileges,
    }
    if options.cwd:
        changes["cwd"] = options.cwd
    if options.apparmor:
        changes["apparmor_profile"] = options.apparmor
    if options.process_label:
        changes["selinux_label"] = options.process_label
    user = own.user
    if options.user is not None:
        uid, gid = _ids(options.user)
        user = user.replace(uid=uid, gid=user.gid if gid is None else gid)
    if options.additional_gids:
        user = user.replace(additional_gids=[*user.additional_gids, *options.additional_gids])
    changes["user"] = user
    if options.cap:
        changes["capabilities"] = _with(own.capabilities or LinuxCapabilities(), options.cap)
    return own.replace(**changes)


def _ids(text: str) -> tuple[int, int | None]:
    """Parse UID[:GID]: decimal numbers and nothing else, for a misread user may be root."""
    parts = text.split(":")
    valid = len(parts) <= 2 and all(part.isascii() and part.isdigit() and int(part) <= _ID_MAX for part in parts)
    if not valid:
        raise ArgumentError(
            f"invalid --user {text!r}", object=text, hint=f"expected UID or UID:GID, numbers from 0 to {_ID_MAX}"
        )
    return int(parts[0]), int(parts[1]) if len(parts) == 2 else None


def _with(own: LinuxCapabilities, added: tuple[str, ...]) -> LinuxCapabilities:
    """Add capabilities to the sets that count; to the ambient one only what is inheritable, or exec would fail."""
    inheritable = own.inheritable or ()
    return own.replace(
        bounding=[*(own.bounding or ()), *added],
        effective=[*(own.effective or ()), *added],
        permitted=[*(own.permitted or ()), *added],
        ambient=[*(own.ambient or ()), *(name for name in added if name in inheritable)],
    )
