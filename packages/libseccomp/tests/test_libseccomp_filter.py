"""Building and exporting filters; nothing is loaded here."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libseccomp import (
    ALLOW,
    EQ,
    KILL,
    KILL_PROCESS,
    LOG,
    MASKED_EQ,
    NE,
    Condition,
    Filter,
    InvalidArgument,
    SeccompError,
    UnknownSyscall,
    errno_action,
    library_version,
    native_architecture,
    resolve_syscall,
)
from libseccomp.constants import COMPARISONS

if TYPE_CHECKING:
    from collections.abc import Callable

U64 = st.integers(0, 2**64 - 1)
CONDITIONS = st.one_of(
    st.builds(Condition, st.integers(0, 5), st.sampled_from([op for op in COMPARISONS.values() if op != 7]), U64),
    st.builds(lambda index, mask, value: Condition(index, MASKED_EQ, mask, value & mask), st.integers(0, 5), U64, U64),
)


def run_bpf(program: bytes, nr: int, args: list[int]) -> int:
    """Interpret the subset of classic BPF that libseccomp emits, as seccomp(2) would run it."""
    data = struct.pack("=iIQ6Q", nr, native_architecture(), 0, *args)
    accumulator, at = 0, 0
    while True:
        code, if_true, if_false, k = struct.unpack_from("=HBBI", program, at * 8)
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, k)
        elif code == 0x54:
            accumulator &= k
        elif code == 0x05:
            at += k
        elif code == 0x06:
            return int(k)
        else:
            holds = {0x15: accumulator == k, 0x25: accumulator > k, 0x35: accumulator >= k}[code]
            at += if_true if holds else if_false


def kernel_condition(condition: Condition, argument: int) -> bool:
    with Filter(ALLOW) as rules:
        rules.add_rule(errno_action(errno.EPERM), "personality", [condition])
        program = rules.export_bpf()
    args = [0] * 6
    args[condition.index] = argument
    return run_bpf(program, resolve_syscall("personality"), args) != ALLOW


@given(CONDITIONS, U64)
def test_exported_program_decides_as_the_condition_says(condition: Condition, argument: int) -> None:
    assert kernel_condition(condition, argument) == condition.matches(argument)


@given(CONDITIONS)
def test_exported_program_decides_right_at_the_very_value(condition: Condition) -> None:
    argument = condition.value_two if condition.op == MASKED_EQ else condition.value

    assert kernel_condition(condition, argument) == condition.matches(argument)


@given(CONDITIONS, CONDITIONS)
def test_conditions_are_values(one: Condition, other: Condition) -> None:
    assert (one == other) == (repr(one) == repr(other))
    assert eval(repr(one), {"Condition": Condition}) == one
    assert hash(one) == hash(eval(repr(one), {"Condition": Condition}))


def test_condition_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match=r"^Condition is frozen: cannot set 'index'$"):
        Condition(0, EQ, 1).index = 2


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((6, EQ, 0), "a system call has the arguments 0 to 5"),
        ((-1, EQ, 0), "a system call has the arguments 0 to 5"),
        ((0, 8, 0), "no such comparison"),
        ((0, EQ, -1), "values are unsigned and have 64 bits"),
        ((0, EQ, 2**64), "values are unsigned and have 64 bits"),
        ((0, NE, 1, 1), "only MASKED_EQ takes a second value"),
    ],
    ids=["index", "negative index", "operator", "negative", "too large", "second value"],
)
def test_condition_refuses(values: tuple[int, ...], reason: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"^Condition\(.*\): {reason}$"):
        Condition(*values)


def test_several_conditions_must_all_hold() -> None:
    with Filter(ALLOW) as rules:
        rules.add_rule(KILL, "ioctl", [Condition(0, EQ, 1), Condition(1, EQ, 2)])
        program = rules.export_bpf()
    nr = resolve_syscall("ioctl")

    assert run_bpf(program, nr, [1, 2, 0, 0, 0, 0]) == KILL
    assert run_bpf(program, nr, [1, 3, 0, 0, 0, 0]) == ALLOW


def test_default_action_meets_what_no_rule_names() -> None:
    with Filter(errno_action(errno.ENOSYS)) as rules:
        rules.add_rule(ALLOW, "read")

        assert rules.default_action == errno_action(errno.ENOSYS)
        assert run_bpf(rules.export_bpf(), 1, [0] * 6) == errno_action(errno.ENOSYS)


def test_attributes_can_be_set_and_read() -> None:
    with Filter(KILL) as rules:
        before = (rules.no_new_privs, rules.tsync, rules.log, rules.spec_allow, rules.optimize)
        rules.no_new_privs = False
        rules.tsync = rules.log = rules.spec_allow = True
        rules.optimize = 2
        rules.bad_architecture_action = KILL_PROCESS

        assert before == (True, False, False, False, 1)
        assert (rules.no_new_privs, rules.tsync, rules.log, rules.spec_allow, rules.optimize) == (
            False,
            True,
            True,
            True,
            2,
        )
        assert rules.bad_architecture_action == KILL_PROCESS


@pytest.mark.skipif(library_version() >= (2, 6, 0), reason="libseccomp 2.6 has the attribute")
def test_attribute_newer_than_the_library_is_an_error_that_names_the_version() -> None:
    version = re.escape(".".join(map(str, library_version())))

    with (
        Filter(ALLOW) as rules,
        pytest.raises(SeccompError, match=rf"^seccomp_attr_set\(10, True\): libseccomp {version} with api level"),
    ):
        rules.wait_killable = True


def test_native_architecture_is_there_from_the_start() -> None:
    with Filter(ALLOW) as rules:
        assert rules.has_architecture(native_architecture())


def test_adding_an_architecture_twice_is_fine() -> None:
    with Filter(ALLOW) as rules:
        rules.add_architecture("SCMP_ARCH_X86")
        rules.add_architecture("x86")

        assert rules.has_architecture("x86")


def test_architecture_of_the_other_byte_order_is_refused() -> None:
    with Filter(ALLOW) as rules, pytest.raises(SeccompError, match=r"^seccomp_arch_add\('ppc'\): ") as caught:
        rules.add_architecture("ppc")

    assert caught.value.errno == errno.EDOM


def test_removed_architecture_is_gone() -> None:
    with Filter(ALLOW) as rules:
        rules.add_architecture("x86")
        rules.remove_architecture("x86")

        assert not rules.has_architecture("x86")


def test_rule_with_the_default_action_is_refused_with_call_arguments_and_errno() -> None:
    with Filter(LOG) as rules, pytest.raises(SeccompError) as caught:
        rules.add_rule(LOG, "read", [Condition(1, EQ, 2)])

    assert (caught.value.call, caught.value.arguments, caught.value.errno) == (
        "seccomp_rule_add_array",
        (LOG, "read", (1, EQ, 2, 0)),
        errno.EACCES,
    )


def test_unknown_syscall_in_a_rule_is_an_error() -> None:
    with Filter(ALLOW) as rules, pytest.raises(UnknownSyscall):
        rules.add_rule(KILL, "no_such_call")


def test_action_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SeccompError, match=r"^seccomp_init\(4660\): not an action this kernel has$"):
        Filter(0x1234)


@pytest.mark.parametrize(
    "use",
    [Filter.export_bpf, Filter.load, lambda rules: rules.add_rule(KILL, "read"), lambda rules: rules.log],
    ids=["export", "load", "rule", "attribute"],
)
def test_closed_filter_refuses_everything(use: Callable[[Filter], object]) -> None:
    rules = Filter(ALLOW)
    rules.close()
    rules.close()

    with pytest.raises(InvalidArgument, match=r": the filter is closed$"):
        use(rules)


def test_notify_fd_of_a_filter_that_is_not_loaded_is_an_error() -> None:
    with Filter(ALLOW) as rules, pytest.raises(SeccompError, match=r"no filter with a NOTIFY rule is loaded$"):
        _ = rules.notify_fd


def test_pseudo_code_names_the_call_and_its_action() -> None:
    with Filter(ALLOW) as rules:
        rules.add_rule(errno_action(1), "mkdirat")

        text = rules.export_pfc()

    assert '# filter for syscall "mkdirat"' in text
    assert "action ERRNO(1);" in text


def test_example_of_the_readme_runs(run_in_child: Callable[[Callable[[], int]], int]) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    example = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)

    def run() -> int:
        for block in example:
            exec(compile(block, "README.md", "exec"), {})
        return 0

    assert len(example) >= 1
    assert run_in_child(run) == 0
