"""Pid files: whole or not at all; and pidfds that are sent."""

from __future__ import annotations

import errno
import os
import socket
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


def test_a_pidfd_is_sent_with_a_word_for_what_it_is_of(tmp_path: Path) -> None:
    pidfd = os.pidfd_open(os.getpid())

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tmp_path}/s")
        listener.listen()
        pid_file.send_pidfd(f"{tmp_path}/s", pidfd, "standard")
        connection, _ = listener.accept()
        with connection:
            data, fds, _, _ = socket.recv_fds(connection, 100, 1)

    assert data == b"standard"
    assert [os.readlink(f"/proc/self/fd/{fd}") for fd in fds] == [os.readlink(f"/proc/self/fd/{pidfd}")]
    for fd in (pidfd, *fds):
        os.close(fd)


def test_nobody_who_takes_the_pidfd_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(
        SyscallError, match=r"^send the pidfd over pidfd socket .*/absent: no such file or di"
    ) as caught:
        pid_file.send_pidfd(f"{tmp_path}/absent", 0, "standard")

    assert caught.value.hint == "does the client listen on it?"
