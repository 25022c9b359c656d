"""The console of a container: made in a devpts of its own, bound, handed over; and what a hostile /dev does to it."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import termios
from typing import TYPE_CHECKING, Any

import pytest

from libcontainer import stdio, tty
from libcontainer.errors import LibcontainerError
from libcontainer.oci.spec import Box
from libcontainer.syscall import flags
from tests.integration.facilities import child
from tests.integration.facilities.child import SYSCALL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.root


def enter_root(root: Path, *, devpts: bool = True) -> int:
    """Become a session leader in a root directory with a tmpfs on /dev and a devpts; returns the root's descriptor."""
    os.setsid()
    if not (root / "dev").exists():
        (root / "dev").mkdir()
        SYSCALL.mount("t", str(root / "dev"), "tmpfs", 0, "mode=755")
    if devpts:
        (root / "dev/pts").mkdir()
        SYSCALL.mount("devpts", str(root / "dev/pts"), "devpts", 0, "newinstance,ptmxmode=0666,mode=0620,gid=5")
    os.chroot(root)
    os.chdir("/")
    return os.open("/", os.O_PATH | os.O_DIRECTORY)


def outcome(work: Callable[[], Any]) -> Any:
    def run() -> Any:
        try:
            return work()
        except LibcontainerError as error:
            return f"{error} ({error.hint})"

    return child.run(run, flags.CLONE_NEWNS)


def test_process_sits_on_a_terminal_of_its_own_devpts(tmp_path: Path) -> None:
    def work() -> list[Any]:
        master, name = tty.setup_console(SYSCALL, enter_root(tmp_path), Box(24, 80))
        console, slave = os.stat("/dev/console"), os.stat("/dev/pts/0")
        opened = os.open("/dev/console", os.O_RDWR | os.O_NOCTTY)
        os.write(opened, b"hi\n")
        tty_number = os.minor(os.fstat(os.open("/dev/console", os.O_RDWR)).st_rdev)
        return [
            name,
            [os.ttyname(fd) for fd in range(3)],
            [os.get_inheritable(fd) for fd in (0, 1, 2, master)],
            tuple(os.get_terminal_size(0)),
            (console.st_rdev, console.st_ino, console.st_dev) == (slave.st_rdev, slave.st_ino, slave.st_dev),
            os.read(master, 99).decode(),
            os.tcgetpgrp(0) == os.getpgrp(),
            tty_number,
        ]

    assert outcome(work) == [
        "/dev/pts/0", ["/dev/pts/0"] * 3, [True, True, True, False], [80, 24], True, "hi\r\n", True, 0,
    ]  # fmt: skip


def test_nothing_but_the_master_stays_open(tmp_path: Path) -> None:
    def work() -> list[int]:
        descriptors = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY)
        root = enter_root(tmp_path)
        before = {int(name) for name in os.listdir(descriptors)}
        master, _ = tty.setup_console(SYSCALL, root, None)
        return sorted({int(name) for name in os.listdir(descriptors)} - before - {master, 0, 1, 2})

    assert outcome(work) == []


def test_exec_needs_no_console_file(tmp_path: Path) -> None:
    def work() -> list[Any]:
        root = enter_root(tmp_path)
        tty.open_pair(SYSCALL, os.open("/dev", os.O_PATH | os.O_DIRECTORY))
        _, name = tty.setup_console(SYSCALL, root, Box(1, 100000), bind=False)
        return [name, os.path.exists("/dev/console"), os.get_terminal_size(0).columns]

    assert outcome(work) == ["/dev/pts/1", False, 65535]


def test_dev_without_devpts_is_an_error(tmp_path: Path) -> None:
    def work() -> Any:
        return tty.setup_console(SYSCALL, enter_root(tmp_path, devpts=False), None)

    assert outcome(work) == (
        "open pts for the terminal: no such file or directory (a terminal needs a devpts mounted at /dev/pts)"
    )


def test_directory_full_of_lies_is_no_devpts(tmp_path: Path) -> None:
    (tmp_path / "dev/pts").mkdir(parents=True)
    (tmp_path / "payload").write_text("precious")
    for number in range(20):
        (tmp_path / f"dev/pts/{number}").symlink_to("/payload")
    (tmp_path / "dev/pts/ptmx").symlink_to("/payload")

    def work() -> Any:
        return tty.setup_console(SYSCALL, enter_root(tmp_path, devpts=False), None)

    assert outcome(work) == ("open /dev/pts: it is not a devpts (a terminal needs a devpts mounted at /dev/pts)")
    assert (tmp_path / "payload").read_text() == "precious"


def test_multiplexer_with_something_mounted_over_it_is_refused(tmp_path: Path) -> None:
    def work() -> Any:
        root = enter_root(tmp_path)
        os.close(os.open("/decoy", os.O_CREAT))
        SYSCALL.mount("/decoy", "/dev/pts/ptmx", None, flags.MS_BIND, None)
        return tty.setup_console(SYSCALL, root, None)

    assert outcome(work) == "open /dev/pts/ptmx: invalid cross-device link (None)"


@pytest.mark.parametrize("target", ["/payload", "/new/file", "../payload"])
def test_console_that_is_a_symbolic_link_is_refused_and_its_target_untouched(target: str, tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "payload").write_text("precious")
    (tmp_path / "dev/console").symlink_to(target)

    def work() -> Any:
        return tty.setup_console(SYSCALL, enter_root(tmp_path), None)

    assert outcome(work) == "make /dev/console: too many levels of symbolic links (/dev/console is a symbolic link)"
    assert (tmp_path / "payload").read_text() == "precious"
    assert not (tmp_path / "new").exists()


def test_console_that_is_a_file_is_covered_and_kept(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/console").write_text("precious")

    def work() -> bool:
        tty.setup_console(SYSCALL, enter_root(tmp_path), None)
        return os.stat("/dev/console").st_rdev == os.stat("/dev/pts/0").st_rdev

    assert outcome(work) is True
    assert (tmp_path / "dev/console").read_text() == "precious"


@pytest.mark.parametrize("directory", ["s", "long/" + "x" * 150], ids=["short path", "path over 108 bytes"])
def test_master_arrives_over_the_console_socket(directory: str, tmp_path: Path) -> None:
    os.makedirs(tmp_path / directory)
    path = str(tmp_path / directory / "c.sock")
    listener = socket.socket(socket.AF_UNIX)
    directory_fd = os.open(tmp_path / directory, os.O_PATH)
    listener.bind(f"/proc/self/fd/{directory_fd}/c.sock")
    listener.listen()

    sender = tty.connect_console_socket(path)
    connection, _ = listener.accept()
    master, slave, name = tty.open_pair(SYSCALL, dev := os.open("/dev", os.O_PATH))
    tty.set_size(master, 30, 90)
    tty.send_master(sender, master, name)
    for fd in (sender, master, dev, directory_fd):
        os.close(fd)
    payload, (received,), _, _ = socket.recv_fds(connection, 4096, 4)

    size = struct.unpack("HHHH", fcntl.ioctl(received, termios.TIOCGWINSZ, bytes(8)))
    os.write(slave, b"x")
    assert (payload.decode(), size[:2], os.read(received, 9)) == (os.ttyname(slave), (30, 90), b"x")
    for thing in (received, slave):
        os.close(thing)
    connection.close()
    listener.close()


def test_console_socket_that_nobody_listens_on_is_named(tmp_path: Path) -> None:
    with pytest.raises(LibcontainerError) as caught:
        tty.connect_console_socket(f"{tmp_path}/nope")

    assert str(caught.value) == f"connect to console socket {tmp_path}/nope: no such file or directory"


def null_root(root: Path, make: Callable[[], object]) -> int:
    root_fd = enter_root(root)
    make()
    return root_fd


def on_null(root: Path, make: Callable[[], object]) -> list[Any]:
    """Put the host's null on 0 and a pipe on 1; returns whether each was replaced."""
    host = os.open("/dev/null", os.O_RDWR)
    reader, writer = os.pipe()
    os.dup2(host, 0)
    os.dup2(writer, 1)
    os.dup2(host, 2)
    before = [(os.fstat(fd).st_dev, os.fstat(fd).st_ino) for fd in range(3)]
    root_fd = null_root(root, make)
    stdio.reopen_null(SYSCALL, root_fd)
    os.close(reader)
    return [(os.fstat(fd).st_dev, os.fstat(fd).st_ino) != before[fd] for fd in range(3)]


def test_null_descriptors_become_those_of_the_container(tmp_path: Path) -> None:
    assert outcome(lambda: on_null(tmp_path, lambda: os.mknod("/dev/null", 0o20666, os.makedev(1, 3)))) == [
        True, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "make",
    [
        lambda: os.symlink("/payload", "/dev/null"),
        lambda: os.close(os.open("/dev/null", os.O_CREAT)),
        lambda: os.mkfifo("/dev/null"),
        lambda: os.mknod("/dev/null", 0o20666, os.makedev(1, 5)),
        lambda: None,
    ],
    ids=["symbolic link", "file", "fifo", "zero", "missing"],
)
@pytest.mark.timeout(10)
def test_false_null_device_is_never_used(make: Callable[[], object], tmp_path: Path) -> None:
    (tmp_path / "payload").write_text("precious")

    assert outcome(lambda: on_null(tmp_path, make)) == [False, False, False]


def test_only_pipes_and_terminals_get_the_new_owner(tmp_path: Path) -> None:
    def work() -> list[int]:
        null = f"{tmp_path}/null"
        os.mknod(null, 0o20666, os.makedev(1, 3))
        _, writer = os.pipe()
        os.dup2(writer, 1)
        os.dup2(os.open(null, os.O_RDWR), 0)
        os.dup2(os.open(f"{tmp_path}/file", os.O_CREAT | os.O_RDWR), 2)
        stdio.give_to(SYSCALL, 1000)
        first = [os.fstat(fd).st_uid for fd in range(3)]
        _, slave = os.openpty()
        os.dup2(slave, 2)
        stdio.give_to(SYSCALL, 1000)
        return [*first, os.fstat(2).st_uid]

    assert outcome(work) == [0, 1000, 0, 1000]


def test_closed_descriptors_are_passed_over() -> None:
    def work() -> bool:
        os.close(0)
        stdio.give_to(SYSCALL, 1000)
        stdio.reopen_null(SYSCALL, os.open("/", os.O_PATH))
        return True

    assert outcome(work) is True
