"""Who runs the workload of a container, and how the waiting stage is executed; libcontainer's main extension point.

An executor is given to ``process.create``; the ordinary one, execve(2) of args[0], is built in and needs none. Several
are composed by hand: ``first_that_can(spec, [wasm, ...])``.
"""

from __future__ import annotations

import errno
import fcntl
import os

from libcontainer.errors import SyscallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import NoReturn, Protocol

    from libcontainer.oci.spec import Spec
    from libcontainer.syscall import Syscall
else:
    Protocol = object  # importing typing costs 10 ms

_SEALS = 0x1 | 0x2 | 0x4 | 0x8  # F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE of fcntl(2)
_F_ADD_SEALS = 1033
_STUB = f"{os.path.dirname(__file__)}/bin/container-init"


class Executor(Protocol):
    """Runs workloads of one kind in Python, inside the container.

    The object is made by main; ``validate`` and ``exec`` run in init, after the pivot, where nothing can be
    imported any more. Between the two every descriptor above 2 is closed that is not passed to the container.
    """

    def can_handle(self, spec: Spec) -> bool:
        """Tell, in main, whether the workload is of this kind; whatever is needed later is imported here."""

    def validate(self, spec: Spec) -> None:
        """Check the workload in init before the container counts as created.

        Raises:
            ExecutableError: it cannot be run.
        """

    def exec(self, spec: Spec, environment: Mapping[str, str]) -> NoReturn:
        """Run the workload and end the process with its exit status; ``start`` has succeeded by now."""


def first_that_can(spec: Spec, executors: Iterable[Executor]) -> Executor | None:
    """Return the first executor that can handle the workload; None: the ordinary one will do."""
    for executor in executors:
        if executor.can_handle(spec):
            return executor
    return None


def open_stub() -> int:
    """Return the waiting stage as a sealed memory file: nothing of the host is reachable through its /proc/PID/exe."""
    try:
        with open(_STUB, "rb", buffering=0) as file:
            return memory_file("container-init", file.read())
    except OSError as error:
        raise SyscallError(
            f"read the waiting stage {_STUB}",
            error.errno,
            object=_STUB,
            hint="libcontainer is installed incompletely: build it anew",
        ) from None


def memory_file(name: str, content: bytes) -> int:
    """Return a sealed memory file, memfd_create(2), positioned at its start."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.write(fd, content)
        os.lseek(fd, 0, os.SEEK_SET)
        fcntl.fcntl(fd, _F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(fd)
        raise
    return fd


def execute_stub(syscall: Syscall, stub: int, argv: Sequence[str], environment: Sequence[str]) -> NoReturn:
    """Execute the waiting stage in place of this process."""
    try:
        syscall.execveat(stub, argv, environment)
    except OSError as error:
        # A filter written for runc may know execve(2) alone.
        if error.errno not in (errno.ENOSYS, errno.EPERM, errno.EACCES):
            raise _stub_failed(error) from None
    try:
        syscall.execve(f"/proc/self/fd/{stub}", argv, dict(line.split("=", 1) for line in environment))
    except OSError as error:
        raise _stub_failed(error) from None


def _stub_failed(error: OSError) -> SyscallError:
    hint = "the container's arguments and environment are too large" if error.errno == errno.E2BIG else None
    return SyscallError(
        "execute the waiting stage", error.errno, step="exec", syscall="execveat", hint=hint, property="process.args"
    )
