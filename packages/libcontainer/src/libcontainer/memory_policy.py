"""The NUMA memory policy of a process, set_mempolicy(2); not for cpuset.mems."""

from __future__ import annotations

import errno

from libcontainer import errors, id_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.oci.spec import LinuxMemoryPolicy
    from libcontainer.syscall import Syscall

MODES: dict[str, int] = {
    "MPOL_DEFAULT": 0,
    "MPOL_PREFERRED": 1,
    "MPOL_BIND": 2,
    "MPOL_INTERLEAVE": 3,
    "MPOL_LOCAL": 4,
    "MPOL_PREFERRED_MANY": 5,  # since Linux 5.15
    "MPOL_WEIGHTED_INTERLEAVE": 6,  # since Linux 6.9
}
"""linux/mempolicy.h."""

FLAGS: dict[str, int] = {
    "MPOL_F_NUMA_BALANCING": 1 << 13,
    "MPOL_F_RELATIVE_NODES": 1 << 14,
    "MPOL_F_STATIC_NODES": 1 << 15,
}
"""linux/mempolicy.h: the flags that are or-ed into the mode."""


def apply(syscall: Syscall, policy: LinuxMemoryPolicy) -> None:
    """Set the memory policy of the calling process; it is kept by execve(2) and inherited.

    Raises:
        SpecError: nodes is not a list such as ``0-1,3``.
        SyscallError: EINVAL when mode, flags and nodes do not fit each other or a node has no memory.
    """
    mode = MODES[policy.mode]
    for name in policy.flags:
        mode |= FLAGS[name]
    try:
        nodes = id_list.parse(policy.nodes) if policy.nodes else []
    except ValueError as error:
        raise errors.SpecError("linux.memoryPolicy.nodes", str(error)) from error
    try:
        syscall.set_mempolicy(mode, nodes)
    except OSError as error:
        shown = " ".join((policy.mode, *policy.flags, *([f"nodes {policy.nodes}"] if policy.nodes else [])))
        raise errors.syscall_error(
            error,
            f"set the memory policy {shown}",
            step="memoryPolicy",
            property="linux.memoryPolicy",
            hint="do all the nodes exist, and does this kernel know the mode?" if error.errno == errno.EINVAL else None,
        ) from error
