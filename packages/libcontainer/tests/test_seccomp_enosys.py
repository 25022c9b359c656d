"""The instructions before libseccomp's program, run by a small interpreter."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from libcontainer.seccomp import enosys

X86_64 = 0xC000003E
X32 = 0x4000003E
X86 = 0x40000003
ARM = 0x40000028
AARCH64 = 0xC00000B7
RISCV64 = 0xC00000F3

ENOSYS = 0x00050026
MAIN = 0x7FFF0000
MAIN_PROGRAM = struct.pack("=HBBI", 0x06, 0, 0, MAIN)


def run(program: bytes, architecture: int, nr: int) -> int:
    data = struct.pack("=II", nr, architecture)
    accumulator, at = 0, 0
    while True:
        code, if_true, if_false, k = struct.unpack_from("=HBBI", program, at * 8)
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, k)
        elif code == 0x05:
            at += k
        elif code == 0x06:
            return int(k)
        else:
            holds = {0x15: accumulator == k, 0x25: accumulator > k, 0x35: accumulator >= k}[code]
            at += if_true if holds else if_false


def answer(newest: dict[int, int], architecture: int, nr: int) -> int:
    return run(enosys.prelude(newest) + MAIN_PROGRAM, architecture, nr)


@given(
    st.dictionaries(st.sampled_from([X86_64, X86, ARM, AARCH64, RISCV64]), st.integers(0, 0xEFFFF)),
    st.sampled_from([X86_64, X86, ARM, AARCH64, RISCV64, 0x1234]),
    st.integers(0, 2**32 - 1) | st.integers(0, 0xFFFFF),
)
def test_only_numbers_above_the_newest_known_are_enosys(newest: dict[int, int], architecture: int, nr: int) -> None:
    is_new = architecture in newest and newest[architecture] < nr < enosys.end_of_numbers(architecture)

    assert answer(newest, architecture, nr) == (ENOSYS if is_new else MAIN)


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 2**32 - 1) | st.integers(0x40000000, 0x400007FF))
def test_x32_has_its_own_limit_below_the_same_audit_number(newest: int, newest_x32: int, nr: int) -> None:
    is_new = newest < nr < 0x40000000 or 0x40000000 + newest_x32 < nr < 0x80000000

    assert answer({X86_64: newest, X32: 0x40000000 + newest_x32}, X86_64, nr) == (ENOSYS if is_new else MAIN)


def test_x32_call_is_left_to_libseccomp_where_x32_is_not_covered() -> None:
    assert answer({X86_64: 450}, X86_64, 0x40000000 + 600) == MAIN


def test_private_calls_of_arm_are_not_new() -> None:
    assert answer({ARM: 450}, ARM, 0x0F0005) == MAIN


def test_number_minus_one_by_which_tracers_skip_a_call_is_not_new() -> None:
    assert answer({X86_64: 450, X32: 0x40000000 + 450}, X86_64, 0xFFFFFFFF) == MAIN


def test_nothing_known_means_no_instructions() -> None:
    assert enosys.prelude({}) == b""
