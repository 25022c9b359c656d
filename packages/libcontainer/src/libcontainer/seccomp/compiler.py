"""Compile a ``linux.seccomp`` section with libseccomp; the slow path of `libcontainer.seccomp.program`."""

from __future__ import annotations

import errno

import libseccomp
from libcontainer.errors import SpecError
from libcontainer.seccomp import Program, check, enosys, is_notify
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from libcontainer.oci.spec import LinuxSeccomp, LinuxSeccompArg, LinuxSyscall

_ACTIONS = {
    "SCMP_ACT_KILL": libseccomp.KILL,
    "SCMP_ACT_KILL_THREAD": libseccomp.KILL_THREAD,
    "SCMP_ACT_KILL_PROCESS": libseccomp.KILL_PROCESS,
    "SCMP_ACT_TRAP": libseccomp.TRAP,
    "SCMP_ACT_LOG": libseccomp.LOG,
    "SCMP_ACT_ALLOW": libseccomp.ALLOW,
    "SCMP_ACT_NOTIFY": libseccomp.NOTIFY,
}
_ACTIONS_WITH_DATA = {"SCMP_ACT_ERRNO": libseccomp.errno_action, "SCMP_ACT_TRACE": libseccomp.trace_action}

_COMPARISONS = {
    "SCMP_CMP_NE": libseccomp.NE,
    "SCMP_CMP_LT": libseccomp.LT,
    "SCMP_CMP_LE": libseccomp.LE,
    "SCMP_CMP_EQ": libseccomp.EQ,
    "SCMP_CMP_GE": libseccomp.GE,
    "SCMP_CMP_GT": libseccomp.GT,
    "SCMP_CMP_MASKED_EQ": libseccomp.MASKED_EQ,
}

_FLAGS = {
    # Of no use: the process that loads the filter has one thread, and cannot have both this and a listener.
    "SECCOMP_FILTER_FLAG_TSYNC": 0,
    "SECCOMP_FILTER_FLAG_LOG": flags.SECCOMP_FILTER_FLAG_LOG,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": flags.SECCOMP_FILTER_FLAG_SPEC_ALLOW,
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": flags.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
}

# With these a call that the profile does not know can be made, or is a tracer's affair.
_PERMISSIVE = ("SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE")

# From so many names on a binary tree is faster than a list, for the kernel and for libseccomp's generator.
_MANY_NAMES = 32
_BINARY_TREE = 2


def compile_section(section: LinuxSeccomp) -> Program:
    """Check and compile a section.

    Names of system calls that libseccomp does not know are skipped, as engines rely on, and so are rules with the
    default action, which libseccomp refuses. Two conditions on one argument cannot both be meant; they become rules of
    their own, any of which is enough: the habit of runc that profiles count on.

    Raises:
        SpecError: the section is wrong, or asks for what this libseccomp does not have.
    """
    check.check(section)
    listener = is_notify(section)
    default = _action(f"{check.SECTION}.defaultAction", section.default_action, section.default_errno_ret)
    known, skipped = _sort_names(section.syscalls)
    with libseccomp.Filter(default) as rules:
        architectures = _add_architectures(rules, section.architectures)
        if len(known) > _MANY_NAMES:
            rules.optimize = _BINARY_TREE
        for number, rule in enumerate(section.syscalls):
            path = f"{check.SECTION}.syscalls[{number}]"
            action = _action(f"{path}.action", rule.action, rule.errno_ret)
            if action != default:
                _add_rules(rules, path, rule, action, known)
        bpf = rules.export_bpf()
    if not (section.default_action in _PERMISSIVE or default == libseccomp.errno_action(errno.ENOSYS)):
        bpf = enosys.prelude(_newest(architectures, known)) + bpf
    return Program(bpf, _filter_flags(section.flags, listener), listener, tuple(skipped))


def library_path() -> str:
    """Return the file of the libseccomp that compiles."""
    return libseccomp.library_path()


def _action(path: str, name: str, data: int | None) -> int:
    if name in _ACTIONS_WITH_DATA:
        return _ACTIONS_WITH_DATA[name](errno.EPERM if data is None else data)
    if name not in _ACTIONS:
        raise SpecError(path, f"no such action: {name!r}")
    return _ACTIONS[name]


def _sort_names(syscalls: Sequence[LinuxSyscall]) -> tuple[dict[str, int], list[str]]:
    """Return the numbers of the names that libseccomp knows, and the names that it does not."""
    known: dict[str, int] = {}
    skipped = []
    for name in dict.fromkeys(name for rule in syscalls for name in rule.names):
        try:
            known[name] = libseccomp.resolve_syscall(name)
        except libseccomp.UnknownSyscall:
            skipped.append(name)
    return known, skipped


def _add_architectures(rules: libseccomp.Filter, names: Sequence[str]) -> list[int]:
    """Make the filter cover the named architectures besides the native one; return the tokens of all."""
    tokens = [libseccomp.native_architecture()]
    for number, name in enumerate(names):
        path = f"{check.SECTION}.architectures[{number}]"
        if name not in libseccomp.OCI_ARCHITECTURES:
            raise SpecError(path, f"no such architecture: {name!r}")
        try:
            token = libseccomp.architecture_token(name)
            rules.add_architecture(token)
        except libseccomp.SeccompError as error:
            raise SpecError(path, f"{name}: {error.reason}", hint=error.hint) from error
        tokens.append(token)
    return tokens


def _add_rules(rules: libseccomp.Filter, path: str, rule: LinuxSyscall, action: int, known: dict[str, int]) -> None:
    alternatives = _alternatives(path, rule.args)
    for name in rule.names:
        if name not in known:
            continue
        for conditions in alternatives:
            try:
                rules.add_rule(action, known[name], conditions)
            except libseccomp.SeccompError as error:
                raise SpecError(path, f"libseccomp refuses {rule.action} for {name}: {error.reason}") from error


def _alternatives(path: str, arguments: Sequence[LinuxSeccompArg]) -> list[list[libseccomp.Condition]]:
    """Return the sets of conditions any of which makes the rule apply: one empty set when there is no condition."""
    conditions = [_condition(f"{path}.args[{number}].op", argument) for number, argument in enumerate(arguments)]
    if len({condition.index for condition in conditions}) < len(conditions):
        return [[condition] for condition in conditions]
    return [conditions]


def _condition(path: str, argument: LinuxSeccompArg) -> libseccomp.Condition:
    if argument.op not in _COMPARISONS:
        raise SpecError(path, f"no such comparison: {argument.op!r}")
    comparison = _COMPARISONS[argument.op]
    # Docker writes "valueTwo": 0 always, others leave something there: it counts for MASKED_EQ alone.
    value_two = argument.value_two if comparison == libseccomp.MASKED_EQ else 0
    return libseccomp.Condition(argument.index, comparison, argument.value, value_two)


def _newest(architectures: Iterable[int], names: Iterable[str]) -> dict[int, int]:
    """Return, for each architecture that has any of the named calls, the largest number among them."""
    newest = {}
    for architecture in dict.fromkeys(architectures):
        end = enosys.end_of_numbers(architecture)
        numbers = [number for name in names if 0 <= (number := _number_on(name, architecture)) < end]
        if numbers:
            newest[architecture] = max(numbers)
    return newest


def _number_on(name: str, architecture: int) -> int:
    """Return a call's number there, negative if it has none."""
    try:
        return libseccomp.resolve_syscall(name, architecture)
    except libseccomp.UnknownSyscall:
        return -1


def _filter_flags(names: Sequence[str] | None, listener: bool) -> int:
    """Return the flags for seccomp(2). Without ``flags`` in the configuration it is SPEC_ALLOW, as in runc and crun."""
    if names is None:
        value = flags.SECCOMP_FILTER_FLAG_SPEC_ALLOW
    else:
        value = 0
        for number, name in enumerate(names):
            if name not in _FLAGS:
                raise SpecError(f"{check.SECTION}.flags[{number}]", f"no such flag: {name!r}")
            value |= _FLAGS[name]
    if listener:
        return value | flags.SECCOMP_FILTER_FLAG_NEW_LISTENER
    # Without a listener nothing waits for one, and the kernel refuses the flag: EINVAL.
    return value & ~flags.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
