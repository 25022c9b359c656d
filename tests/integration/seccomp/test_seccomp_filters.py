"""Compiled profiles in the kernel: what they let through, what not, and how they say no."""

from __future__ import annotations

import array
import errno
import json
import os
import platform
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import libseccomp
from libcontainer import seccomp
from libcontainer.oci import decode
from libcontainer.oci.spec import LinuxSeccomp, LinuxSyscall
from libcontainer.seccomp import compiler
from libcontainer.syscall.linux import LinuxSyscall as Kernel

if TYPE_CHECKING:
    from collections.abc import Callable

    from libcontainer.seccomp import Program

    RawSyscall = Callable[..., int]

pytestmark = [
    pytest.mark.seccomp,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86_64"),
]

PROFILES = Path(__file__).parents[3] / "packages" / "libcontainer" / "tests" / "data" / "seccomp"

KILLED = 1000 + signal.SIGSYS
X32_BIT = 0x40000000
CLONE_NEWUSER = 0x10000000
GETPID = 39
UNSHARE = 272
KEYCTL = 250
PERSONALITY = 135
OPENAT2 = 437
STATMOUNT = 457
MSEAL = 462
I386_GETPID = 20
I386_UNSHARE = 310
MOUNT = 165
PR_SET_NO_NEW_PRIVS = 38

# What a static program calls to start, to print a number and to end.
NEEDED_TO_START = (
    *("execve", "brk", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "prlimit64", "getrandom"),
    *("readlinkat", "readlink", "mprotect", "mmap", "newfstatat", "fstat", "ioctl", "write", "exit_group", "getpid"),
)


def is_unknown(name: str) -> bool:
    """Say whether libseccomp is older than a system call."""
    try:
        libseccomp.resolve_syscall(name)
    except libseccomp.UnknownSyscall:
        return True
    return False


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Docker's default profile, taken from the cache."""
    section = decode.decode(LinuxSeccomp, json.loads((PROFILES / "docker-28.5.json").read_text()))
    directory = str(tmp_path_factory.mktemp("cache") / "seccomp")
    seccomp.program(section, directory)
    return seccomp.program(section, directory)


@pytest.fixture(scope="module")
def native_only() -> Program:
    """A strict profile that covers x86_64 alone."""
    return compiler.compile_section(
        LinuxSeccomp(
            "SCMP_ACT_ERRNO",
            errno.EXDEV,
            ["SCMP_ARCH_X86_64"],
            syscalls=[LinuxSyscall(NEEDED_TO_START, "SCMP_ACT_ALLOW")],
        )
    )


def test_docker_profile_lets_ordinary_calls_through(docker: Program, raw_syscall: RawSyscall) -> None:
    assert raw_syscall(docker, "native", GETPID) > 0


@pytest.mark.parametrize(
    ("number", "arguments"),
    [(UNSHARE, (CLONE_NEWUSER,)), (KEYCTL, (0,)), (MOUNT, (0,)), (PERSONALITY, (0x1234,))],
    ids=["unshare", "keyctl", "mount", "personality"],
)
def test_docker_profile_refuses(
    docker: Program, raw_syscall: RawSyscall, number: int, arguments: tuple[int, ...]
) -> None:
    assert raw_syscall(docker, "native", number, *arguments) == -errno.EPERM


@pytest.mark.parametrize("persona", [0, 8, 0xFFFFFFFF], ids=hex)
def test_docker_profile_allows_the_listed_personalities(docker: Program, raw_syscall: RawSyscall, persona: int) -> None:
    assert raw_syscall(docker, "native", PERSONALITY, persona) >= 0


def test_docker_profile_allows_openat2_which_then_fails_by_itself(docker: Program, raw_syscall: RawSyscall) -> None:
    assert raw_syscall(docker, "native", OPENAT2, 0, 0, 0, 0) == -errno.EINVAL


@pytest.mark.parametrize("number", [470, 600])
def test_call_newer_than_the_profile_does_not_exist(docker: Program, raw_syscall: RawSyscall, number: int) -> None:
    assert raw_syscall(docker, "native", number) == -errno.ENOSYS


@pytest.mark.skipif(not is_unknown("mseal"), reason="libseccomp knows mseal")
@pytest.mark.parametrize("number", [MSEAL, STATMOUNT], ids=["mseal", "statmount"])
def test_call_that_the_profile_names_and_libseccomp_does_not_know_does_not_exist(
    docker: Program, raw_syscall: RawSyscall, number: int
) -> None:
    assert raw_syscall(docker, "native", number) == -errno.ENOSYS


def test_docker_profile_covers_i386(docker: Program, raw_syscall: RawSyscall) -> None:
    assert raw_syscall(docker, "i386", I386_GETPID) > 0
    assert raw_syscall(docker, "i386", I386_UNSHARE, CLONE_NEWUSER) == -errno.EPERM
    assert raw_syscall(docker, "i386", 600) == -errno.ENOSYS


def test_docker_profile_covers_x32(docker: Program, raw_syscall: RawSyscall) -> None:
    assert raw_syscall(docker, "native", X32_BIT | UNSHARE, CLONE_NEWUSER) == -errno.EPERM
    assert raw_syscall(docker, "native", X32_BIT | 600) == -errno.ENOSYS


def test_default_errno_is_what_a_refused_call_returns(native_only: Program, raw_syscall: RawSyscall) -> None:
    assert raw_syscall(native_only, "native", MOUNT) == -errno.EXDEV
    assert raw_syscall(native_only, "native", GETPID) > 0


def test_i386_is_killed_where_only_x86_64_is_covered(native_only: Program, raw_syscall: RawSyscall) -> None:
    assert raw_syscall(native_only, "i386", I386_GETPID) == KILLED


@pytest.mark.parametrize("number", [GETPID, 600])
def test_x32_is_killed_where_only_x86_64_is_covered(native_only: Program, raw_syscall: RawSyscall, number: int) -> None:
    assert raw_syscall(native_only, "native", X32_BIT | number) == KILLED


def test_call_newer_than_a_profile_that_kills_does_not_exist(raw_syscall: RawSyscall) -> None:
    strict = compiler.compile_section(
        LinuxSeccomp("SCMP_ACT_KILL_PROCESS", syscalls=[LinuxSyscall(NEEDED_TO_START, "SCMP_ACT_ALLOW")])
    )

    assert raw_syscall(strict, "native", 600) == -errno.ENOSYS
    assert raw_syscall(strict, "native", MOUNT) == KILLED


def test_notify_rule_hands_out_a_listener_that_answers() -> None:
    section = LinuxSeccomp(
        "SCMP_ACT_ALLOW",
        listener_path="/run/agent",
        syscalls=[LinuxSyscall(["getppid"], "SCMP_ACT_NOTIFY")],
    )
    program = compiler.compile_section(section)
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            kernel = Kernel()
            kernel.prctl(PR_SET_NO_NEW_PRIVS, 1)
            fd = seccomp.initialize_seccomp(kernel, program)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd or 0]))]
            theirs.sendmsg([b"x"], rights)
            os._exit(os.getppid())
        finally:
            os._exit(99)
    with ours, theirs:
        _, fds, _, _ = socket.recv_fds(ours, 1, 1)
    with libseccomp.Listener(fds[0]) as listener:
        listener.respond_value(listener.receive(), 42)

        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 42
