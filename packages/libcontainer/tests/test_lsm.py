from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from libcontainer import apparmor, lsm, selinux
from libcontainer.errors import SpecError, SyscallError
from libcontainer.syscall import flags
from libcontainer.syscall.linux import LinuxSyscall
from libcontainer.testing.recording import RecordingSyscall

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("content", "enabled"), [("Y\n", True), ("N\n", False), ("", False), (None, False)])
def test_apparmor_is_enabled_when_its_parameter_says_so(content: str | None, enabled: bool, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "enabled").write_text(content)

    assert apparmor.is_enabled(str(tmp_path / "enabled")) is enabled


def test_directory_that_is_no_selinuxfs_means_disabled(tmp_path: Path) -> None:
    assert selinux.is_enabled(LinuxSyscall(), str(tmp_path)) is False
    assert selinux.is_enabled(LinuxSyscall(), str(tmp_path / "nope")) is False
    assert selinux.is_enabled(RecordingSyscall(results={"fstatfs_type": flags.SELINUX_MAGIC}), str(tmp_path)) is True


def test_label_is_never_written_to_something_that_is_no_procfs(tmp_path: Path) -> None:
    attributes = tmp_path / "self/attr/apparmor"
    attributes.mkdir(parents=True)
    (attributes / "exec").touch()
    fd = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)

    with pytest.raises(SyscallError) as caught:
        apparmor.apply_profile(LinuxSyscall(), fd, "p")

    os.close(fd)
    assert str(caught.value) == "apply AppArmor profile 'p': operation not supported"
    assert (attributes / "exec").read_text() == ""


def test_profile_that_is_not_loaded_is_explained() -> None:
    kernel = RecordingSyscall(results={"fstatfs_type": flags.PROC_SUPER_MAGIC}, failures={"openat2": errno.ENOENT})

    with pytest.raises(SyscallError, match=r"^apply AppArmor profile 'p': no such file or directory$") as caught:
        apparmor.apply_profile(kernel, 9, "p")

    assert [call[2] for call in kernel.calls if call[0] == "openat2"] == ["self/attr/apparmor/exec", "self/attr/exec"]
    assert caught.value.hint == "the profile is not loaded, see apparmor_parser(8)"


def test_value_is_written_to_the_first_attribute_that_exists(tmp_path: Path) -> None:
    class Kernel(RecordingSyscall):
        def openat2(self, dirfd: int, path: str, flags: int, mode: int = 0, resolve: int = 0) -> int:
            return os.open(path, flags, dir_fd=dirfd)

    (tmp_path / "self/attr").mkdir(parents=True)
    (tmp_path / "self/attr/exec").touch()
    fd = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)

    lsm.write_attribute(
        Kernel(results={"fstatfs_type": flags.PROC_SUPER_MAGIC}), fd, ("apparmor/exec", "exec"), "exec p"
    )

    os.close(fd)
    assert (tmp_path / "self/attr/exec").read_text() == "exec p"


def test_security_module_that_is_off_is_told_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apparmor, "is_enabled", lambda: False)

    with pytest.raises(SpecError) as caught:
        apparmor.require_enabled("docker-default")

    assert str(caught.value) == (
        "process.apparmorProfile: profile 'docker-default' was asked for, but AppArmor is not enabled on this host"
    )


def test_label_without_selinux_is_told_early(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"^linux\.mountLabel: a label was asked for, but SELinux is disabled"):
        selinux.require_enabled(RecordingSyscall(), "linux.mountLabel")
