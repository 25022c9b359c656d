"""Start and the waiting container, over the notify socket."""

from __future__ import annotations

import errno
import os
import threading
from typing import TYPE_CHECKING

import pytest

from libcontainer import notify_socket
from libcontainer.errors import ExecutableError, LibcontainerError, SyscallError
from libcontainer.syscall.linux import LinuxSyscall

if TYPE_CHECKING:
    from pathlib import Path


def test_silence_at_the_end_of_the_connection_is_success(tmp_path: Path) -> None:
    listener = notify_socket.listen(LinuxSyscall(), str(tmp_path))
    caller = notify_socket.connect(str(tmp_path))

    caller.say_go()
    waiting = notify_socket.wait_for_start(listener)
    os.close(waiting)

    assert caller.wait_for_exec() is None


def test_an_error_is_told(tmp_path: Path) -> None:
    listener = notify_socket.listen(LinuxSyscall(), str(tmp_path))
    caller = notify_socket.connect(str(tmp_path))
    caller.say_go()
    waiting = notify_socket.wait_for_start(listener)

    os.write(waiting, b'{"code":"not-executable","message":"exec /x",')
    os.write(waiting, b'"errno":8}')
    os.close(waiting)

    failure = caller.wait_for_exec()
    assert isinstance(failure, ExecutableError)
    assert str(failure) == "exec /x: exec format error"


@pytest.mark.parametrize("answer", [b"nonsense", b"[]", b'{"code"', b"\xff"])
def test_an_answer_that_cannot_be_read_is_an_error(answer: bytes, tmp_path: Path) -> None:
    listener = notify_socket.listen(LinuxSyscall(), str(tmp_path))
    caller = notify_socket.connect(str(tmp_path))
    caller.say_go()
    waiting = notify_socket.wait_for_start(listener)

    os.write(waiting, answer)
    os.close(waiting)

    failure = caller.wait_for_exec()
    assert isinstance(failure, LibcontainerError)
    assert str(failure) == "the container ended while starting"


def test_a_caller_that_hangs_up_without_a_word_is_forgotten(tmp_path: Path) -> None:
    listener = notify_socket.listen(LinuxSyscall(), str(tmp_path))
    first = notify_socket.connect(str(tmp_path))
    second = notify_socket.connect(str(tmp_path))
    accepted: list[int] = []
    waiting = threading.Thread(target=lambda: accepted.append(notify_socket.wait_for_start(listener)))
    waiting.start()

    first._socket.close()
    second.say_go()
    waiting.join(5)

    assert len(accepted) == 1
    os.close(accepted[0])
    assert second.wait_for_exec() is None


def test_nobody_waits_where_there_is_no_socket(tmp_path: Path) -> None:
    with pytest.raises(SyscallError) as caught:
        notify_socket.connect(str(tmp_path))

    assert caught.value.errno == errno.ENOENT


def test_nobody_waits_behind_a_socket_whose_owner_is_gone(tmp_path: Path) -> None:
    os.close(notify_socket.listen(LinuxSyscall(), str(tmp_path)))

    with pytest.raises(SyscallError, match=r"^connect to the waiting container: connection refused$") as caught:
        notify_socket.connect(str(tmp_path))

    assert caught.value.errno == errno.ECONNREFUSED


def test_a_socket_is_made_in_a_directory_with_a_long_name(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 200)
    directory.mkdir()

    listener = notify_socket.listen(LinuxSyscall(), str(directory))
    caller = notify_socket.connect(str(directory))

    caller.say_go()
    os.close(notify_socket.wait_for_start(listener))
    assert caller.wait_for_exec() is None


def test_a_socket_is_not_made_twice(tmp_path: Path) -> None:
    listener = notify_socket.listen(LinuxSyscall(), str(tmp_path))

    with pytest.raises(SyscallError, match=r"^bind the notify socket in .*: address already in use$"):
        notify_socket.listen(LinuxSyscall(), str(tmp_path))

    os.close(listener)
