"""The proxy between a container's notifications and the service manager, on real sockets."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from libcontainer import sd_notify
from libcontainer.container import store
from libcontainer.oci.spec import Process, Root, Spec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "manager"))
        listening.settimeout(0)
        yield listening


@pytest.fixture
def proxy(tmp_path: Path, manager: socket.socket) -> Iterator[sd_notify.Proxy]:
    sd_notify.make_directory(str(tmp_path))
    made = sd_notify.Proxy(str(tmp_path / store.NOTIFY_DIRECTORY), str(tmp_path / "manager"))
    yield made
    made.close()


def say(tmp_path: Path, data: bytes, fds: list[int] | None = None) -> None:
    """Do what sd_notify(3) does in the container."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(str(tmp_path / "notify" / "notify.sock"))
        socket.send_fds(sender, [data], fds or [])


def test_lines_are_passed_on_and_ready_gets_the_pid(
    tmp_path: Path, proxy: sd_notify.Proxy, manager: socket.socket
) -> None:
    say(tmp_path, b"STATUS=one")
    say(tmp_path, b"READY=1\nMAINPID=7\nSTATUS=two\n")

    is_ready = proxy.forward(1234)

    assert is_ready
    assert [manager.recv(100), manager.recv(100)] == [b"STATUS=one", b"READY=1\nSTATUS=two\nMAINPID=1234"]


def test_a_message_with_nothing_but_pids_of_the_container_is_dropped(
    tmp_path: Path, proxy: sd_notify.Proxy, manager: socket.socket
) -> None:
    say(tmp_path, b"MAINPID=7\n")

    assert proxy.forward(1234) is False
    with pytest.raises(BlockingIOError):
        manager.recv(100)


def test_half_a_message_is_dropped(tmp_path: Path, proxy: sd_notify.Proxy, manager: socket.socket) -> None:
    say(tmp_path, b"READY=1\nSTATUS=" + b"x" * 5000)

    assert proxy.forward(1234) is False
    with pytest.raises(BlockingIOError):
        manager.recv(100)


def test_descriptors_are_passed_on_and_closed(tmp_path: Path, proxy: sd_notify.Proxy, manager: socket.socket) -> None:
    reader, writer = os.pipe()
    say(tmp_path, b"BARRIER=1", [writer])
    os.close(writer)

    proxy.forward(1234)
    data, fds, _, _ = socket.recv_fds(manager, 100, 4)
    os.close(fds[0])

    assert data == b"BARRIER=1"
    assert os.read(reader, 1) == b""  # nobody else has kept the other end
    os.close(reader)


def test_a_manager_that_is_gone_is_no_error(tmp_path: Path, proxy: sd_notify.Proxy, manager: socket.socket) -> None:
    os.unlink(tmp_path / "manager")
    say(tmp_path, b"READY=1")

    assert proxy.forward(1234) is True


def test_waiting_ends_with_the_process(proxy: sd_notify.Proxy) -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    pidfd = os.pidfd_open(pid)

    proxy.until_ready(pid, pidfd)

    os.close(pidfd)
    os.waitpid(pid, 0)


def test_the_socket_is_for_every_user_and_removed_at_the_end(tmp_path: Path, manager: socket.socket) -> None:
    sd_notify.make_directory(str(tmp_path))
    proxy = sd_notify.Proxy(str(tmp_path / "notify"), str(tmp_path / "manager"))
    mode = os.stat(tmp_path / "notify" / "notify.sock").st_mode & 0o777

    proxy.close()

    assert (mode, os.listdir(tmp_path / "notify")) == (0o777, [])


def test_an_abstract_address_is_taken(tmp_path: Path) -> None:
    sd_notify.make_directory(str(tmp_path))
    name = f"pyouki-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}")
        proxy = sd_notify.Proxy(str(tmp_path / "notify"), f"@{name}")
        say(tmp_path, b"STATUS=here")

        proxy.forward(1)

        assert manager.recv(100) == b"STATUS=here"
        proxy.close()


def test_the_configuration_gets_a_mount_and_a_variable() -> None:
    spec = Spec("1.3.0", Root("rootfs"), process=Process("/", args=("sh",), env=("A=b", "NOTIFY_SOCKET=/old")))

    changed = sd_notify.with_socket(spec, "/run/x/one")

    assert changed.process is not None
    assert changed.process.env == ("A=b", "NOTIFY_SOCKET=/old", "NOTIFY_SOCKET=/run/notify/notify.sock")
    assert [(mount.source, mount.destination) for mount in changed.mounts] == [("/run/x/one/notify", "/run/notify")]
    assert set(changed.mounts[0].options) == {"bind", "ro", "nosuid", "nodev", "noexec"}


@pytest.mark.parametrize("variable", [None, ""])
def test_there_is_no_proxy_without_a_manager(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    sd_notify.make_directory(str(tmp_path))
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if variable is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", variable)

    assert sd_notify.open_proxy(str(tmp_path)) is None
