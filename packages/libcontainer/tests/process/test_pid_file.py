"""Pid files: whole or not at all."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from libcontainer.errors import SyscallError
from libcontainer.process import pid_file

if TYPE_CHECKING:
    from pathlib import Path


def test_the_file_holds_the_number_and_nothing_else(tmp_path: Path) -> None:
    pid_file.write(f"{tmp_path}/pid", 1234)

    assert (tmp_path / "pid").read_bytes() == b"1234"
    assert os.listdir(tmp_path) == ["pid"]


def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "pid").symlink_to("precious")

    pid_file.write(f"{tmp_path}/pid", 7)

    assert (tmp_path / "precious").read_text() == "kept"
    assert (tmp_path / "pid").read_text() == "7"


def test_what_a_killed_writer_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".pid").write_text("4")

    pid_file.write(f"{tmp_path}/pid", 7)

    assert os.listdir(tmp_path) == ["pid"]


def test_a_file_that_cannot_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "pid").mkdir()

    with pytest.raises(SyscallError) as caught:
        pid_file.write(f"{tmp_path}/pid", 7)

    assert caught.value.errno == errno.EISDIR
    assert os.listdir(tmp_path) == ["pid"]


def test_a_directory_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SyscallError, match=r"^write the pid file .*/absent/pid: no such file or directory$"):
        pid_file.write(f"{tmp_path}/absent/pid", 7)
