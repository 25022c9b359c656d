"""The choice of an executor, and the sealed memory files that are executed."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Never

import pytest

from libcontainer import executor
from libcontainer.errors import SyscallError
from libcontainer.oci.spec import Root, Spec
from libcontainer.testing.recording import Executed, RecordingSyscall

if TYPE_CHECKING:
    from collections.abc import Mapping

SPEC = Spec(oci_version="1.0.2", root=Root("rootfs"))


class Choosy(executor.Executor):
    def __init__(self, answer: bool) -> None:
        self.answer = answer

    def can_handle(self, spec: Spec) -> bool:
        return self.answer

    def validate(self, spec: Spec) -> None:
        raise AssertionError("it is only asked")

    def exec(self, spec: Spec, environment: Mapping[str, str]) -> Never:
        raise AssertionError("it is only asked")


def test_the_first_that_can_is_taken() -> None:
    can = Choosy(True)

    assert executor.first_that_can(SPEC, [Choosy(False), can, Choosy(True)]) is can


def test_without_one_that_can_the_ordinary_way_is_taken() -> None:
    assert executor.first_that_can(SPEC, [Choosy(False)]) is None


def test_a_memory_file_cannot_be_changed() -> None:
    fd = executor.memory_file("name", b"content")

    with pytest.raises(PermissionError):
        os.write(fd, b"x")
    with pytest.raises(PermissionError):
        os.ftruncate(fd, 0)
    assert os.pread(fd, 10, 0) == b"content"
    assert not os.get_inheritable(fd)
    os.close(fd)


def test_the_waiting_stage_is_a_program() -> None:
    fd = executor.open_stub()

    assert os.pread(fd, 4, 0) == b"\x7fELF"
    os.close(fd)


def test_a_filter_that_knows_execve_alone_is_no_obstacle() -> None:
    kernel = RecordingSyscall(failures={"execveat": errno.ENOSYS})

    with pytest.raises(Executed):
        executor.execute_stub(kernel, 7, ["stub"], ["A=1"])

    assert kernel.names() == ["execveat", "execve"]
    assert kernel.calls[1][1] == "/proc/self/fd/7"


def test_arguments_that_are_too_large_say_so() -> None:
    kernel = RecordingSyscall(failures={"execveat": errno.E2BIG})

    with pytest.raises(SyscallError, match=r"^execute the waiting stage: argument list too long$") as caught:
        executor.execute_stub(kernel, 7, ["stub"], [])

    assert caught.value.hint == "the container's arguments and environment are too large"
