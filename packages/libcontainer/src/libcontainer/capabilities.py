"""The five capability sets of a process, capabilities(7); not for file capabilities or for changing user ids.

The order a caller keeps: ``drop_bounding`` while CAP_SETPCAP is still effective, then the change of ids under
PR_SET_KEEPCAPS, then ``apply``, which needs nothing but the permitted set.
"""

from __future__ import annotations

import errno

from libcgroups.record import Record
from libcontainer import errors
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from libcontainer.oci.spec import LinuxCapabilities
    from libcontainer.syscall import Syscall

NAMES: tuple[str, ...] = (
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
    "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
    "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
)  # fmt: skip
"""The names of linux/capability.h; the index is the number of the capability."""

BITS: dict[str, int] = {name: 1 << number for number, name in enumerate(NAMES)}
"""The bit of each capability in a set."""

ALL = (1 << 64) - 1
"""No restriction on what can be granted, as the first process of a new user namespace has it."""


class CapabilityMasks(Record):
    """The five sets as bit masks, ready for capset(2) and prctl(2)."""

    bounding: int = 0
    effective: int = 0
    permitted: int = 0
    inheritable: int = 0
    ambient: int = 0


def masks(
    capabilities: LinuxCapabilities | None, last_cap: int, grantable: int = ALL
) -> tuple[CapabilityMasks, list[str]]:
    """Turn process.capabilities into masks that the kernel accepts.

    What the kernel does not know or the runtime cannot give is left out and told in a warning; the specification
    forbids to fail for it. A set that is not given is empty, and so are all when ``capabilities`` is None.

    ``last_cap`` is the highest capability of the running kernel, see ``last_cap``. ``grantable`` holds the capabilities
    that the process will hold when the masks are applied: its permitted set.

    Returns:
        The masks and the warnings, one for each cause.
    """
    if capabilities is None:
        return CapabilityMasks(), []
    unknown: dict[str, None] = {}
    known = (1 << (last_cap + 1)) - 1
    asked = [
        _mask(names, known, unknown)
        for names in (
            capabilities.bounding,
            capabilities.effective,
            capabilities.permitted,
            capabilities.inheritable,
            capabilities.ambient,
        )
    ]
    bounding, effective, permitted, inheritable, ambient = asked
    # The rules of cap_capset() and of PR_CAP_AMBIENT_RAISE: each set must lie within another one.
    bounding &= grantable
    permitted &= grantable
    effective &= permitted
    inheritable &= bounding
    ambient &= permitted & inheritable
    granted = CapabilityMasks(bounding, effective, permitted, inheritable, ambient)
    warnings = []
    if unknown:
        warnings.append(f"ignoring unknown or unavailable capabilities: [{' '.join(unknown)}]")
    for set_name, wanted in zip(CapabilityMasks.__fields__, asked, strict=True):
        refused = wanted & ~getattr(granted, set_name)
        if refused:
            warnings.append(
                f"ignoring capabilities of process.capabilities.{set_name} that cannot be granted "
                f"({_BOUNDS[set_name]}): [{' '.join(names_of(refused))}]"
            )
    return granted, warnings


_BOUNDS = {
    "bounding": "the runtime does not hold them",
    "effective": "they are not permitted",
    "permitted": "the runtime does not hold them",
    "inheritable": "they are not in the bounding set",
    "ambient": "they are not both permitted and inheritable",
}


def names_of(mask: int) -> list[str]:
    """Return the names of the capabilities in a set, ordered by number; a bit without a name is shown as ``CAP_63``."""
    return [NAMES[number] if number < len(NAMES) else f"CAP_{number}" for number in range(64) if mask >> number & 1]


def last_cap(syscall: Syscall) -> int:
    """Return the number of the kernel's highest capability, by probing PR_CAPBSET_READ; needs no /proc."""
    number = len(NAMES) - 1
    while number < 63 and _is_known(syscall, number + 1):
        number += 1
    while number > 0 and not _is_known(syscall, number):
        number -= 1
    return number


def drop_bounding(syscall: Syscall, keep: int, last_cap: int) -> None:
    """Drop every capability from the bounding set but those in the mask ``keep``.

    Raises:
        SyscallError: EPERM without CAP_SETPCAP, when there is something to drop.
    """
    for number in range(last_cap + 1):
        if keep >> number & 1:
            continue
        try:
            syscall.prctl(flags.PR_CAPBSET_DROP, number)
        except OSError as error:
            if error.errno == errno.EPERM and not syscall.prctl(flags.PR_CAPBSET_READ, number):
                continue
            raise errors.syscall_error(
                error,
                f"drop {_name(number)} from the bounding set",
                step="capabilities",
                property="process.capabilities.bounding",
            ) from error


def apply(syscall: Syscall, masks: CapabilityMasks) -> None:
    """Set the effective, permitted, inheritable and ambient sets; the bounding set must have been dropped before.

    Raises:
        SyscallError: EPERM when a set is larger than the rules of capset(2) allow.
    """
    try:
        syscall.capset(masks.effective, masks.permitted, masks.inheritable)
    except OSError as error:
        raise errors.syscall_error(
            error, "apply the capabilities", step="capabilities", property="process.capabilities"
        ) from error
    try:
        syscall.prctl(flags.PR_CAP_AMBIENT, flags.PR_CAP_AMBIENT_CLEAR_ALL)
        for number in _numbers(masks.ambient):
            syscall.prctl(flags.PR_CAP_AMBIENT, flags.PR_CAP_AMBIENT_RAISE, number)
    except OSError as error:
        raise errors.syscall_error(
            error, "set the ambient capabilities", step="capabilities", property="process.capabilities.ambient"
        ) from error


def drop_privileges(syscall: Syscall, masks: CapabilityMasks, last_cap: int) -> None:
    """Set all five sets at once, for a process that does not change its user ids in between."""
    drop_bounding(syscall, masks.bounding, last_cap)
    apply(syscall, masks)


def reset_effective(syscall: Syscall) -> None:
    """Make every permitted capability effective again: a change of user ids under PR_SET_KEEPCAPS clears them."""
    _, permitted, inheritable = syscall.capget()
    syscall.capset(permitted, permitted, inheritable)


def _mask(names: Sequence[str] | None, known: int, unknown: dict[str, None]) -> int:
    mask = 0
    for name in names or ():
        bit = BITS.get(name, 0) & known
        if bit:
            mask |= bit
        else:
            unknown[name] = None
    return mask


def _numbers(mask: int) -> Iterable[int]:
    return [number for number in range(mask.bit_length()) if mask >> number & 1]


def _is_known(syscall: Syscall, number: int) -> bool:
    try:
        syscall.prctl(flags.PR_CAPBSET_READ, number)
    except OSError as error:
        if error.errno == errno.EINVAL:
            return False
        raise
    return True


def _name(number: int) -> str:
    return names_of(1 << number)[0]
