"""The fake of the system calls has the real one's methods, records and fails as told."""

from __future__ import annotations

import errno
import inspect
import os
from typing import TYPE_CHECKING

import pytest

from libcontainer.syscall.linux import LinuxSyscall
from libcontainer.testing.recording import Executed, RecordingSyscall

if TYPE_CHECKING:
    from libcontainer.syscall import Syscall


def methods(kind: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(method)
        for name, method in vars(kind).items()
        if not name.startswith("_") and inspect.isfunction(method)
    }


def test_the_fake_has_every_call_of_the_real_one_with_its_signature() -> None:
    fake = methods(RecordingSyscall)
    del fake["names"]

    assert fake == methods(LinuxSyscall)


def test_the_fake_is_a_syscall_for_type_checkers() -> None:
    kernel: Syscall = RecordingSyscall()

    assert kernel is not None


def test_calls_are_recorded_in_order_with_their_arguments() -> None:
    kernel = RecordingSyscall()

    kernel.sethostname("web")
    kernel.mount(None, "/", None, 1, None)

    assert kernel.calls == [("sethostname", "web"), ("mount", None, "/", None, 1, None)]


def test_failures_are_those_of_the_real_one() -> None:
    kernel = RecordingSyscall(failures={"mount": errno.EPERM})

    with pytest.raises(PermissionError) as caught:
        kernel.mount(None, "/target", None, 0, None)

    assert (caught.value.errno, caught.value.filename) == (errno.EPERM, "/target")
    assert getattr(caught.value, "syscall", None) == "mount"


def test_descriptors_are_real_and_can_stand_for_a_file() -> None:
    kernel = RecordingSyscall(files={"/dev/null": os.devnull})

    fd = kernel.openat2(-100, "/dev/null", os.O_PATH)
    try:
        assert os.fstat(fd).st_rdev == os.makedev(1, 3)
    finally:
        os.close(fd)


def test_clone3_returns_the_child_or_the_parent() -> None:
    parent, child = RecordingSyscall(results={"clone3": 42}), RecordingSyscall()

    pid, pidfd = parent.clone3(0)
    os.close(pidfd)

    assert pid == 42
    assert child.clone3(0) == (0, -1)


def test_what_never_returns_raises() -> None:
    with pytest.raises(Executed):
        RecordingSyscall().execve("/bin/true", ["true"], {})
