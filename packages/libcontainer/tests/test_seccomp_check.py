"""Faults of linux.seccomp, each with its property and reason."""

from __future__ import annotations

import pytest

from libcontainer.errors import SpecError
from libcontainer.oci.spec import LinuxSeccomp, LinuxSeccompArg, LinuxSyscall
from libcontainer.seccomp import check, compiler

ONLY = "only with SCMP_ACT_ERRNO and SCMP_ACT_TRACE"
WRITE = "SCMP_ACT_NOTIFY cannot be used for write: the runtime itself needs it to start"


def section(*rules: LinuxSyscall, **properties: object) -> LinuxSeccomp:
    return LinuxSeccomp(**{"default_action": "SCMP_ACT_ALLOW", "syscalls": rules, **properties})  # type: ignore[arg-type]  # faults on purpose


def rule(*names: str, action: str = "SCMP_ACT_ERRNO", **properties: object) -> LinuxSyscall:
    return LinuxSyscall(names=names, action=action, **properties)  # type: ignore[arg-type]  # faults on purpose


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (
            section(default_action="SCMP_ACT_NOTIFY"),
            r"linux\.seccomp\.defaultAction: SCMP_ACT_NOTIFY cannot be the default",
        ),
        (
            section(default_errno_ret=1),
            rf"linux\.seccomp\.defaultErrnoRet: cannot be used with SCMP_ACT_ALLOW, {ONLY}",
        ),
        (
            section(rule("read"), rule("read", action="SCMP_ACT_KILL", errno_ret=1)),
            rf"linux\.seccomp\.syscalls\[1\]\.errnoRet: cannot be used with SCMP_ACT_KILL, {ONLY}",
        ),
        (
            section(rule("read", errno_ret=4095)),
            r"linux\.seccomp\.syscalls\[0\]\.errnoRet: 4095 is not between 0 and 4094",
        ),
        (
            section(rule("read", action="SCMP_ACT_TRACE", errno_ret=65536)),
            r"linux\.seccomp\.syscalls\[0\]\.errnoRet: 65536 is not between 0 and 65535",
        ),
        (section(rule()), r"linux\.seccomp\.syscalls\[0\]\.names: is empty, needs the name of a system call"),
        (
            section(rule("read", args=(LinuxSeccompArg(6, 0, "SCMP_CMP_EQ"),))),
            r"linux\.seccomp\.syscalls\[0\]\.args\[0\]\.index: 6 is not between 0 and 5",
        ),
        (
            section(rule("read", args=(LinuxSeccompArg(0, 2**64, "SCMP_CMP_EQ"),))),
            r"linux\.seccomp\.syscalls\[0\]\.args\[0\]\.value: \d+ is not an unsigned number of 64 bits",
        ),
        (
            section(rule("read", args=(LinuxSeccompArg(0, 0, "SCMP_CMP_MASKED_EQ", -1),))),
            r"linux\.seccomp\.syscalls\[0\]\.args\[0\]\.valueTwo: -1 is not an unsigned number of 64 bits",
        ),
        (
            section(listener_metadata="text"),
            r"linux\.seccomp\.listenerMetadata: cannot be set without listenerPath",
        ),
        (
            section(rule("mount", "write", action="SCMP_ACT_NOTIFY"), listener_path="/run/agent"),
            rf"linux\.seccomp\.syscalls\[0\]\.names: {WRITE}",
        ),
        (
            section(rule("mount", action="SCMP_ACT_NOTIFY")),
            r"linux\.seccomp\.listenerPath: is missing, linux\.seccomp\.syscalls\[0\]\.action is SCMP_ACT_NOTIFY",
        ),
        (section(default_action="BOGUS"), r"linux\.seccomp\.defaultAction: no such action: 'BOGUS'"),
        (section(rule("read", action="BOGUS")), r"linux\.seccomp\.syscalls\[0\]\.action: no such action: 'BOGUS'"),
        (
            section(rule("read", args=(LinuxSeccompArg(0, 0, "BOGUS"),))),  # type: ignore[arg-type]  # on purpose
            r"linux\.seccomp\.syscalls\[0\]\.args\[0\]\.op: no such comparison: 'BOGUS'",
        ),
        (section(flags=("BOGUS",)), r"linux\.seccomp\.flags\[0\]: no such flag: 'BOGUS'"),
        (section(architectures=("BOGUS",)), r"linux\.seccomp\.architectures\[0\]: no such architecture: 'BOGUS'"),
        (
            section(architectures=("SCMP_ARCH_X86_64", "SCMP_ARCH_PPC")),
            r"linux\.seccomp\.architectures\[1\]: SCMP_ARCH_PPC: numerical argument out of domain",
        ),
    ],
    ids=lambda value: value[:60].replace("\\", "") if isinstance(value, str) else "",
)
def test_fault_names_property_and_reason(faulty: LinuxSeccomp, message: str) -> None:
    with pytest.raises(SpecError, match=f"^{message}$"):
        compiler.compile_section(faulty)


def test_notify_as_default_comes_with_a_remedy() -> None:
    with pytest.raises(SpecError) as caught:
        check.check(section(default_action="SCMP_ACT_NOTIFY"))

    assert caught.value.hint == "name the system calls that the agent is to answer in syscalls"


def test_metadata_with_a_path_is_fine() -> None:
    check.check(section(listener_path="/run/agent", listener_metadata="text"))
