"""What the runtime specification forbids in ``linux.seccomp`` and the decoder cannot see; pure, needs no libseccomp.

Rules: the OCI runtime-spec's config-linux, "Seccomp"; the two about NOTIFY are ours and runc's, for it would wait for
an answer that only its own next steps can bring about.
"""

from __future__ import annotations

from libcontainer.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.oci.spec import LinuxSeccomp, LinuxSeccompArg, LinuxSyscall

SECTION = "linux.seccomp"

_NOTIFY = "SCMP_ACT_NOTIFY"
_NOTIFY_HINT = "name the system calls that the agent is to answer in syscalls"
_WITH_ERRNO = ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE")
# MAX_ERRNO of linux/err.h, which libseccomp excludes; the low 16 bits that PTRACE_GETEVENTMSG delivers.
_LARGEST = {"SCMP_ACT_ERRNO": 4094, "SCMP_ACT_TRACE": 0xFFFF}
_ARGUMENTS = 6


def check(section: LinuxSeccomp) -> None:
    """Check a section.

    Raises:
        SpecError: the first fault, with the path of the property.
    """
    if section.default_action == _NOTIFY:
        raise SpecError(f"{SECTION}.defaultAction", "SCMP_ACT_NOTIFY cannot be the default", hint=_NOTIFY_HINT)
    _check_errno(SECTION, "defaultErrnoRet", section.default_action, section.default_errno_ret)
    for number, rule in enumerate(section.syscalls):
        _check_rule(f"{SECTION}.syscalls[{number}]", rule, section.listener_path)
    if section.listener_metadata and not section.listener_path:
        raise SpecError(f"{SECTION}.listenerMetadata", "cannot be set without listenerPath")


def _check_rule(path: str, rule: LinuxSyscall, listener_path: str | None) -> None:
    if not rule.names:
        raise SpecError(f"{path}.names", "is empty, needs the name of a system call")
    _check_errno(path, "errnoRet", rule.action, rule.errno_ret)
    for number, argument in enumerate(rule.args):
        _check_argument(f"{path}.args[{number}]", argument)
    if rule.action == _NOTIFY:
        if "write" in rule.names:
            raise SpecError(
                f"{path}.names", "SCMP_ACT_NOTIFY cannot be used for write: the runtime itself needs it to start"
            )
        if not listener_path:
            raise SpecError(f"{SECTION}.listenerPath", f"is missing, {path}.action is SCMP_ACT_NOTIFY")


def _check_errno(path: str, name: str, action: str, value: int | None) -> None:
    if value is None:
        return
    if action not in _WITH_ERRNO:
        raise SpecError(f"{path}.{name}", f"cannot be used with {action}, only with SCMP_ACT_ERRNO and SCMP_ACT_TRACE")
    if not 0 <= value <= _LARGEST[action]:
        raise SpecError(f"{path}.{name}", f"{value} is not between 0 and {_LARGEST[action]}")


def _check_argument(path: str, argument: LinuxSeccompArg) -> None:
    if not 0 <= argument.index < _ARGUMENTS:
        raise SpecError(f"{path}.index", f"{argument.index} is not between 0 and {_ARGUMENTS - 1}")
    for name, value in (("value", argument.value), ("valueTwo", argument.value_two)):
        if not 0 <= value < 1 << 64:
            raise SpecError(f"{path}.{name}", f"{value} is not an unsigned number of 64 bits")
