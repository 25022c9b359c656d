"""Kernel parameters of the container's namespaces, sysctl(8); whether a key may be set is decided in the validation."""

from __future__ import annotations

import errno
import os

from libcontainer import errors
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from libcontainer.syscall import Syscall


def apply(syscall: Syscall, proc_fd: int, sysctls: Mapping[str, str]) -> None:
    """Write parameters in the order given, from inside the namespaces they belong to.

    ``proc_fd`` is the root of a procfs that the container cannot change. ``sysctls`` maps keys such as
    ``net.ipv4.ip_forward`` to values; see ``path_of`` for the spelling.

    Raises:
        SpecError: a key is not a path below /proc/sys.
        SyscallError: the kernel has no such parameter or does not take the value.
    """
    if syscall.fstatfs_type(proc_fd) != flags.PROC_SUPER_MAGIC:
        raise errors.LibcontainerError("write sysctl: the given descriptor is not the root of a procfs", step="sysctl")
    for key, value in sysctls.items():
        _write(syscall, proc_fd, key, value)


def path_of(key: str) -> str:
    """Return the path of a parameter below /proc/sys.

    As in sysctl(8), the separator that comes first, a dot or a slash, separates the parts and the other one stands
    for a dot: ``net.ipv4.conf.eth0/1.forwarding`` and ``net/ipv4/conf/eth0.1/forwarding`` are the same.

    Raises:
        SpecError: a part is empty, ``.`` or ``..``.
    """
    dot, slash = key.find("."), key.find("/")
    path = key
    if dot >= 0 and (slash < 0 or dot < slash):
        path = "/".join(part.replace("/", ".") for part in key.split("."))
    if any(part in ("", ".", "..") for part in path.split("/")) or "\0" in path:
        raise errors.SpecError(f"linux.sysctl[{key}]", "not the name of a kernel parameter")
    return path


def _write(syscall: Syscall, proc_fd: int, key: str, value: str) -> None:
    path = path_of(key)
    try:
        fd = syscall.openat2(
            proc_fd,
            f"sys/{path}",
            os.O_WRONLY | os.O_CLOEXEC,
            resolve=flags.RESOLVE_BENEATH | flags.RESOLVE_NO_SYMLINKS | flags.RESOLVE_NO_XDEV,
        )
        try:
            os.write(fd, os.fsencode(value))
        finally:
            os.close(fd)
    except OSError as error:
        raise errors.syscall_error(
            error,
            f"write sysctl {key} = {value!r}",
            step="sysctl",
            property=f"linux.sysctl[{key}]",
            hint=_HINTS.get(error.errno or 0),
        ) from error


_HINTS = {
    errno.ENOENT: "this kernel has no such parameter, or it is not part of a namespace",
    errno.EINVAL: "the kernel does not accept the value",
    errno.EACCES: "the parameter cannot be written from this user namespace",
}
