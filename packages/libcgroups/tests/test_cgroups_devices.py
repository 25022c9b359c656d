from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libcgroups import devices
from libcgroups.devices import WILDCARD, DeviceRule
from libcgroups.errors import ResourceError
from libcgroups.resources import LinuxDeviceCgroup

DENY_ALL = LinuxDeviceCgroup(allow=False, access="rwm")


def test_the_runtime_s_own_rules_come_after_the_user_s() -> None:
    writes = devices.v1_writes(devices.complete_rules([DENY_ALL, LinuxDeviceCgroup(True, "b", 8, None, "rw")]))

    assert writes == [
        ("devices.deny", "a"),
        ("devices.allow", "b 8:* rw"),
        ("devices.allow", "c *:* m"),
        ("devices.allow", "b *:* m"),
        ("devices.allow", "c 1:3 rwm"),
        ("devices.allow", "c 1:5 rwm"),
        ("devices.allow", "c 1:7 rwm"),
        ("devices.allow", "c 1:8 rwm"),
        ("devices.allow", "c 1:9 rwm"),
        ("devices.allow", "c 5:0 rwm"),
        ("devices.allow", "c 5:2 rwm"),
        ("devices.allow", "c 136:* rwm"),
        ("devices.allow", "c 10:200 rwm"),
    ]


def test_a_device_allowed_twice_is_written_once() -> None:
    rules = [DENY_ALL, LinuxDeviceCgroup(True, "c", 1, 3, "r"), LinuxDeviceCgroup(True, "c", 1, 3, "w")]

    assert devices.v1_writes(devices.check_rules(rules)) == [("devices.deny", "a"), ("devices.allow", "c 1:3 rw")]


def test_all_types_with_a_number_are_not_all_devices() -> None:
    rules = [LinuxDeviceCgroup(False, "a", 8, 0, "w")]

    assert devices.v1_writes(devices.check_rules(rules)) == [
        ("devices.deny", "b 8:0 w"),
        ("devices.deny", "c 8:0 w"),
    ]


def test_a_hole_in_a_wider_rule_is_refused() -> None:
    rules = [DENY_ALL, LinuxDeviceCgroup(True, "b", 8, None, "rw"), LinuxDeviceCgroup(False, "b", 8, 1, "w")]

    with pytest.raises(ResourceError) as caught:
        devices.v1_writes(devices.check_rules(rules))

    assert str(caught.value) == (
        "linux.resources.devices: 'b 8:1 w' (deny) is an exception to the wider 'b 8:* rw', "
        "which cgroup v1 cannot express"
    )


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        pytest.param(LinuxDeviceCgroup(True, "p", 1, 1, "r"), r"\.type: expected a, b or c, got 'p'", id="type"),
        pytest.param(LinuxDeviceCgroup(True, "c", 1, 1, ""), r"\.access: must not be empty", id="no access"),
        pytest.param(LinuxDeviceCgroup(True, "c", 1, 1), r"\.access: must not be empty", id="absent access"),
        pytest.param(
            LinuxDeviceCgroup(True, "c", 1, 1, "rx"), r"\.access: expected letters out of rwm, got 'rx'", id="letter"
        ),
        pytest.param(
            LinuxDeviceCgroup(True, "c", -2, 1, "r"),
            r"\.major: expected a device number or -1 for all, got -2",
            id="major",
        ),
        pytest.param(
            LinuxDeviceCgroup(True, "c", 1, 2**32, "r"),
            r"\.minor: expected a device number or -1 for all, got 4294967296",
            id="minor",
        ),
    ],
)
def test_a_bad_rule_is_named(rule: LinuxDeviceCgroup, message: str) -> None:
    with pytest.raises(ResourceError, match=rf"^linux\.resources\.devices\[1\]{message}$"):
        devices.check_rules([DENY_ALL, rule])


NUMBERS = st.sampled_from([WILDCARD, 1, 2])
RULES = st.builds(
    DeviceRule,
    allow=st.booleans(),
    type=st.sampled_from("abc"),
    major=NUMBERS,
    minor=NUMBERS,
    access=st.sampled_from(["r", "w", "rw", "rwm"]),
) | st.builds(
    DeviceRule,
    allow=st.booleans(),
    type=st.just("a"),
    major=st.just(WILDCARD),
    minor=st.just(WILDCARD),
    access=st.just("rwm"),
)


def plain_walk(rules: list[DeviceRule], kind: str, major: int, minor: int, letter: str) -> bool:
    """The specification: the last rule that matches decides, all is allowed without one."""
    allowed = True
    for rule in rules:
        if rule.type in ("a", kind) and rule.major in (WILDCARD, major) and rule.minor in (WILDCARD, minor):
            allowed = rule.allow if letter in rule.access else allowed
    return allowed


class KernelModel:
    """security/device_cgroup.c: a default, and exceptions that are matched, merged and removed by equal numbers."""

    def __init__(self) -> None:
        self.allows = True
        self.exceptions: dict[tuple[str, str], set[str]] = {}

    def write(self, file: str, text: str) -> None:
        is_allow = file == "devices.allow"
        if text == "a":
            self.allows = is_allow
            self.exceptions.clear()
            return
        kind, numbers, access = text.split()
        letters = self.exceptions.setdefault((kind, numbers), set())
        if is_allow == self.allows:
            letters.difference_update(access)
        else:
            letters.update(access)

    def permits(self, kind: str, major: int, minor: int, letter: str) -> bool:
        for (other, numbers), access in self.exceptions.items():
            left, right = numbers.split(":")
            if other == kind and left in ("*", str(major)) and right in ("*", str(minor)) and letter in access:
                return not self.allows
        return self.allows


@given(st.lists(RULES, max_size=8))
def test_what_the_kernel_is_told_means_the_same_as_the_rules(rules: list[DeviceRule]) -> None:
    try:
        writes = devices.v1_writes(rules)
    except ResourceError:
        return
    kernel = KernelModel()

    for file, text in writes:
        kernel.write(file, text)

    questions = [(kind, a, b, letter) for kind in "bc" for a in (1, 2, 3) for b in (1, 2, 3) for letter in "rwm"]
    assert [kernel.permits(*each) for each in questions] == [plain_walk(rules, *each) for each in questions]
    assert len(set(writes)) == len(writes)
