"""Device rules of the OCI specification: checked, completed with what every container needs, and reduced to the two
lists that cgroup v1 understands; the programs of cgroup v2 are in ``libcgroups.v2.bpf``.

In the specification the last rule that matches decides. The kernel's v1 controller has a default and a list of
exceptions to it, so a rule that punches a hole into an exception cannot be expressed and is refused.
"""

from __future__ import annotations

from libcgroups.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from libcgroups.resources import LinuxDeviceCgroup

#: Matches every major or minor number.
WILDCARD = -1

_LARGEST_NUMBER = 2**32 - 1


class DeviceRule(Record):
    """A checked rule.

    Attributes:
        type: ``a`` (block and character), ``b`` or ``c``.
        major: a number, or WILDCARD; so for minor.
        access: some of ``rwm``, in that order.
    """

    allow: bool
    type: str
    major: int
    minor: int
    access: str

    def __str__(self) -> str:
        return f"{self.type} {_number(self.major)}:{_number(self.minor)} {self.access}"


class DeviceNode(Record):
    """A device file that the specification promises to every container."""

    path: str
    major: int
    minor: int
    type: str = "c"
    file_mode: int = 0o666


#: What a container may always do, whatever the rules before say: make nodes, and use these.
_ALWAYS_ALLOWED = (
    ("c", WILDCARD, WILDCARD, "m"),
    ("b", WILDCARD, WILDCARD, "m"),
    ("c", 1, 3, "rwm"),  # /dev/null
    ("c", 1, 5, "rwm"),  # /dev/zero
    ("c", 1, 7, "rwm"),  # /dev/full
    ("c", 1, 8, "rwm"),  # /dev/random
    ("c", 1, 9, "rwm"),  # /dev/urandom
    ("c", 5, 0, "rwm"),  # /dev/tty
    ("c", 5, 2, "rwm"),  # /dev/ptmx
    ("c", 136, WILDCARD, "rwm"),  # /dev/pts/*
    # /dev/net/tun: programs in the field rely on it although no specification names it.
    ("c", 10, 200, "rwm"),
)


def default_allow_devices() -> tuple[DeviceRule, ...]:
    """Return the rules that are appended to those of the user."""
    return tuple(DeviceRule(True, *rule) for rule in _ALWAYS_ALLOWED)


def default_devices() -> tuple[DeviceNode, ...]:
    """Return the device files of the specification's "Default Devices" section."""
    return (
        DeviceNode("/dev/null", 1, 3),
        DeviceNode("/dev/zero", 1, 5),
        DeviceNode("/dev/full", 1, 7),
        DeviceNode("/dev/random", 1, 8),
        DeviceNode("/dev/urandom", 1, 9),
        DeviceNode("/dev/tty", 5, 0),
    )


def check_rules(rules: Iterable[LinuxDeviceCgroup]) -> list[DeviceRule]:
    """Turn the rules of a configuration into checked ones, in the same order.

    Raises:
        ResourceError: unknown type, number out of range, no access or an unknown letter in it.
    """
    return [_check(index, rule) for index, rule in enumerate(rules)]


def complete_rules(rules: Iterable[LinuxDeviceCgroup]) -> list[DeviceRule]:
    """Check the rules and append the ones for devices that every container may use."""
    return [*check_rules(rules), *default_allow_devices()]


def v1_writes(rules: Iterable[DeviceRule]) -> list[tuple[str, str]]:
    """Reduce rules to what must be written to a v1 devices cgroup: pairs of file name and text, in order.

    Only exceptions that are still in force after the last rule are written, each once.

    Raises:
        ResourceError: a rule makes an exception to an exception.
    """
    allowed_by_default = True
    is_reset = False
    # Exceptions to the default: (type, major, minor) -> letters. Insertion order is kept.
    exceptions: dict[tuple[str, int, int], str] = {}
    for rule in rules:
        if rule.type == "a" and rule.major == rule.minor == WILDCARD and rule.access == "rwm":
            allowed_by_default, is_reset = rule.allow, True
            exceptions.clear()
            continue
        for kind in "bc" if rule.type == "a" else rule.type:
            if rule.allow == allowed_by_default:
                _withdraw(exceptions, kind, rule)
            else:
                _except(exceptions, kind, rule)
    writes = [("devices.allow" if allowed_by_default else "devices.deny", "a")] if is_reset else []
    name = "devices.deny" if allowed_by_default else "devices.allow"
    for (kind, major, minor), access in exceptions.items():
        writes.append((name, f"{kind} {_number(major)}:{_number(minor)} {access}"))
    return writes


def _except(exceptions: dict[tuple[str, int, int], str], kind: str, rule: DeviceRule) -> None:
    key = (kind, rule.major, rule.minor)
    exceptions[key] = _letters(exceptions.get(key, "") + rule.access)


def _withdraw(exceptions: dict[tuple[str, int, int], str], kind: str, rule: DeviceRule) -> None:
    for key, access in list(exceptions.items()):
        other, major, minor = key
        shared = [letter for letter in access if letter in rule.access]
        if other != kind or not shared or not (_overlap(major, rule.major) and _overlap(minor, rule.minor)):
            continue
        if rule.major not in (WILDCARD, major) or rule.minor not in (WILDCARD, minor):
            from libcgroups import errors

            raise errors.ResourceError(
                f"linux.resources.devices: '{rule}' ({'allow' if rule.allow else 'deny'}) is an exception to the wider "
                f"'{kind} {_number(major)}:{_number(minor)} {access}', which cgroup v1 cannot express",
                hint="list the devices one by one instead of the wider rule",
                controller="devices",
            )
        rest = "".join(letter for letter in access if letter not in rule.access)
        if rest:
            exceptions[key] = rest
        else:
            del exceptions[key]


def _check(index: int, rule: LinuxDeviceCgroup) -> DeviceRule:
    where = f"linux.resources.devices[{index}]"
    kind = rule.type or "a"
    if kind not in ("a", "b", "c"):
        raise _invalid(f"{where}.type", f"expected a, b or c, got {kind!r}")
    if not rule.access:
        raise _invalid(f"{where}.access", "must not be empty")
    if set(rule.access) - set("rwm"):
        raise _invalid(f"{where}.access", f"expected letters out of rwm, got {rule.access!r}")
    numbers = []
    for name, number in (("major", rule.major), ("minor", rule.minor)):
        value = WILDCARD if number is None else number
        if not WILDCARD <= value <= _LARGEST_NUMBER:
            raise _invalid(f"{where}.{name}", f"expected a device number or -1 for all, got {value}")
        numbers.append(value)
    return DeviceRule(rule.allow, kind, numbers[0], numbers[1], _letters(rule.access))


def _invalid(where: str, reason: str) -> Exception:
    from libcgroups import errors

    return errors.ResourceError(f"{where}: {reason}", controller="devices")


def _letters(access: str) -> str:
    return "".join(letter for letter in "rwm" if letter in access)


def _number(number: int) -> str:
    return "*" if number == WILDCARD else str(number)


def _overlap(left: int, right: int) -> bool:
    return WILDCARD in (left, right) or left == right
