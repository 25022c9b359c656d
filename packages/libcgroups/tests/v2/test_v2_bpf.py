from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libcgroups.devices import DeviceRule, complete_rules
from libcgroups.errors import CgroupError
from libcgroups.resources import LinuxDeviceCgroup
from libcgroups.v2.bpf import assemble, interpret, rules
from libcgroups.v2.bpf.rules import ALL_ACCESS, Decision

NUMBERS = st.sampled_from([-1, 0, 1, 2, 2**31 - 1])
RULES = st.lists(
    st.builds(
        DeviceRule,
        st.booleans(),
        st.sampled_from("abc"),
        NUMBERS,
        NUMBERS,
        st.sampled_from(["r", "w", "m", "rw", "rm", "wm", "rwm"]),
    ),
    max_size=8,
)
REQUESTS = st.tuples(
    st.sampled_from([rules.BPF_DEVCG_DEV_BLOCK, rules.BPF_DEVCG_DEV_CHAR]),
    st.sampled_from([0, 1, 2, 3, 2**31 - 1, 2**32 - 1]),
    st.sampled_from([0, 1, 2, 3, 2**31 - 1, 2**32 - 1]),
    st.integers(0, ALL_ACCESS),
)

# Building lists of records is slow on a busy machine, which says nothing about the code.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def is_allowed_by_the_last_match(listed: list[DeviceRule], kind: int, major: int, minor: int, access: int) -> bool:
    """What the specification says, word by word."""
    letter = "b" if kind == rules.BPF_DEVCG_DEV_BLOCK else "c"

    def decide(name: str) -> bool:
        matching = [
            rule.allow
            for rule in listed
            if rule.type in ("a", letter)
            and rule.major in (-1, major)
            and rule.minor in (-1, minor)
            and name in rule.access
        ]
        return bool(matching) and matching[-1]

    return all(decide(name) for name, bit in rules.ACCESS_BITS.items() if access & bit)


@unhurried
@given(RULES, REQUESTS)
def test_decisions_answer_like_the_listed_rules(listed: list[DeviceRule], request_: tuple[int, int, int, int]) -> None:
    decisions = rules.decide(listed)

    assert rules.is_allowed(decisions, *request_) == is_allowed_by_the_last_match(listed, *request_)


@unhurried
@given(RULES, REQUESTS)
def test_the_program_answers_like_the_listed_rules(
    listed: list[DeviceRule], request_: tuple[int, int, int, int]
) -> None:
    program = assemble.assemble(rules.decide(listed))

    assert interpret.execute(program, *request_) == is_allowed_by_the_last_match(listed, *request_)


@unhurried
@given(RULES)
def test_a_program_is_read_back(listed: list[DeviceRule]) -> None:
    program = assemble.assemble(rules.decide(listed))

    assert assemble.decode(assemble.encode(program)) == program


@unhurried
@given(RULES)
def test_every_instruction_can_be_reached(listed: list[DeviceRule]) -> None:
    program = assemble.assemble(rules.decide(listed))

    reached = {0}
    for position, step in enumerate(program):
        if position in reached:
            jumps = step.code in (assemble.JMP_JNE_K, assemble.JMP_JSET_K, assemble.JMP_JA)
            goes_on = step.code not in (assemble.JMP_EXIT, assemble.JMP_JA)
            reached |= ({position + 1 + step.offset} if jumps else set()) | ({position + 1} if goes_on else set())

    assert reached == set(range(len(program)))


def test_what_a_later_rule_decides_is_left_out() -> None:
    listed = [
        DeviceRule(True, "c", 1, 3, "rwm"),
        DeviceRule(False, "a", -1, -1, "rwm"),
        DeviceRule(True, "c", 1, 5, "rw"),
        DeviceRule(True, "c", 1, -1, "r"),
        DeviceRule(True, "c", 5, 2**32 - 1, "r"),
    ]

    assert rules.decide(listed) == (
        Decision(rules.BPF_DEVCG_DEV_CHAR, 1, None, rules.BPF_DEVCG_ACC_READ, True),
        Decision(rules.BPF_DEVCG_DEV_CHAR, 1, 5, rules.BPF_DEVCG_ACC_WRITE, True),
    )


def test_a_privileged_container_has_one_decision() -> None:
    listed = complete_rules([LinuxDeviceCgroup(allow=False, access="rwm"), LinuxDeviceCgroup(allow=True, access="rwm")])

    assert rules.decide(listed) == rules.ALLOW_EVERYTHING


def test_a_program_is_dumped_in_the_notation_of_bpftool() -> None:
    program = assemble.assemble(rules.decide([DeviceRule(True, "c", 1, 3, "r")]))

    assert assemble.dump(program) == [
        "   0: r2 = *(u32 *)(r1 + 0)",
        "   1: r3 = r2",
        "   2: r2 &= 65535",
        "   3: r3 >>= 16",
        "   4: r4 = *(u32 *)(r1 + 4)",
        "   5: r5 = *(u32 *)(r1 + 8)",
        "   6: if r3 != 0 goto +2",
        "   7: r0 = 1",
        "   8: exit",
        "   9: r0 = 0",
        "  10: if r2 != 2 goto +6",
        "  11: if r4 != 1 goto +5",
        "  12: if r5 != 3 goto +4",
        "  13: r3 &= 5",
        "  14: if r3 != 0 goto +2",
        "  15: r0 = 1",
        "  16: exit",
        "  17: exit",
    ]


def test_the_interpreter_refuses_what_the_verifier_would() -> None:
    with pytest.raises(CgroupError, match=r"^device program instruction 0: not valid$"):
        interpret.execute([assemble.Instruction(assemble.JMP_EXIT)], 1, 1, 1, 1)
