from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libcgroups.systemd.dbus_native import dbus, proxy
from libcgroups.systemd.dbus_native import message as messages
from libcgroups.systemd.dbus_native.dbus import DbusConnection
from libcgroups.systemd.dbus_native.errors import (
    AuthenticationError,
    ConnectionFailedError,
    DbusError,
    SerializeError,
)
from libcgroups.systemd.dbus_native.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


# A busy machine says nothing about the code.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def serve(path: str, *answers: Callable[[socket.socket], None]) -> threading.Thread:
    """Serve one connection to a socket after the other from a thread."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(1)

    def answer_all() -> None:
        for answer in answers:
            connection, _ = listener.accept()
            answer(connection)
            connection.close()
        listener.close()

    thread = threading.Thread(target=answer_all)
    thread.start()
    return thread


def accept(connection: socket.socket) -> None:
    """Accept the credentials, and end with the peer."""
    connection.recv(100)
    connection.sendall(b"DATA\r\nOK 1\r\n")
    connection.recv(100)


def test_nobody_listening_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailedError, match=r"^connect to unix:path=.*/none: no such file or directory$"):
        DbusConnection(f"unix:path={tmp_path}/none")


def test_who_is_rejected_without_a_name_tries_with_one(tmp_path: Path) -> None:
    lines = []

    def reject(connection: socket.socket) -> None:
        lines.append(connection.recv(100))
        connection.sendall(b"REJECTED EXTERNAL\r\n")

    def accept_a_name(connection: socket.socket) -> None:
        lines.append(connection.recv(100))
        connection.sendall(b"OK 1234\r\n")
        connection.recv(100)

    thread = serve(f"{tmp_path}/s", reject, accept_a_name)
    DbusConnection(f"unix:path={tmp_path}/s", is_bus=False).close()
    thread.join()

    uid = str(os.geteuid()).encode().hex().encode()
    assert lines == [b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n", b"\0AUTH EXTERNAL " + uid + b"\r\nBEGIN\r\n"]


def test_who_is_rejected_twice_gives_up(tmp_path: Path) -> None:
    def reject(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"REJECTED KERBEROS\r\n")

    thread = serve(f"{tmp_path}/s", reject, reject)
    with pytest.raises(AuthenticationError, match=r"as uid \d+: answer 'REJECTED KERBEROS'$"):
        DbusConnection(f"unix:path={tmp_path}/s")
    thread.join()


def test_a_message_right_behind_the_verdict_is_not_lost(tmp_path: Path) -> None:
    signal = messages.encode(Message(messages.SIGNAL, 1, path="/o", interface="a.b", member="C"))

    def accept_and_speak(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"DATA\r\nOK 1\r\n" + signal[:20])
        connection.sendall(signal[20:])
        connection.recv(100)

    thread = serve(f"{tmp_path}/s", accept_and_speak)
    with DbusConnection(f"unix:path={tmp_path}/s", is_bus=False) as connection:
        received = connection.wait_for_signal("a.b", "C", time.monotonic() + 10)
    thread.join()

    assert received.path == "/o"


def test_a_peer_that_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    done = threading.Event()

    def be_silent(_: socket.socket) -> None:
        done.wait(10)

    thread = serve(f"{tmp_path}/s", be_silent)
    with pytest.raises(ConnectionFailedError, match=r"timed out"):
        DbusConnection(f"unix:path={tmp_path}/s", timeout_s=0.05)
    done.set()
    thread.join()


def test_a_connection_that_breaks_is_told(tmp_path: Path) -> None:
    thread = serve(f"{tmp_path}/s", accept)
    with DbusConnection(f"unix:path={tmp_path}/s", is_bus=False) as connection, pytest.raises(ConnectionFailedError):
        connection.call("a.b", "/", "a.b", "C")
    thread.join()


def test_without_a_bus_systemd_is_asked_directly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.makedirs(f"{tmp_path}/systemd")
    thread = serve(f"{tmp_path}/systemd/private", accept)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with DbusConnection.new_session() as connection:
        assert not connection.is_bus
    thread.join()


def test_a_session_without_any_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)

    with pytest.raises(ConnectionFailedError, match=r"neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set$"):
        DbusConnection.new_session()


@unhurried
@given(st.binary(min_size=1, max_size=20).filter(lambda name: b"\0" not in name))
def test_addresses_are_read_back(name: bytes) -> None:
    assert dbus.parse_address(f"unix:path={dbus.escape_address(os.fsdecode(name))},guid=1") == [name]


@pytest.mark.parametrize(
    ("address", "names"),
    [("unix:abstract=/a%20b", [b"\0/a b"]), ("tcp:host=x", []), ("", []), ("unix:tmpdir=/x;unix:path=/y", [b"/y"])],
)
def test_only_unix_sockets_are_taken(address: str, names: list[bytes]) -> None:
    assert dbus.parse_address(address) == names


@pytest.mark.parametrize("address", ["nothing", "unix:path=%zz"])
def test_bad_addresses_are_refused(address: str) -> None:
    with pytest.raises(SerializeError):
        dbus.parse_address(address)


@pytest.mark.parametrize(("text", "number"), [("252.38-1", 252), ("v255", 255), ("239 (239-82.el8)", 239)])
def test_versions_are_read(text: str, number: int) -> None:
    assert proxy.parse_version(text) == number


def test_a_version_without_number_is_refused() -> None:
    with pytest.raises(DbusError, match=r"^systemd version 'dev': does not begin with a number$"):
        proxy.parse_version("dev")


def test_importing_the_client_imports_little() -> None:
    script = (
        "import __future__, os, sys, time; before = set(sys.modules); import libcgroups.systemd.dbus_native.proxy; "
        "import libcgroups.systemd.dbus_native.dbus; print(*sorted(set(sys.modules) - before))"
    )
    source = os.path.dirname(os.path.dirname(sys.modules["libcgroups"].__file__ or ""))
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {source!r}); {script}"],
        check=True,
        capture_output=True,
        text=True,
    )

    assert run.stdout.split() == [
        "_socket",
        "_struct",
        "libcgroups",
        "libcgroups.errors",
        "libcgroups.record",
        "libcgroups.systemd",
        "libcgroups.systemd.dbus_native",
        "libcgroups.systemd.dbus_native.dbus",
        "libcgroups.systemd.dbus_native.errors",
        "libcgroups.systemd.dbus_native.message",
        "libcgroups.systemd.dbus_native.proxy",
        "libcgroups.systemd.dbus_native.serialize",
        "struct",
    ]
