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
    from liboci_cli.run import Run

    from libcontainer.process.create import Created
    from libcontainer.syscall import Syscall
    from pyouki.main import Environment


def run(options: Run, environment: Environment) -> int:
    """Run the container; the exit status is that of its process, or 128 and the number of the signal that killed it."""
    syscall = LinuxSyscall()
    if not options.detach and not options.no_subreaper:
        # Processes that outlive their parents in a container without a pid namespace of its own come to us.
        syscall.prctl(flags.PR_SET_CHILD_SUBREAPER, 1)
    created = create(syscall, options, environment, is_detached=options.detach)
    if options.detach:
        _start(syscall, created)
        return 0
    return _stay(syscall, created, keeps=options.keep)


def _start(syscall: Syscall, created: Created) -> None:
    """Start the container; if that fails it is deleted: run never leaves half of one."""
    try:
        start.start(syscall, created.directory)
    except LibcontainerError as error:
        _delete(syscall, created, error)
        raise


def _stay(syscall: Syscall, created: Created, *, keeps: bool) -> int:
    from libcontainer.foreground import Foreground

    foreground = Foreground(syscall, created.master if created.master >= 0 else None)
    try:
        _start(syscall, created)
        # Others may kill, pause or delete it while we wait.
        created.directory.unlock()
        status = foreground.wait(created.state.pid, created.pidfd)
    finally:
        foreground.close()
    if not keeps:
        _delete(syscall, created, None)
    return status


def _delete(syscall: Syscall, created: Created, reason: LibcontainerError | None) -> None:
    kill.kill_everything(created.state)
    try:
        os.waitpid(created.state.pid, os.WNOHANG)
    except ChildProcessError:
        pass
    try:
        if reason is None:
            created.directory.lock()
        delete.delete(syscall, created.directory, force=True)
    except LibcontainerError as error:
        if reason is not None:
            reason.add_note(str(error))
        elif error.code != "container-not-found":  # somebody else has deleted it
            raise
