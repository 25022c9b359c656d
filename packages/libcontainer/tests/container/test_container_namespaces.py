"""Namespaces of containers: which are new, which are joined, and in what order."""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING

import pytest

from libcontainer import namespaces
from libcontainer.errors import SpecError, SyscallError
from libcontainer.oci.spec import LinuxNamespace
from libcontainer.syscall import flags
from libcontainer.syscall.linux import LinuxSyscall
from libcontainer.testing.recording import RecordingSyscall

if TYPE_CHECKING:
    from pathlib import Path


def test_a_namespace_without_a_path_is_new() -> None:
    given = [LinuxNamespace("pid"), LinuxNamespace("network", "/proc/1/ns/net"), LinuxNamespace("mount")]

    types = namespaces.new_types(given)

    assert types == {"pid", "mount"}
    assert namespaces.clone_flags(types) == flags.CLONE_NEWPID | flags.CLONE_NEWNS


def test_a_namespace_with_a_path_is_opened() -> None:
    opened = namespaces.open_paths(LinuxSyscall(), [LinuxNamespace("uts", "/proc/self/ns/uts"), LinuxNamespace("pid")])

    ((kind, fd),) = opened
    assert kind == "uts"
    assert namespaces.is_own("uts", fd)
    assert not namespaces.is_own("ipc", fd)
    os.close(fd)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/absent", "open /absent: no such file or directory"),
        ("/etc/passwd", "/etc/passwd is not a namespace"),
        ("/proc/self/ns/net", "/proc/self/ns/net is not a uts namespace"),
    ],
)
def test_a_path_that_is_no_such_namespace_is_refused(path: str, reason: str) -> None:
    before = len(os.listdir("/proc/self/fd"))

    with pytest.raises(SpecError, match=rf"^linux\.namespaces\[1\]\.path: {re.escape(reason)}$"):
        namespaces.open_paths(LinuxSyscall(), [LinuxNamespace("ipc", "/proc/self/ns/ipc"), LinuxNamespace("uts", path)])

    assert len(os.listdir("/proc/self/fd")) == before


def test_a_fifo_in_place_of_a_namespace_makes_nobody_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")

    with pytest.raises(SpecError, match="is not a namespace"):
        namespaces.open_paths(LinuxSyscall(), [LinuxNamespace("uts", f"{tmp_path}/fifo")])


def _opened(*kinds: str) -> list[tuple[str, int]]:
    return [(kind, os.open("/", os.O_PATH)) for kind in kinds]


def _joined(kernel: RecordingSyscall) -> list[int]:
    return [int(str(call[2])) for call in kernel.calls]


def test_without_a_user_namespace_all_are_joined_as_they_come() -> None:
    kernel = RecordingSyscall()

    namespaces.join(kernel, _opened("uts", "pid"))

    assert _joined(kernel) == [flags.CLONE_NEWUTS, flags.CLONE_NEWPID]


def test_what_may_not_be_joined_before_the_user_namespace_is_joined_after_it() -> None:
    kernel = RecordingSyscall(failures={"setns": errno.EPERM})

    with pytest.raises(SyscallError, match=r"^join the user namespace: operation not permitted$"):
        namespaces.join(kernel, _opened("uts", "user"))

    assert _joined(kernel) == [flags.CLONE_NEWUTS, flags.CLONE_NEWUSER]


def test_a_failure_for_another_reason_is_told_at_once() -> None:
    kernel = RecordingSyscall(failures={"setns": errno.EINVAL})

    with pytest.raises(SyscallError, match=r"^join the uts namespace: invalid argument$"):
        namespaces.join(kernel, _opened("uts", "user"))
