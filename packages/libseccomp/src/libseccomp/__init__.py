"""Seccomp filters and user notification through the system's libseccomp; not for OCI profiles, see libcontainer.

::

    from libseccomp import ALLOW, Filter, errno_action

    with Filter(ALLOW) as rules:
        rules.add_rule(errno_action(errno.EPERM), "mkdirat")
        rules.load()
"""

from __future__ import annotations

from libseccomp.constants import (
    ALLOW,
    EQ,
    GE,
    GT,
    KILL,
    KILL_PROCESS,
    KILL_THREAD,
    LE,
    LOG,
    LT,
    MASKED_EQ,
    NE,
    NOTIFY,
    OCI_ARCHITECTURES,
    TRAP,
    errno_action,
    trace_action,
)
from libseccomp.errors import InvalidArgument, SeccompError, UnknownArchitecture, UnknownSyscall
from libseccomp.filter import Condition, Filter
from libseccomp.library import (
    api_level,
    architecture_token,
    library_path,
    library_version,
    native_architecture,
    resolve_syscall,
    syscall_name,
)
from libseccomp.notify import Listener, Notification

__all__ = [
    "ALLOW",
    "EQ",
    "GE",
    "GT",
    "KILL",
    "KILL_PROCESS",
    "KILL_THREAD",
    "LE",
    "LOG",
    "LT",
    "MASKED_EQ",
    "NE",
    "NOTIFY",
    "OCI_ARCHITECTURES",
    "TRAP",
    "Condition",
    "Filter",
    "InvalidArgument",
    "Listener",
    "Notification",
    "SeccompError",
    "UnknownArchitecture",
    "UnknownSyscall",
    "api_level",
    "architecture_token",
    "errno_action",
    "library_path",
    "library_version",
    "native_architecture",
    "resolve_syscall",
    "syscall_name",
    "trace_action",
]
