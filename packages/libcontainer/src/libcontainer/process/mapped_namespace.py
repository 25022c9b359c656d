"""User namespaces that nobody lives in: an idmapped mount takes its mappings from one, mount_setattr(2)."""

from __future__ import annotations

import os

from libcontainer import pidfd, user_ns
from libcontainer.errors import SyscallError
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libcontainer.oci.spec import LinuxIDMapping
    from libcontainer.syscall import Syscall

_SIGKILL = 9


def make(syscall: Syscall, uid_mappings: Sequence[LinuxIDMapping], gid_mappings: Sequence[LinuxIDMapping]) -> int:
    """Return a descriptor of a new user namespace with the mappings; the child that made it has ended by then.

    Raises:
        SyscallError: no user namespace can be made, or its maps cannot be written.
    """
    try:
        pid, child = syscall.clone3(flags.CLONE_NEWUSER)
    except OSError as error:
        raise SyscallError(
            "make a user namespace for an idmapped mount", error.errno, step="mount", syscall="clone3"
        ) from None
    if pid == 0:
        while True:
            os.read(os.eventfd(0), 8)
    try:
        user_ns.write_maps(pid, uid_mappings, gid_mappings)
        return os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        pidfd.pidfd_send_signal(child, _SIGKILL)
        os.waitpid(pid, 0)
        os.close(child)
