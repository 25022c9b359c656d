"""The errors of libcontainer, as data that crosses process borders; not for printing them.

::

    LibcontainerError                 anything that went wrong, with code, step, property, syscall, object, errno, hint
    ├── SpecError                     a property of config.json is wrong
    ├── ArgumentError                 an option or argument of the caller is wrong
    ├── SyscallError                  the kernel refused
    ├── ExecutableError               args[0] cannot be executed: missing, not executable, no interpreter
    ├── HookError                     a hook failed, timed out or could not be started
    ├── StateFileError                state.json is missing pieces or cannot be read
    ├── InvalidIDError                the container's id is not a name
    ├── ContainerExistsError          the id is taken
    ├── ContainerNotFoundError        no container has this id
    ├── ContainerStatusError          the operation is not allowed in the container's present status
    ├── ContainerBusyError            another command holds the container's lock
    ├── ProcessDiedError              one of the runtime's own processes ended without a word
    ├── TimeoutExpiredError           a process has not ended in time (a TimeoutError as well)
    ├── CgroupsError                  libcgroups refused (its error is the cause)
    └── CriuError                     CRIU is missing, too old, or could not dump or restore

Inside, an OSError is what a system call, or ``netlink`` with its NetlinkError, raises; it becomes a SyscallError where
it is known what was tried.

Children never print: they send ``to_dict()`` over their channel and the main process raises ``from_dict()`` of it.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class LibcontainerError(Exception):
    """Something that was asked for could not be done.

    Attributes:
        code: stable kebab-case name of the situation, for programs.
        message: what was tried and why it failed, without the errno's text.
        errno: the kernel's error number, None when it was not the kernel that refused.
        step: what the runtime was doing, such as ``mount`` or ``hook createRuntime``.
        property: JSON path of the config.json property that asked for it, such as ``mounts[3].source``.
        syscall: the system call that failed.
        object: path or name of the thing it failed on.
        hint: a remedy, when one is known.
    """

    code = "internal"

    def __init__(
        self,
        message: str,
        errno: int | None = None,
        *,
        step: str | None = None,
        property: str | None = None,
        syscall: str | None = None,
        object: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.errno = errno
        self.step = step
        self.property = property
        self.syscall = syscall
        self.object = object
        self.hint = hint

    def __str__(self) -> str:
        if self.errno is None:
            return self.message
        return f"{self.message}: {strerror(self.errno)}"

    def to_dict(self) -> dict[str, object]:
        """Return the error as JSON-able data; absent details are left out."""
        details: dict[str, object] = {"code": self.code, "message": self.message}
        for name in ("errno", "step", "property", "syscall", "object", "hint"):
            value = getattr(self, name)
            if value is not None:
                details[name] = value
        notes = getattr(self, "__notes__", None)
        if notes:
            details["notes"] = list(notes)
        return details


class SpecError(LibcontainerError):
    """A property of config.json has a wrong type, range or combination.

    Attributes:
        errors: every fault that was found, as texts with their JSON paths; at least this one.
    """

    code = "invalid-config"

    def __init__(
        self,
        property: str,
        reason: str,
        *,
        hint: str | None = None,
        errors: tuple[str, ...] = (),
    ) -> None:
        super().__init__(f"{property}: {reason}" if property else reason, property=property or None, hint=hint)
        self.errors = errors or (self.message,)

    def to_dict(self) -> dict[str, object]:
        """Return the error as JSON-able data; ``errors`` only if there are several."""
        details = super().to_dict()
        if len(self.errors) > 1:
            details["errors"] = list(self.errors)
        return details


class ArgumentError(LibcontainerError):
    """An option or argument of the caller has a value that cannot be used, alone or together with another."""

    code = "invalid-argument"


class SyscallError(LibcontainerError):
    """The kernel refused a system call; ``errno`` is always set."""

    code = "syscall-failed"


class ExecutableError(LibcontainerError):
    """The program of the container cannot be executed."""

    code = "not-executable"


class HookError(LibcontainerError):
    """A hook ended with a status other than 0, ran too long or could not be started."""

    code = "hook-failed"


class StateFileError(LibcontainerError):
    """The stored state of a container cannot be read or written."""

    code = "state-unreadable"


class InvalidIDError(LibcontainerError):
    """The container's id is empty, too long, or holds a character that is not allowed."""

    code = "invalid-id"


class ContainerExistsError(LibcontainerError):
    """A container with the given id exists already."""

    code = "container-exists"


class ContainerNotFoundError(LibcontainerError):
    """No container has the given id."""

    code = "container-not-found"


class ContainerStatusError(LibcontainerError):
    """The container's present status forbids the operation."""

    code = "wrong-status"


class ContainerBusyError(LibcontainerError):
    """Another command is changing the container and did not finish in time."""

    code = "container-busy"


class ProcessDiedError(LibcontainerError):
    """One of the runtime's own processes was killed or ended before it could report."""

    code = "process-died"


class TimeoutExpiredError(LibcontainerError, TimeoutError):
    """A process has not ended within the time its caller had.

    Attributes:
        stdout: what it had written by then, if it was captured.
        stderr: the same for standard error.
    """

    code = "timeout"
    stdout = b""
    stderr = b""


class CgroupsError(LibcontainerError):
    """libcgroups could not create, limit or remove the container's cgroup."""

    code = "cgroup-failed"


class CriuError(LibcontainerError):
    """CRIU is missing, too old, or could not dump or restore."""

    code = "criu-failed"


_BY_CODE: dict[str, type[LibcontainerError]] = {
    kind.code: kind
    for kind in (
        ArgumentError, SyscallError, ExecutableError, HookError, StateFileError, InvalidIDError, ContainerExistsError,
        ContainerNotFoundError, ContainerStatusError, ContainerBusyError, ProcessDiedError, TimeoutExpiredError,
        CgroupsError, CriuError,
    )
}  # fmt: skip


def from_dict(details: Mapping[str, object]) -> LibcontainerError:
    """Make the error again that another process sent as ``to_dict()``."""
    named = {name: details[name] for name in ("step", "syscall", "object", "hint") if name in details}
    message, code, number = str(details["message"]), details.get("code"), details.get("errno")
    error: LibcontainerError
    if code == SpecError.code:
        error = SpecError("", message, errors=_texts(details.get("errors")))
    else:
        error = _BY_CODE.get(str(code), LibcontainerError)(message, number if isinstance(number, int) else None)
    error.property = str(details["property"]) if "property" in details else None
    for name, value in named.items():
        setattr(error, name, str(value))
    for note in _texts(details.get("notes")):
        error.add_note(note)
    return error


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, (list, tuple)) else ()


def strerror(number: int) -> str:
    """Return the kernel's text for an errno in lower case, as error messages quote it."""
    text = os.strerror(number)
    return text[:1].lower() + text[1:]


def syscall_error(
    error: OSError,
    message: str,
    *,
    step: str | None = None,
    property: str | None = None,
    hint: str | None = None,
) -> SyscallError:
    """Turn an OSError of a system call into a SyscallError that says what was tried."""
    name = error.filename
    return SyscallError(
        message,
        error.errno,
        step=step,
        property=property,
        syscall=getattr(error, "syscall", None),
        object=os.fsdecode(name) if isinstance(name, (str, bytes)) else None,
        hint=hint,
    )
