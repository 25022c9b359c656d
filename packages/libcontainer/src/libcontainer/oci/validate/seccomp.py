"""Rules of ``linux.seccomp`` that need no libseccomp; whether a system call or a flag is known is not checked here."""

from __future__ import annotations

from libcontainer.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from libcontainer.oci.spec import LinuxSeccomp, LinuxSyscall

_MAX_RETURN = {"SCMP_ACT_ERRNO": 4095, "SCMP_ACT_TRACE": 2**16 - 1}
"""The actions that return a number, and the greatest that the kernel passes on, seccomp(2)."""
_LAST_ARGUMENT = 5


def faults(seccomp: LinuxSeccomp) -> Iterator[SpecError]:
    """Find every fault of the seccomp filter."""
    at = "linux.seccomp"
    if seccomp.default_action == "SCMP_ACT_NOTIFY":
        yield SpecError(f"{at}.defaultAction", "SCMP_ACT_NOTIFY cannot be used as default action")
    if seccomp.default_errno_ret is not None:
        yield from _return(seccomp.default_action, seccomp.default_errno_ret, f"{at}.defaultErrnoRet")
    if seccomp.listener_metadata and not seccomp.listener_path:
        yield SpecError(f"{at}.listenerMetadata", "listenerMetadata needs a listenerPath")
    for index, rule in enumerate(seccomp.syscalls):
        if not rule.names:
            yield SpecError(f"{at}.syscalls[{index}].names", "must not be empty")
        if rule.errno_ret is not None:
            yield from _return(rule.action, rule.errno_ret, f"{at}.syscalls[{index}].errnoRet")
        if rule.action == "SCMP_ACT_NOTIFY":
            yield from _notify(rule, seccomp.listener_path, f"{at}.syscalls[{index}]")
        for position, argument in enumerate(rule.args):
            if argument.index > _LAST_ARGUMENT:
                yield SpecError(
                    f"{at}.syscalls[{index}].args[{position}].index", f"expected 0 to 5, got {argument.index}"
                )
            if argument.value_two and argument.op != "SCMP_CMP_MASKED_EQ":
                yield SpecError(
                    f"{at}.syscalls[{index}].args[{position}].valueTwo", f"has no meaning for {argument.op}"
                )


def _return(action: str, value: int, at: str) -> Iterator[SpecError]:
    most = _MAX_RETURN.get(action)
    if most is None:
        yield SpecError(at, f"only SCMP_ACT_ERRNO and SCMP_ACT_TRACE return a number, not {action}")
    elif value > most:
        yield SpecError(at, f"expected at most {most}, got {value}")


def _notify(rule: LinuxSyscall, listener_path: str | None, at: str) -> Iterator[SpecError]:
    if "write" in rule.names:
        # The runtime itself has to write to hand over the descriptor: it would wait for an agent that has none yet.
        yield SpecError(f"{at}.action", "SCMP_ACT_NOTIFY cannot be used for the write syscall")
    if not listener_path:
        yield SpecError(f"{at}.action", "SCMP_ACT_NOTIFY needs a listenerPath")
