"""Numbers of the kernel's seccomp interface and of libseccomp's; not for anything that needs the library loaded.

The values are those of linux/seccomp.h and seccomp.h: part of a stable interface, so this module is importable where
the shared library is missing.
"""

from __future__ import annotations

from libseccomp.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# Actions, most restrictive first: seccomp(2), "SECCOMP_RET_*". The low 16 bits carry data.
KILL_PROCESS: Final = 0x80000000
KILL_THREAD: Final = 0x00000000
KILL: Final = KILL_THREAD
TRAP: Final = 0x00030000
NOTIFY: Final = 0x7FC00000
LOG: Final = 0x7FFC0000
ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_TRACE: Final = 0x7FF00000

# The kernel returns a larger number as this one: MAX_ERRNO, linux/err.h.
MAX_ERRNO: Final = 4095
MAX_TRACE_MESSAGE: Final = 0xFFFF

# Comparisons of a system call's argument: seccomp_rule_add(3).
NE: Final = 1
LT: Final = 2
LE: Final = 3
EQ: Final = 4
GE: Final = 5
GT: Final = 6
MASKED_EQ: Final = 7

COMPARISONS: Final = {"NE": NE, "LT": LT, "LE": LE, "EQ": EQ, "GE": GE, "GT": GT, "MASKED_EQ": MASKED_EQ}

# Attributes of a filter: seccomp_attr_set(3). CTL_WAITKILL since libseccomp 2.6.
ATTRIBUTE_DEFAULT_ACTION: Final = 1
ATTRIBUTE_BAD_ARCHITECTURE_ACTION: Final = 2
ATTRIBUTE_NO_NEW_PRIVS: Final = 3
ATTRIBUTE_TSYNC: Final = 4
ATTRIBUTE_LOG: Final = 6
ATTRIBUTE_SPEC_ALLOW: Final = 7
ATTRIBUTE_OPTIMIZE: Final = 8
ATTRIBUTE_SYSTEM_ERRNO: Final = 9
ATTRIBUTE_WAIT_KILLABLE: Final = 10

# Flags of seccomp(2) for SECCOMP_SET_MODE_FILTER; WAIT_KILLABLE_RECV since Linux 5.19.
FILTER_FLAG_TSYNC: Final = 1
FILTER_FLAG_LOG: Final = 2
FILTER_FLAG_SPEC_ALLOW: Final = 4
FILTER_FLAG_NEW_LISTENER: Final = 8
FILTER_FLAG_WAIT_KILLABLE_RECV: Final = 32

# Notification: seccomp_unotify(2).
NOTIFY_FLAG_CONTINUE: Final = 1
ADD_FD_FLAG_SETFD: Final = 1
ADD_FD_FLAG_SEND: Final = 2

# The bit that marks a system call of the x32 ABI, which shares x86_64's audit number: asm/unistd.h.
X32_SYSCALL_BIT: Final = 0x40000000

# What the OCI runtime specification calls an architecture, and what libseccomp calls it.
OCI_ARCHITECTURES: Final = {
    "SCMP_ARCH_X86": "x86",
    "SCMP_ARCH_X86_64": "x86_64",
    "SCMP_ARCH_X32": "x32",
    "SCMP_ARCH_ARM": "arm",
    "SCMP_ARCH_AARCH64": "aarch64",
    "SCMP_ARCH_LOONGARCH64": "loongarch64",
    "SCMP_ARCH_M68K": "m68k",
    "SCMP_ARCH_MIPS": "mips",
    "SCMP_ARCH_MIPS64": "mips64",
    "SCMP_ARCH_MIPS64N32": "mips64n32",
    "SCMP_ARCH_MIPSEL": "mipsel",
    "SCMP_ARCH_MIPSEL64": "mipsel64",
    "SCMP_ARCH_MIPSEL64N32": "mipsel64n32",
    "SCMP_ARCH_PPC": "ppc",
    "SCMP_ARCH_PPC64": "ppc64",
    "SCMP_ARCH_PPC64LE": "ppc64le",
    "SCMP_ARCH_S390": "s390",
    "SCMP_ARCH_S390X": "s390x",
    "SCMP_ARCH_SH": "sh",
    "SCMP_ARCH_SHEB": "sheb",
    "SCMP_ARCH_PARISC": "parisc",
    "SCMP_ARCH_PARISC64": "parisc64",
    "SCMP_ARCH_RISCV64": "riscv64",
}


def errno_action(errno: int) -> int:
    """Return the action that makes a system call fail with an error number.

    Raises:
        InvalidArgument: outside 0 to 4095. 0 is allowed: the call then does nothing and reports success.
    """
    if not 0 <= errno <= MAX_ERRNO:
        raise InvalidArgument("errno_action", (errno,), f"not between 0 and {MAX_ERRNO}")
    return _ERRNO | errno


def trace_action(message: int) -> int:
    """Return the action that stops for a ptrace(2) tracer, which reads ``message`` with PTRACE_GETEVENTMSG.

    Without a tracer the call fails with ENOSYS.

    Raises:
        InvalidArgument: the message does not fit 16 bits.
    """
    if not 0 <= message <= MAX_TRACE_MESSAGE:
        raise InvalidArgument("trace_action", (message,), f"not between 0 and {MAX_TRACE_MESSAGE}")
    return _TRACE | message
