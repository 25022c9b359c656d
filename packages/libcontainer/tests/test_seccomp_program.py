"""Sections to programs: the compiler's choices, and the way through the cache."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import libseccomp
from libcontainer import seccomp
from libcontainer.errors import SyscallError
from libcontainer.oci import decode
from libcontainer.oci.spec import LinuxSeccomp, LinuxSeccompArg, LinuxSyscall
from libcontainer.seccomp import Program, compiler

DATA = Path(__file__).parent / "data" / "seccomp"
SPEC_ALLOW = 4
NEW_LISTENER = 8


def read_section(name: str) -> LinuxSeccomp:
    return decode.decode(LinuxSeccomp, json.loads((DATA / name).read_text()))


def deny(*names: str, **properties: object) -> LinuxSyscall:
    return LinuxSyscall(names=names, action="SCMP_ACT_ERRNO", **properties)  # type: ignore[arg-type]  # test shorthand


def filtered(default: int, *rules: tuple[int, str, list[libseccomp.Condition]]) -> bytes:
    with libseccomp.Filter(default) as expected:
        for rule in rules:
            expected.add_rule(*rule)
        return expected.export_bpf()


class RefusingKernel:
    """A kernel whose seccomp(2) always fails."""

    def seccomp_set_mode_filter(self, flags: int, program: bytes) -> int:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))


class LoadingKernel:
    """A kernel that remembers what was loaded and hands out descriptor 9."""

    def __init__(self) -> None:
        self.loaded: list[tuple[int, bytes]] = []

    def seccomp_set_mode_filter(self, flags: int, program: bytes) -> int:
        self.loaded.append((flags, program))
        return 9


def test_errno_is_eperm_unless_given() -> None:
    section = LinuxSeccomp("SCMP_ACT_ALLOW", syscalls=[deny("mkdir"), deny("rmdir", errno_ret=errno.EXDEV)])

    assert compiler.compile_section(section).bpf == filtered(
        libseccomp.ALLOW,
        (libseccomp.errno_action(errno.EPERM), "mkdir", []),
        (libseccomp.errno_action(errno.EXDEV), "rmdir", []),
    )


def test_names_unknown_to_libseccomp_are_skipped_and_told() -> None:
    section = LinuxSeccomp("SCMP_ACT_ALLOW", syscalls=[deny("no_such_call", "mkdir"), deny("nor_this")])

    compiled = compiler.compile_section(section)

    assert compiled.skipped == ("no_such_call", "nor_this")
    assert compiled.bpf == filtered(libseccomp.ALLOW, (libseccomp.errno_action(errno.EPERM), "mkdir", []))


def test_rule_with_the_default_action_is_skipped() -> None:
    section = LinuxSeccomp("SCMP_ACT_ALLOW", syscalls=[LinuxSyscall(["mkdir"], "SCMP_ACT_ALLOW")])

    assert compiler.compile_section(section).bpf == filtered(libseccomp.ALLOW)


def test_conditions_on_different_arguments_must_all_hold() -> None:
    arguments = [LinuxSeccompArg(0, 1, "SCMP_CMP_EQ", 99), LinuxSeccompArg(1, 8, "SCMP_CMP_MASKED_EQ", 8)]
    section = LinuxSeccomp("SCMP_ACT_ALLOW", syscalls=[deny("ioctl", args=arguments)])

    assert compiler.compile_section(section).bpf == filtered(
        libseccomp.ALLOW,
        (
            libseccomp.errno_action(errno.EPERM),
            "ioctl",
            [libseccomp.Condition(0, libseccomp.EQ, 1), libseccomp.Condition(1, libseccomp.MASKED_EQ, 8, 8)],
        ),
    )


def test_two_conditions_on_one_argument_are_alternatives() -> None:
    arguments = [LinuxSeccompArg(0, 1, "SCMP_CMP_EQ"), LinuxSeccompArg(0, 2, "SCMP_CMP_EQ")]
    section = LinuxSeccomp("SCMP_ACT_ALLOW", syscalls=[deny("ioctl", args=arguments)])
    action = libseccomp.errno_action(errno.EPERM)

    assert compiler.compile_section(section).bpf == filtered(
        libseccomp.ALLOW,
        (action, "ioctl", [libseccomp.Condition(0, libseccomp.EQ, 1)]),
        (action, "ioctl", [libseccomp.Condition(0, libseccomp.EQ, 2)]),
    )


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (None, SPEC_ALLOW),
        ((), 0),
        (("SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"), 2),
        (("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",), 0),
    ],
    ids=["absent is SPEC_ALLOW", "empty is none", "TSYNC is ignored", "WAIT_KILLABLE_RECV needs a listener"],
)
def test_flags(names: tuple[str, ...] | None, expected: int) -> None:
    section = LinuxSeccomp("SCMP_ACT_ALLOW", flags=names)  # type: ignore[arg-type]  # parametrized names

    assert compiler.compile_section(section).flags == expected


def test_notify_asks_for_a_listener() -> None:
    section = LinuxSeccomp(
        "SCMP_ACT_ALLOW",
        flags=["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
        listener_path="/run/agent",
        syscalls=[LinuxSyscall(["mount"], "SCMP_ACT_NOTIFY")],
    )

    compiled = compiler.compile_section(section)

    assert seccomp.is_notify(section)
    assert (compiled.listener, compiled.flags) == (True, NEW_LISTENER | 32)


def test_listener_path_without_notify_is_ignored() -> None:
    section = LinuxSeccomp("SCMP_ACT_ALLOW", listener_path="/run/agent", syscalls=[deny("mount")])

    assert not compiler.compile_section(section).listener


@pytest.mark.parametrize(
    ("action", "number", "has_prelude"),
    [
        ("SCMP_ACT_ALLOW", None, False),
        ("SCMP_ACT_LOG", None, False),
        ("SCMP_ACT_TRACE", 1, False),
        ("SCMP_ACT_ERRNO", errno.ENOSYS, False),
        ("SCMP_ACT_ERRNO", None, True),
        ("SCMP_ACT_ERRNO", errno.EACCES, True),
        ("SCMP_ACT_KILL_PROCESS", None, True),
        ("SCMP_ACT_TRAP", None, True),
    ],
)
def test_new_calls_are_enosys_where_the_default_refuses(action: str, number: int | None, has_prelude: bool) -> None:
    section = LinuxSeccomp(action, number, syscalls=[LinuxSyscall(["read"], "SCMP_ACT_KILL")])  # type: ignore[arg-type]  # parametrized names

    bpf = compiler.compile_section(section).bpf

    assert (b"\x06\0\0\0\x26\0\x05\0" in bpf[: 8 * 8]) == (has_prelude or number == errno.ENOSYS)
    assert (len(bpf) > 8 * 8) == has_prelude


@pytest.mark.parametrize("name", ["docker-28.5.json", "podman-5.8.json"])
def test_second_call_answers_the_same_from_the_cache(name: str, tmp_path: Path) -> None:
    section = read_section(name)
    directory = tmp_path / ".cache" / "seccomp"

    first = seccomp.program(section, str(directory))
    entries = list(directory.iterdir())
    stamp = entries[0].stat().st_mtime_ns
    second = seccomp.program(section, str(directory))

    assert first == second
    assert first == compiler.compile_section(section)
    assert [entry.stat().st_mtime_ns for entry in directory.iterdir()] == [stamp]


def test_damaged_entry_is_compiled_again(tmp_path: Path) -> None:
    section = LinuxSeccomp("SCMP_ACT_ALLOW", syscalls=[deny("mkdir")])
    directory = tmp_path / "seccomp"
    first = seccomp.program(section, str(directory))
    entry = next(directory.iterdir())
    entry.write_bytes(entry.read_bytes()[:-8])

    assert seccomp.program(section, str(directory)) == first
    assert seccomp._unpack(entry.read_bytes()) is None


@pytest.mark.parametrize("payload", [b"", b"\0" * 9, b"\0" * 16, b"\0" * 9 + b"x" * 8 * 4097], ids=len)
def test_payload_that_is_no_program_is_not_taken(payload: bytes) -> None:
    assert seccomp._unpack(payload) is None


def test_program_survives_packing() -> None:
    compiled = Program(b"12345678", 12, True, ("one", "two"))

    assert seccomp._unpack(seccomp._pack(compiled)) == compiled


def test_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    assert seccomp.program(LinuxSeccomp("SCMP_ACT_ALLOW"), str(tmp_path / "file" / "seccomp")).bpf


def test_hit_imports_neither_libseccomp_nor_what_is_slow(tmp_path: Path) -> None:
    section = LinuxSeccomp("SCMP_ACT_ALLOW", syscalls=[deny("mkdir")])
    seccomp.program(section, str(tmp_path / "seccomp"))
    site = [path for path in sys.path if path]
    script = f"""
import os, sys
sys.path[:0] = {site!r}
from libcontainer.oci.spec import LinuxSeccomp, LinuxSyscall
before = set(sys.modules)
from libcontainer import seccomp
section = LinuxSeccomp("SCMP_ACT_ALLOW", syscalls=[LinuxSyscall(names=("mkdir",), action="SCMP_ACT_ERRNO")])
seccomp.program(section, {str(tmp_path / "seccomp")!r})
print(*sorted(set(sys.modules) - before))
"""

    done = subprocess.run([sys.executable, "-I", "-S", "-B", "-c", script], capture_output=True, text=True, check=True)

    allowed = {"libcontainer", "libcontainer.errors", "libcontainer.seccomp", "libcontainer.seccomp.cache"}
    assert set(done.stdout.split()) - {"_sha256", "_sha2", "_struct", "struct"} <= allowed


def test_loading_returns_the_listener_only_when_there_is_one() -> None:
    kernel = LoadingKernel()

    without = seccomp.initialize_seccomp(kernel, Program(b"12345678", 4, False))  # type: ignore[arg-type]  # one method
    having = seccomp.initialize_seccomp(kernel, Program(b"12345678", 12, True))  # type: ignore[arg-type]  # one method

    assert (without, having) == (None, 9)
    assert kernel.loaded == [(4, b"12345678"), (12, b"12345678")]


def test_refused_load_says_what_was_tried() -> None:
    with pytest.raises(SyscallError, match=r"^load the seccomp filter: permission denied$") as caught:
        seccomp.initialize_seccomp(RefusingKernel(), Program(b"12345678", 0, False))  # type: ignore[arg-type]  # one method

    assert (caught.value.errno, caught.value.property, caught.value.step) == (errno.EACCES, "linux.seccomp", "seccomp")
