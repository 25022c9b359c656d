"""What this libseccomp is and what names it knows; filters are in ``filter``."""

from __future__ import annotations

import errno

from libseccomp._libseccomp import ffi, lib
from libseccomp.constants import OCI_ARCHITECTURES
from libseccomp.errors import UnknownArchitecture, UnknownSyscall

# __NR_SCMP_ERROR: the name is not in the library's tables.
_UNKNOWN_NUMBER = -1


def library_version() -> tuple[int, int, int]:
    """Return the version of the libseccomp in use, not of the one compiled against: ``(2, 5, 4)``."""
    version = lib.seccomp_version()
    return version.major, version.minor, version.micro


def library_path() -> str:
    """Return the file libseccomp was loaded from, as the dynamic loader names it."""
    path = lib.library_path()
    return "" if path == ffi.NULL else ffi.string(path).decode()


def api_level() -> int:
    """Return what library and running kernel support together, seccomp_api_get(3): 5 and above has notification."""
    return lib.seccomp_api_get()


def native_architecture() -> int:
    """Return the token of the architecture libseccomp was built for."""
    return lib.seccomp_arch_native()


def architecture_token(name: str) -> int:
    """Return libseccomp's number for an architecture, mostly its AUDIT_ARCH number.

    Args:
        name: as in OCI (``SCMP_ARCH_X86_64``) or as in libseccomp (``x86_64``).

    Raises:
        UnknownArchitecture: misspelt, or newer than the library; ``hint`` says which.
    """
    short = OCI_ARCHITECTURES.get(name, name)
    token = lib.seccomp_arch_resolve_name(short.encode())
    if token:
        return token
    version = ".".join(map(str, library_version()))
    if short in OCI_ARCHITECTURES.values():
        reason, hint = f"libseccomp {version} does not know it", "install a newer libseccomp"
    else:
        reason, hint = "no such architecture", None
    raise UnknownArchitecture("seccomp_arch_resolve_name", (name,), errno.EINVAL, reason, hint=hint)


def resolve_syscall(name: str, architecture: int | None = None) -> int:
    """Return the number of a system call.

    Args:
        name: ``openat``.
        architecture: a token; None means the native one.

    Returns:
        The kernel's number. A negative one is libseccomp's stand-in for a call that only other architectures have, or
        that is multiplexed (``socketcall``) on this one; rules accept it.

    Raises:
        UnknownSyscall: the library has never heard of it.
    """
    token = native_architecture() if architecture is None else architecture
    number = lib.seccomp_syscall_resolve_name_arch(token, name.encode())
    if number == _UNKNOWN_NUMBER:
        raise UnknownSyscall(
            "seccomp_syscall_resolve_name_arch", (token, name), errno.EINVAL, "libseccomp does not know it"
        )
    return number


def syscall_name(number: int, architecture: int | None = None) -> str:
    """Return the name of a system call; the opposite of `resolve_syscall`.

    Raises:
        UnknownSyscall: no call has that number there, or the library is older than the call.
    """
    token = native_architecture() if architecture is None else architecture
    name = lib.seccomp_syscall_resolve_num_arch(token, number)
    if name == ffi.NULL:
        raise UnknownSyscall(
            "seccomp_syscall_resolve_num_arch", (token, number), errno.EINVAL, "libseccomp does not know it"
        )
    try:
        return ffi.string(name).decode()
    finally:
        lib.free(name)
