"""Device rules as decisions: an ordered, minimal list; not instructions, that is ``assemble``.

A request names a device (type, major, minor) and some of the accesses read, write, mknod. Each access asked for is
decided by the *last* rule of the list that matches it; what no rule matches is denied; the request is allowed when
every access it asks for is. So decisions are kept in the order in which they are tried: last rule first.
"""

from __future__ import annotations

from libcgroups.devices import WILDCARD
from libcgroups.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from libcgroups.devices import DeviceRule

# The kernel's words of uapi/linux/bpf.h.
BPF_DEVCG_ACC_MKNOD = 1
BPF_DEVCG_ACC_READ = 2
BPF_DEVCG_ACC_WRITE = 4
BPF_DEVCG_DEV_BLOCK = 1
BPF_DEVCG_DEV_CHAR = 2

ALL_ACCESS = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE
ACCESS_BITS = {"r": BPF_DEVCG_ACC_READ, "w": BPF_DEVCG_ACC_WRITE, "m": BPF_DEVCG_ACC_MKNOD}
DEVICE_TYPES = {"a": None, "b": BPF_DEVCG_DEV_BLOCK, "c": BPF_DEVCG_DEV_CHAR}

#: An instruction compares with a signed 32-bit number. The kernel's majors have 12 bits and its minors 20.
LARGEST_NUMBER = 2**31 - 1


class Decision(Record):
    """What to do with some accesses to some devices; None stands for every type, major or minor.

    Attributes:
        kind: BPF_DEVCG_DEV_BLOCK or BPF_DEVCG_DEV_CHAR.
        access: BPF_DEVCG_ACC bits, at least one.
    """

    kind: int | None
    major: int | None
    minor: int | None
    access: int
    allow: bool

    def matches(self, kind: int, major: int, minor: int) -> bool:
        """Tell whether the decision is about this device."""
        return self.kind in (None, kind) and self.major in (None, major) and self.minor in (None, minor)


ALLOW_EVERYTHING = (Decision(None, None, None, ALL_ACCESS, True),)


def decide(rules: Sequence[DeviceRule]) -> tuple[Decision, ...]:
    """Translate rules, in the order of config.json, into decisions in the order they are tried.

    What makes no difference is left out: accesses that a later rule about the same devices or more has decided, numbers
    that no device can have, denials at the end (denial is the default), and what is allowed just before everything is.
    """
    decided: dict[tuple[int | None, int | None, int | None], int] = {}
    decisions: list[Decision] = []
    for rule in reversed(rules):
        if max(rule.major, rule.minor) > LARGEST_NUMBER:
            continue
        kind = DEVICE_TYPES[rule.type]
        major = None if rule.major == WILDCARD else rule.major
        minor = None if rule.minor == WILDCARD else rule.minor
        wanted = sum(ACCESS_BITS[letter] for letter in rule.access)
        access = wanted & ~_decided_access(decided, kind, major, minor)
        if access:
            decided[kind, major, minor] = decided.get((kind, major, minor), 0) | access
            decisions.append(Decision(kind, major, minor, access, rule.allow))
    while decisions and not decisions[-1].allow:
        decisions.pop()
    if decisions[-1:] == list(ALLOW_EVERYTHING):
        while len(decisions) > 1 and decisions[-2].allow:
            del decisions[-2]
    return tuple(decisions)


def _decided_access(
    decided: dict[tuple[int | None, int | None, int | None], int],
    kind: int | None,
    major: int | None,
    minor: int | None,
) -> int:
    """Return the accesses that a later rule about these devices, or more than these, has decided."""
    access = 0
    for some_kind in {kind, None}:
        for some_major in {major, None}:
            for some_minor in {minor, None}:
                access |= decided.get((some_kind, some_major, some_minor), 0)
    return access


def is_allowed(decisions: Iterable[Decision], kind: int, major: int, minor: int, access: int) -> bool:
    """Answer a request by walking the decisions, as the assembled program does."""
    for decision in decisions:
        if access == 0:
            break
        if not decision.matches(kind, major, minor):
            continue
        if decision.allow:
            access &= ~decision.access
        elif access & decision.access:
            return False
    return access == 0
