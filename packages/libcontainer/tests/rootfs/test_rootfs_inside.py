"""Resolution inside a root that somebody else may have written, by openat2(2) and by hand."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libcontainer.rootfs import inside
from libcontainer.syscall.linux import LinuxSyscall

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class WithoutOpenat2(LinuxSyscall):
    """A kernel before Linux 5.6."""

    def openat2(self, dirfd: int, path: str, flags: int, mode: int = 0, resolve: int = 0) -> int:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))


class Busy(LinuxSyscall):
    """A machine on which renames race with the first look-ups."""

    def __init__(self, races: int) -> None:
        self._races = races

    def openat2(self, dirfd: int, path: str, flags: int, mode: int = 0, resolve: int = 0) -> int:
        self._races -= 1
        if self._races >= 0:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return super().openat2(dirfd, path, flags, mode, resolve)


KERNELS = pytest.mark.parametrize(
    "kernel", [LinuxSyscall(), WithoutOpenat2()], ids=["openat2", "component by component"]
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("outside")
    path = tmp_path / "root"
    (path / "a" / "b").mkdir(parents=True)
    (path / "a" / "file").write_text("inside")
    os.symlink("/a", path / "absolute")
    os.symlink("../../../../../a/b", path / "up")
    os.symlink("loop", path / "loop")
    os.symlink("/missing/deep", path / "dangling")
    os.symlink(str(tmp_path / "secret"), path / "escape")
    os.symlink("a/file/", path / "slash")
    return path


@pytest.fixture
def root_fd(root: Path) -> Iterator[int]:
    fd = os.open(root, os.O_PATH | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def identity(fd: int) -> tuple[int, int]:
    found = os.fstat(fd)
    os.close(fd)
    return found.st_dev, found.st_ino


def identity_of(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino


@KERNELS
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "."),
        ("", "."),
        ("a/b", "a/b"),
        ("//a/./b/", "a/b"),
        ("/../../a", "a"),
        ("absolute/b", "a/b"),
        ("up", "a/b"),
        ("up/../file", "a/file"),
        ("up/../../../..", "."),
    ],
)
def test_paths_are_resolved_in_the_root(
    kernel: LinuxSyscall, root: Path, root_fd: int, path: str, expected: str
) -> None:
    fd = inside.open_path(kernel, root_fd, path)

    assert identity(fd) == identity_of(root / expected)


@KERNELS
@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("missing", errno.ENOENT),
        ("dangling", errno.ENOENT),
        ("escape", errno.ENOENT),
        ("a/file/x", errno.ENOTDIR),
        ("loop", errno.ELOOP),
    ],
)
def test_refusals_have_the_errno_and_name_the_path(kernel: LinuxSyscall, root_fd: int, path: str, number: int) -> None:
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        inside.open_path(kernel, root_fd, path)

    assert (caught.value.errno, caught.value.filename) == (number, path)


@KERNELS
def test_links_can_be_refused(kernel: LinuxSyscall, root_fd: int) -> None:
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        inside.open_directory(kernel, root_fd, "absolute/b", no_symlinks=True)


@KERNELS
def test_a_file_is_no_directory(kernel: LinuxSyscall, root_fd: int) -> None:
    with pytest.raises(NotADirectoryError):
        inside.open_directory(kernel, root_fd, "a/file")


@KERNELS
@pytest.mark.parametrize(
    ("path", "made"),
    [("x", "x"), ("a/x/y/z", "a/x/y/z"), ("absolute/new", "a/new"), ("dangling/x", "missing/deep/x"), ("a", "a")],
)
def test_missing_directories_are_made_inside(
    kernel: LinuxSyscall, root: Path, root_fd: int, path: str, made: str
) -> None:
    fd = inside.make_directories(kernel, root_fd, path)

    assert identity(fd) == identity_of(root / made)
    assert (root / made).is_dir()


@KERNELS
def test_a_dangling_link_to_the_outside_is_completed_inside(
    kernel: LinuxSyscall, root: Path, root_fd: int, tmp_path: Path
) -> None:
    os.symlink(str(tmp_path / "new"), root / "evil")

    os.close(inside.make_directories(kernel, root_fd, "evil/x"))

    assert not (tmp_path / "new").exists()
    assert (root / str(tmp_path / "new" / "x").lstrip("/")).is_dir()


@KERNELS
@pytest.mark.parametrize(("path", "made"), [("x/y", "x/y"), ("dangling", "missing/deep")])
def test_missing_files_are_made_inside(kernel: LinuxSyscall, root: Path, root_fd: int, path: str, made: str) -> None:
    fd = inside.make_file(kernel, root_fd, path)

    assert identity(fd) == identity_of(root / made)
    assert (root / made).read_text() == ""


@KERNELS
def test_existing_files_are_left_as_they_are(kernel: LinuxSyscall, root: Path, root_fd: int) -> None:
    os.close(inside.make_file(kernel, root_fd, "a/file"))

    assert (root / "a" / "file").read_text() == "inside"


def test_races_are_tried_again(root: Path, root_fd: int) -> None:
    fd = inside.open_path(Busy(races=5), root_fd, "a")

    assert identity(fd) == identity_of(root / "a")


def test_endless_races_end_in_a_walk_by_hand(root: Path, root_fd: int) -> None:
    fd = inside.open_path(Busy(races=10**9), root_fd, "a")

    assert identity(fd) == identity_of(root / "a")


@pytest.mark.parametrize(("kind", "device", "expected"), [(stat.S_IFCHR, (1, 3), True), (stat.S_IFCHR, (1, 5), False)])
def test_devices_are_recognised_by_type_and_number(kind: int, device: tuple[int, int], expected: bool) -> None:
    fd = os.open("/dev/null", os.O_PATH)
    try:
        assert inside.is_device(fd, kind, os.makedev(*device)) is expected
    finally:
        os.close(fd)


COMPONENTS = st.sampled_from(["a", "b", "file", "absolute", "up", "loop", "dangling", "escape", "..", ".", "", "slash"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(COMPONENTS, max_size=8).map("/".join))
def test_both_ways_agree(root_fd: int, path: str) -> None:
    answers = []
    for kernel in (LinuxSyscall(), WithoutOpenat2()):
        try:
            answers.append(identity(inside.open_path(kernel, root_fd, path)))
        except OSError as error:
            answers.append((-1, error.errno or 0))

    assert answers[0] == answers[1]
