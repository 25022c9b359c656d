from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libcgroups import files
from libcgroups.errors import FileError, PathError, from_os_error

if TYPE_CHECKING:
    from pathlib import Path


def test_writing_names_file_value_and_reason(tmp_path: Path) -> None:
    path = f"{tmp_path}/pids.max"

    with pytest.raises(FileError) as caught:
        files.write_cgroup_file(path, "many")

    assert str(caught.value) == f"write 'many' to {path}: no such file or directory"
    assert (caught.value.path, caught.value.value, caught.value.errno) == (path, "many", errno.ENOENT)
    assert caught.value.controller == "pids"
    assert caught.value.hint.startswith("the kernel was built without this file")


@pytest.mark.parametrize(
    ("file", "number", "hint"),
    [
        ("io.bfq.weight", errno.EOPNOTSUPP, "this disk has no weights: write bfq to "),
        ("io.max", errno.ENODEV, "no disk has this number; a partition has no limits of its own"),
        ("blkio.bfq.weight_device", errno.EOPNOTSUPP, "this disk has no weights: write bfq to "),
        ("rdma.max", errno.ENODEV, "the names of the devices are those in /sys/class/infiniband"),
        ("cgroup.procs", errno.ENODEV, ""),
    ],
)
def test_a_device_that_cannot_be_limited_has_a_remedy(file: str, number: int, hint: str) -> None:
    error = from_os_error("write", f"/sys/fs/cgroup/one/{file}", OSError(number, ""), "8:0 5")

    assert error.hint.startswith(hint)
    assert bool(error.hint) == bool(hint)


def test_writing_never_creates_a_file(tmp_path: Path) -> None:
    with pytest.raises(FileError):
        files.write_cgroup_file(f"{tmp_path}/cpu.shares", 2)

    assert os.listdir(tmp_path) == []


def test_numbers_are_written_as_text(tmp_path: Path) -> None:
    (tmp_path / "pids.max").write_text("")

    files.write_cgroup_file(f"{tmp_path}/pids.max", -1)

    assert (tmp_path / "pids.max").read_text() == "-1"


def test_reading_a_missing_file_is_an_error_unless_it_is_optional(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"^read .*/memory\.peak: no such file or directory$"):
        files.read_cgroup_file(f"{tmp_path}/memory.peak")

    assert files.read_optional_cgroup_file(f"{tmp_path}/memory.peak") is None


def test_an_optional_file_that_is_a_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"is a directory$"):
        files.read_optional_cgroup_file(str(tmp_path))


@pytest.mark.parametrize(
    ("path", "joined"),
    [
        pytest.param("/web/one", "/mnt/web/one", id="absolute"),
        pytest.param("web//one/", "/mnt/web/one", id="double slash"),
        pytest.param("./web/./one", "/mnt/web/one", id="dots"),
        pytest.param("", "/mnt", id="empty"),
        pytest.param("..web", "/mnt/..web", id="name that begins with dots"),
    ],
)
def test_joining_stays_below(path: str, joined: str) -> None:
    assert files.join_safely("/mnt", path) == joined


@pytest.mark.parametrize("path", ["..", "../x", "/a/../../x", "a/..", "a\0b"])
def test_joining_refuses_to_leave(path: str) -> None:
    with pytest.raises(PathError, match=r"must not contain '\.\.' or NUL$"):
        files.join_safely("/mnt", path)


@given(st.text(alphabet="./ab\0", max_size=12))
def test_what_is_joined_is_always_normal_and_below(path: str) -> None:
    try:
        joined = files.join_safely("/mnt", path)
    except PathError:
        return

    assert os.path.normpath(joined) == joined
    assert joined == "/mnt" or joined.startswith("/mnt/")


def test_processes_of_another_pid_namespace_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").write_text("0\n12\n7\n")

    assert files.read_pids(str(tmp_path)) == [12, 7]


def test_all_pids_include_those_of_cgroups_below(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "cgroup.procs").write_text("1\n")
    (tmp_path / "below" / "cgroup.procs").write_text("2\n3\n")

    assert files.get_all_pids(str(tmp_path)) == [1, 2, 3]


def test_a_cgroup_that_does_not_exist_has_no_processes(tmp_path: Path) -> None:
    assert files.get_all_pids(f"{tmp_path}/gone") == []


def test_missing_directories_are_listed_deepest_first(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()

    missing = files.missing_directories(f"{tmp_path}/a/b/c", str(tmp_path))

    assert missing == [f"{tmp_path}/a/b/c", f"{tmp_path}/a/b"]
