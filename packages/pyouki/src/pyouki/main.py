"""From a command line to an exit status: parse, choose the command, report the one error that came of it."""

from __future__ import annotations

import os
import posix
import sys

from libcontainer import descriptors
from libcontainer.errors import LibcontainerError, SyscallError
from liboci_cli.parse import parse
from pyouki import log as log_module
from pyouki import root_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from liboci_cli.options import Command
    from liboci_cli.parse import Invocation
    from liboci_cli.table import GlobalOptions
    from pyouki.log import Log

FAILURE = 1
EXEC_FAILURE = 255
"""exec ends with this when it is exec itself that failed, as runc does and ssh: other statuses are the program's."""


class Environment:
    """What a command gets beside its own options.

    Attributes:
        globals: the options before the command.
        log: where records go.
        root: the directory of all containers.
        is_rootless: whether missing permissions over cgroups are forgiven.
        successor: this command line, interpreter and all, see ``libcontainer.process.aftermath``.
    """

    __slots__ = ("globals", "is_rootless", "log", "root", "successor")

    def __init__(self, options: GlobalOptions, log: Log) -> None:
        self.globals = options
        self.log = log
        self.successor = tuple(sys.orig_argv)
        self.root = root_path.determine(options.root)
        self.is_rootless = root_path.is_rootless() if options.rootless == "auto" else options.rootless == "true"


def run(argv: Sequence[str]) -> int:
    """Run one command line and return the exit status."""
    invocation = parse(argv)
    if invocation is None:
        answer = _parse_slowly(argv)
        if isinstance(answer, int):
            return answer
        invocation = answer
    name = invocation.command_name
    log = None
    try:
        # First of all: descriptors of our own must not be taken for those that the caller passes.
        descriptors.check_preserved(getattr(invocation.options, "preserve_fds", 0) + descriptors.listen_fds())
        log = log_module.open_log(invocation.globals)
        return _dispatch(name, invocation.options, Environment(invocation.globals, log))
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - the one place where errors end
        log_module.report(log or _open_log(invocation.globals), _described(error, name))
        return EXEC_FAILURE if name == "exec" else FAILURE


def _open_log(options: GlobalOptions) -> Log | None:
    """Open the log for an error that came before it; None if that is the error."""
    try:
        return log_module.open_log(options)
    except LibcontainerError:
        return None


def _dispatch(name: str, options: Command, environment: Environment) -> int:
    module = __import__(f"pyouki.commands.{name}", None, None, ("run",))
    seal, bundle = sys.modules.get("libcontainer.seal"), sys.modules.get("pyouki.bundle")
    if seal is not None and bundle is not None:
        seal.keep(bundle)
    if b"LIBCONTAINER_DEAD_CHILD" in posix.environ and (reason := _what_happened(name, options, environment)):
        raise reason
    status: int = module.run(options, environment)
    return status


def _what_happened(name: str, options: Command, environment: Environment) -> LibcontainerError | None:
    """Clear up after the process that we were before, whose child was killed; returns the error that is the reason.

    None if there was no such child.
    """
    from libcontainer.process import aftermath
    from libcontainer.syscall.linux import LinuxSyscall

    pid = aftermath.take_pid()
    if not pid:
        return None
    container_id: str = options.container_id  # type: ignore[attr-defined]  # create, run and exec have it
    if name == "exec":
        return aftermath.of_process(environment.root, container_id, pid)
    return aftermath.of_init(LinuxSyscall(), environment.root, container_id, pid)


def _described(error: Exception, name: str) -> LibcontainerError:
    """Return an error that a person can read; a fault of the program itself says so, with its place."""
    if isinstance(error, LibcontainerError):
        return error
    if type(error).__module__.startswith("libcgroups."):
        from libcontainer import cgroups

        return cgroups.translate(error, name)
    if isinstance(error, BrokenPipeError):
        return LibcontainerError(f"{name}: nobody reads the output any more")
    if isinstance(error, OSError) and error.filename:
        return SyscallError(f"{name}: {os.fsdecode(error.filename)}", error.errno, object=str(error.filename))
    place, trace = "", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        # Code from the bundle has no line numbers.
        place = f"{os.path.basename(code.co_filename)}:{trace.tb_lineno or code.co_qualname}"
        trace = trace.tb_next
    return LibcontainerError(
        f"{name}: {type(error).__name__}: {error} ({place})", hint="this is a fault of pyouki: please report it"
    )


def _parse_slowly(argv: Sequence[str]) -> Invocation | int:
    """Parse what is not plainly well-formed; prints help and errors, and returns the exit status for them."""
    from liboci_cli.typer_app import Outcome, parse_slowly

    answer = parse_slowly(argv)
    if not isinstance(answer, Outcome):
        return answer
    sys.stdout.write(answer.stdout)
    if answer.error is None:
        sys.stderr.write(answer.stderr)
        return answer.exit_code
    try:
        log = log_module.open_log(answer.globals)
    except LibcontainerError as error:
        log_module.report(None, error)
        return FAILURE
    if not log.is_stderr:
        log.write(40, answer.error.message, code="usage")
    sys.stderr.write(answer.stderr)
    return answer.exit_code
