"""run: create a container, start it, and stay with it unless told not to."""

from __future__ import annotations

import os

from libcontainer.container import delete, kill, start
from libcontainer.errors import LibcontainerError
from libcontainer.syscall import flags
from libcontainer.syscall.linux import LinuxSyscall
from pyouki.commands.create import create

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.process.create import Created
    from libcontainer.sd_notify import Proxy
    from libcontainer.syscall import Syscall
    from liboci_cli.run import Run
    from pyouki.main import Environment


def run(options: Run, environment: Environment) -> int:
    """Run the container; the exit status is that of its process, or 128 and the number of the signal that killed it."""
    syscall = LinuxSyscall()
    if not options.detach and not options.no_subreaper:
        # Processes that outlive their parents in a container without a pid namespace of its own come to us.
        syscall.prctl(flags.PR_SET_CHILD_SUBREAPER, 1)
    created = create(syscall, options, environment, is_detached=options.detach)
    if options.detach:
        _start(syscall, created, notifies=bool(os.getenv("NOTIFY_SOCKET")))
        return 0
    return stay(syscall, created, keeps=options.keep)


def stay(syscall: Syscall, created: Created, *, keeps: bool = False, is_started: bool = False) -> int:
    """Stand between the caller and a container until it ends; returns its exit status.

    Args:
        syscall: the kernel.
        created: the container, locked; it is started if it is not yet.
        keeps: the container is not deleted in the end.
        is_started: it runs already, because it was restored.
    """
    from libcontainer.foreground import Foreground

    proxy = _proxy(syscall, created)
    foreground = Foreground(syscall, created.master if created.master >= 0 else None, proxy)
    try:
        if not is_started:
            _start(syscall, created)
        # Others may kill, pause or delete it while we wait.
        created.directory.unlock()
        status = foreground.wait(created.state.pid, created.pidfd)
    finally:
        foreground.close()
        if proxy is not None:
            proxy.close()
    if not keeps:
        _delete(syscall, created, None)
    return status


def _start(syscall: Syscall, created: Created, *, notifies: bool = False) -> None:
    """Start the container; if that fails it is deleted: run never leaves half of one."""
    try:
        if notifies:
            from libcontainer import sd_notify

            sd_notify.start(lambda: syscall, created.directory)
        else:
            start.start(lambda: syscall, created.directory)
    except LibcontainerError as error:
        _delete(syscall, created, error)
        raise


def _proxy(syscall: Syscall, created: Created) -> Proxy | None:
    if not os.getenv("NOTIFY_SOCKET"):
        return None
    from libcontainer import sd_notify

    try:
        return sd_notify.open_proxy(created.directory.path)
    except LibcontainerError as error:
        _delete(syscall, created, error)
        raise


def _delete(syscall: Syscall, created: Created, reason: LibcontainerError | None) -> None:
    kill.kill_everything(created.state)
    try:
        os.waitpid(created.state.pid, os.WNOHANG)
    except ChildProcessError:
        pass
    try:
        if reason is None:
            created.directory.lock()
        delete.delete(lambda: syscall, created.directory, force=True)
    except LibcontainerError as error:
        if reason is not None:
            reason.add_note(str(error))
        elif error.code != "container-not-found":  # somebody else has deleted it
            raise
