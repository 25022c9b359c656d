"""The real system calls, as far as they can be tried without privileges."""

from __future__ import annotations

import errno
import gc
import math
import os
import resource
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from libcontainer import _kernel
from libcontainer.syscall import flags
from libcontainer.syscall.linux import LinuxSyscall, give_back_libraries

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCHED_BATCH = 3
MPOL_BIND = 2


def in_a_child(told_by: Callable[[], object]) -> str:
    """Return what a function returns in a process of its own."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writer, str(told_by()).encode())
        except Exception as error:  # noqa: BLE001 - told to the test
            os.write(writer, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    with os.fdopen(reader) as told:
        return told.read()


def status(*names: str) -> list[int]:
    """Return masks of /proc/self/status."""
    with open("/proc/self/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    return [int(fields[name], 16) for name in names]


def test_default_signals_are_neither_ignored_nor_blocked() -> None:
    def masks() -> object:
        for number in (signal.SIGHUP, signal.SIGUSR2, signal.SIGRTMIN + 2):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})
        LinuxSyscall().default_signals()
        return status("SigBlk", "SigIgn")

    # What is caught goes with execve(2); C code such as faulthandler has handlers that Python does not know.
    assert in_a_child(masks) == "[0, 0]"


def test_capability_sets_are_read_and_written_in_both_halves() -> None:
    def drop() -> object:
        kernel = LinuxSyscall()
        before = kernel.capget()
        agrees = list(before) == status("CapEff", "CapPrm", "CapInh")
        kept = before[1] & ~(1 << 5 | 1 << 35)
        kernel.capset(kept & ~1, kept, 0)
        return agrees, status("CapEff", "CapPrm", "CapInh") == [kept & ~1, kept, 0]

    assert in_a_child(drop) == "(True, True)"


def test_resource_limits_are_those_of_getrlimit() -> None:
    def lower() -> object:
        kernel = LinuxSyscall()
        hard = kernel.hard_limit(resource.RLIMIT_NOFILE)
        agrees = hard == resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        kernel.setrlimit(resource.RLIMIT_NOFILE, 21, 42)
        kernel.setrlimit(resource.RLIMIT_FSIZE, 2**64 - 1, kernel.hard_limit(resource.RLIMIT_FSIZE))
        return agrees, resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_FSIZE)[0]

    assert in_a_child(lower) == "(True, (21, 42), -1)"


def test_scheduling_attributes_arrive_in_their_fields() -> None:
    def schedule() -> object:
        LinuxSyscall().sched_setattr(SCHED_BATCH, 0, 7, 0, 0, 0, 0)
        return os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)

    assert in_a_child(schedule) == "(3, 7)"


def test_memory_policy_names_its_nodes() -> None:
    def bind() -> object:
        LinuxSyscall().set_mempolicy(MPOL_BIND, [0])
        with open("/proc/self/numa_maps") as maps:
            found = {line.split()[1] for line in maps}
        LinuxSyscall().set_mempolicy(0, [])
        with pytest.raises(OSError, match="Invalid argument"):
            LinuxSyscall().set_mempolicy(MPOL_BIND, [100])
        return found

    try:
        LinuxSyscall().set_mempolicy(0, [])
    except OSError as error:
        pytest.skip(f"set_mempolicy: {error}")
    if not os.path.exists("/proc/self/numa_maps"):
        pytest.skip("the kernel has no /proc/self/numa_maps")
    assert in_a_child(bind) == "{'bind:0'}"


def test_file_system_is_told_by_its_magic_number() -> None:
    proc = os.open("/proc", os.O_PATH)
    try:
        assert LinuxSyscall().fstatfs_type(proc) == flags.PROC_SUPER_MAGIC
    finally:
        os.close(proc)


def test_process_is_named() -> None:
    def name() -> object:
        LinuxSyscall().set_name("a name of more than fifteen bytes")
        with open("/proc/self/comm") as comm:
            return comm.read()

    assert in_a_child(name) == "a name of more \n"


def test_openat2_resolves_within_and_names_what_it_cannot(tmp_path: Path) -> None:
    kernel = LinuxSyscall()
    (tmp_path / "caf\udce9").write_text("x")
    root = os.open(tmp_path, os.O_PATH)
    try:
        fd = kernel.openat2(root, "/caf\udce9", os.O_RDONLY, resolve=flags.RESOLVE_IN_ROOT)
        content, inheritable = os.read(fd, 9), os.get_inheritable(fd)
        os.close(fd)
        with pytest.raises(OSError, match="cross-device link") as refused:
            kernel.openat2(root, "../etc", os.O_RDONLY, resolve=flags.RESOLVE_BENEATH)
    finally:
        os.close(root)

    assert (content, inheritable) == (b"x", False)
    assert (refused.value.errno, refused.value.filename) == (errno.EXDEV, "../etc")
    assert refused.value.syscall == "openat2"  # type: ignore[attr-defined]


def test_unix_socket_has_a_name_of_107_bytes_at_most(tmp_path: Path) -> None:
    kernel = LinuxSyscall()
    longest = str(tmp_path / "s")
    longest += "s" * (107 - len(longest))
    fd = kernel.socket(flags.AF_UNIX, flags.SOCK_STREAM)
    try:
        with pytest.raises(OSError, match="too long"):
            kernel.bind_unix(fd, longest + "s")
        kernel.bind_unix(fd, longest)
    finally:
        os.close(fd)

    assert os.path.exists(longest)


def mapped_of_libm() -> int:
    """Return how much of the read-only parts of the library of mathematics is mapped, in KiB."""
    total, counts = 0, False
    with open("/proc/self/smaps") as maps:
        for line in maps:
            words = line.split()
            if "-" in words[0] and len(words[1]) == 4:
                counts = "/libm.so" in line and "w" not in words[1]
            elif words[0] == "Rss:" and counts:
                total += int(words[1])
    return total


def test_libraries_that_are_given_back_can_still_be_called() -> None:
    def give_back() -> object:
        first = math.cos(1.0), math.exp(2.0), math.log(3.0)  # a child of fork has mapped nothing yet
        before = mapped_of_libm()
        give_back_libraries()
        return before, mapped_of_libm(), (math.cos(1.0), math.exp(2.0), math.log(3.0)) == first

    before, after, is_same = eval(in_a_child(give_back))

    if not before:
        pytest.skip("this interpreter has no libm of its own")
    assert before - after >= 64
    assert is_same


@pytest.mark.parametrize("text", ["a\0b", "\ud800"], ids=["NUL", "half a pair"])
def test_text_that_is_none_to_the_kernel_is_an_invalid_argument(text: str) -> None:
    kernel = LinuxSyscall()

    for refused in (
        lambda: kernel.fsopen(text),
        lambda: kernel.mount(None, text, None, 0, None),
        lambda: kernel.execve(text, ["x"], {}),
        lambda: kernel.execve("/nonexistent", ["x", text], {}),
        lambda: kernel.execve("/nonexistent", ["x"], {"A": text}),
        lambda: kernel.execveat(-1, [text], []),
    ):
        with pytest.raises(OSError, match="Invalid argument"):
            refused()


def test_what_is_no_argument_of_a_system_call_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="int, str, None, bytes or bytearray"):
        _kernel.unshare(1.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="6 arguments at most"):
        _kernel.prctl(1, 2, 3, 4, 5, 6, 7)
    with pytest.raises(TypeError):
        _kernel.execve("/nonexistent", 7, [])  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        _kernel.execve("/nonexistent", ["x", 7], [])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        _kernel.spawn(0, -1, print, 7)  # type: ignore[arg-type]


def test_calls_keep_nothing() -> None:
    kernel = LinuxSyscall()

    def fail() -> None:
        for call in (
            lambda: kernel.openat2(-100, "x" * 300, 0),
            lambda: kernel.mount("a" * 99, "", "b" * 99, 0, "c" * 99),
            lambda: kernel.fsopen("x" * 99 + "\0"),
            lambda: kernel.execve("/nonexistent", ["x" * 99] * 9, {"A": "y" * 99}),
            lambda: kernel.execve("/nonexistent", ["x" * 99, "z\0"], {}),
        ):
            with pytest.raises(OSError, match=r"too long|No such|Invalid"):
                call()

    fail()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(50):
        fail()
    gc.collect()

    assert sys.getallocatedblocks() - before < 50
