"""The errors of this package; every one names the call, its arguments and, where the system gave one, the errno.

::

    SeccompError                    the library or the kernel refused a call
    ├── InvalidArgument             refused here, before any call; also a ValueError
    ├── UnknownArchitecture         a name this libseccomp does not know; also a LookupError
    └── UnknownSyscall              the same for a system call; also a LookupError
"""

from __future__ import annotations

import os


class SeccompError(Exception):
    """A call of libseccomp or of the kernel's seccomp interface was refused.

    Attributes:
        call: name of the C function, for instance ``seccomp_rule_add_array``; of ours when the refusal is ours.
        arguments: the arguments that matter to a reader, in the order of the call.
        errno: the positive error number, 0 when there was none.
        reason: why, in words.
        hint: a remedy, if one is known.
    """

    def __init__(
        self, call: str, arguments: tuple[object, ...], errno: int, reason: str = "", *, hint: str | None = None
    ) -> None:
        self.call = call
        self.arguments = arguments
        self.errno = errno
        self.reason = reason or os.strerror(errno).lower()
        self.hint = hint
        super().__init__(call, arguments, errno, self.reason)

    def __str__(self) -> str:
        return f"{self.call}({', '.join(map(repr, self.arguments))}): {self.reason}"


class InvalidArgument(SeccompError, ValueError):
    """An argument is out of range; found before libseccomp was called."""

    def __init__(self, call: str, arguments: tuple[object, ...], reason: str) -> None:
        super().__init__(call, arguments, 0, reason)


class UnknownArchitecture(SeccompError, LookupError):
    """This version of libseccomp does not know an architecture."""


class UnknownSyscall(SeccompError, LookupError):
    """This version of libseccomp does not know a system call on an architecture."""
