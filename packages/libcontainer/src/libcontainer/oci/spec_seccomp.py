"""The seccomp filter of a container, and the message to an agent; ``spec`` has all by name."""

from __future__ import annotations

from libcgroups.record import Record
from libcgroups.resources import uint32, uint64
from libcontainer.oci.spec import State, pid_t

TYPE_CHECKING = False
if not TYPE_CHECKING:
    from libcontainer.oci.spec import Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal, TypeAlias  # noqa: TC004 - the stand-ins serve at run time

SeccompAction: TypeAlias = Literal[
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_TRAP",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_TRACE",
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_LOG",
    "SCMP_ACT_NOTIFY",
]
SeccompFlag: TypeAlias = Literal[
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
]
SeccompOperator: TypeAlias = Literal[
    "SCMP_CMP_NE",
    "SCMP_CMP_LT",
    "SCMP_CMP_LE",
    "SCMP_CMP_EQ",
    "SCMP_CMP_GE",
    "SCMP_CMP_GT",
    "SCMP_CMP_MASKED_EQ",
]
SeccompArch: TypeAlias = Literal[
    "SCMP_ARCH_X86",
    "SCMP_ARCH_X86_64",
    "SCMP_ARCH_X32",
    "SCMP_ARCH_ARM",
    "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_LOONGARCH64",
    "SCMP_ARCH_M68K",
    "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32",
    "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE",
    "SCMP_ARCH_S390",
    "SCMP_ARCH_S390X",
    "SCMP_ARCH_SH",
    "SCMP_ARCH_SHEB",
    "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64",
    "SCMP_ARCH_RISCV64",
]


class LinuxSeccompArg(Record):
    """A condition on one argument of a system call; value_two is the compared value of SCMP_CMP_MASKED_EQ."""

    index: uint32
    value: uint64
    op: SeccompOperator
    value_two: uint64 = 0


class LinuxSyscall(Record):
    """What is done on some system calls when all conditions hold."""

    names: Sequence[str]
    action: SeccompAction
    errno_ret: uint32 | None = None
    args: Sequence[LinuxSeccompArg] = ()


class LinuxSeccomp(Record):
    """The seccomp filter; flags None means the runtime's default, an empty sequence means none."""

    default_action: SeccompAction
    default_errno_ret: uint32 | None = None
    architectures: Sequence[SeccompArch] = ()
    flags: Sequence[SeccompFlag] | None = None
    listener_path: str | None = None
    listener_metadata: str | None = None
    syscalls: Sequence[LinuxSyscall] = ()


class ContainerProcessState(Record):
    """What a seccomp agent is told on listenerPath, beside the descriptors; fds names these in order."""

    oci_version: str
    fds: Sequence[str]
    pid: pid_t
    state: State
    metadata: str | None = None
