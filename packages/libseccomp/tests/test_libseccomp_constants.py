"""The numbers in constants.py are those that the compiler saw in the headers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from libseccomp import (
    ALLOW,
    OCI_ARCHITECTURES,
    InvalidArgument,
    UnknownArchitecture,
    UnknownSyscall,
    api_level,
    architecture_token,
    constants,
    errno_action,
    library_path,
    library_version,
    native_architecture,
    resolve_syscall,
    syscall_name,
    trace_action,
)
from libseccomp._libseccomp import lib


def test_first_attribute_and_comparison_match_the_header() -> None:
    assert lib.SCMP_FLTATR_ACT_DEFAULT == constants.ATTRIBUTE_DEFAULT_ACTION
    assert lib.SCMP_CMP_NE == constants.NE


def test_errno_action_carries_the_number() -> None:
    assert errno_action(38) == 0x00050026


def test_trace_action_carries_the_message() -> None:
    assert trace_action(0xFFFF) == 0x7FF0FFFF


@pytest.mark.parametrize("number", [-1, 4096])
def test_errno_action_refuses_what_is_no_errno(number: int) -> None:
    with pytest.raises(InvalidArgument, match=rf"^errno_action\({number}\): not between 0 and 4095$"):
        errno_action(number)


def test_trace_action_refuses_more_than_16_bits() -> None:
    with pytest.raises(InvalidArgument, match=r"^trace_action\(65536\): not between 0 and 65535$"):
        trace_action(0x10000)


def test_library_is_at_least_the_version_compiled_against() -> None:
    assert library_version() >= (2, 5, 4)
    assert api_level() >= 5


def test_library_path_is_a_file_called_libseccomp() -> None:
    path = Path(library_path())

    assert path.is_file()
    assert path.name.startswith("libseccomp")


def test_oci_names_all_23_architectures() -> None:
    assert len(OCI_ARCHITECTURES) == 23


def test_oci_and_library_names_mean_the_same_architecture() -> None:
    assert architecture_token("SCMP_ARCH_AARCH64") == architecture_token("aarch64") == 0xC00000B7


def test_architecture_the_library_does_not_know_says_so() -> None:
    with pytest.raises(UnknownArchitecture, match=r"^seccomp_arch_resolve_name\('z80'\): no such architecture$"):
        architecture_token("z80")


@pytest.mark.skipif(library_version() >= (2, 6, 0), reason="libseccomp 2.6 knows M68K")
def test_architecture_of_oci_newer_than_the_library_names_the_version_and_a_remedy() -> None:
    version = re.escape(".".join(map(str, library_version())))

    with pytest.raises(UnknownArchitecture, match=rf"libseccomp {version} does not know it$") as caught:
        architecture_token("SCMP_ARCH_M68K")

    assert caught.value.hint == "install a newer libseccomp"


def test_syscall_names_and_numbers_go_both_ways() -> None:
    x86 = architecture_token("x86")

    assert resolve_syscall("openat2") == 437
    assert resolve_syscall("mkdir", x86) == 39
    assert syscall_name(39, x86) == "mkdir"


def test_x32_numbers_carry_the_x32_bit() -> None:
    assert resolve_syscall("openat2", architecture_token("x32")) == constants.X32_SYSCALL_BIT | 437


def test_call_that_only_another_architecture_has_gets_a_negative_number() -> None:
    assert resolve_syscall("mmap2", architecture_token("x86_64")) < 0


def test_unknown_syscall_name_is_an_error() -> None:
    with pytest.raises(UnknownSyscall, match=r"'no_such_call'\): libseccomp does not know it$"):
        resolve_syscall("no_such_call")


def test_unknown_syscall_number_is_an_error() -> None:
    with pytest.raises(UnknownSyscall, match=rf"\({native_architecture()}, 9999\): libseccomp does not know it$"):
        syscall_name(9999)


def test_allow_is_the_least_restrictive_action() -> None:
    actions = [constants.KILL, constants.TRAP, constants.NOTIFY, constants.LOG, errno_action(1), trace_action(1)]

    assert max(actions) < ALLOW
