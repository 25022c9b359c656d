from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from libcgroups.systemd.client import AsyncSystemdClient
from libcgroups.systemd.dbus_native import dbus, proxy
from libcgroups.systemd.dbus_native.dbus import DbusConnection
from libcgroups.systemd.dbus_native.errors import (
    ConnectionFailedError,
    DbusError,
    MethodError,
)
from libcgroups.systemd.dbus_native.proxy import Proxy
from libcgroups.systemd.dbus_native.serialize import Variant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.cgroups_v2.bus import Bus, FakeSystemd


@pytest.fixture
def client(bus: Bus, systemd: FakeSystemd) -> Iterator[Proxy]:
    with Proxy(DbusConnection(bus.address)) as connected:
        yield connected


def test_the_bus_answers_a_call(bus: Bus) -> None:
    with DbusConnection(bus.address) as connection:
        (names,) = connection.call(dbus.BUS_NAME, dbus.BUS_PATH, dbus.BUS_NAME, "ListNames")

    assert isinstance(names, list)
    assert dbus.BUS_NAME in names


def test_an_error_of_the_peer_has_its_name(bus: Bus) -> None:
    with DbusConnection(bus.address) as connection, pytest.raises(MethodError) as caught:
        connection.call(dbus.BUS_NAME, dbus.BUS_PATH, dbus.BUS_NAME, "NoSuchThing")

    assert caught.value.name == "org.freedesktop.DBus.Error.UnknownMethod"
    assert str(caught.value).startswith("call org.freedesktop.DBus.NoSuchThing: ")


def test_a_long_message_arrives_whole(bus: Bus) -> None:
    with (
        DbusConnection(bus.address) as connection,
        pytest.raises(MethodError, match=r"Match rule text is 1000000 bytes, maximum is 1024"),
    ):
        connection.add_match("x" * 1_000_000)


def test_the_next_address_is_tried(bus: Bus) -> None:
    with DbusConnection(f"unix:path=/nonexistent;tcp:host=x;{bus.address},guid=0") as connection:
        assert connection.is_bus


def test_a_bus_in_a_user_namespace_accepts_us(bus: Bus) -> None:
    # Our user id, 0 in there, is not the one that the bus sees.
    script = f"from libcgroups.systemd.dbus_native.dbus import DbusConnection; DbusConnection({bus.address!r}).close()"
    probe = subprocess.run(["unshare", "--user", "--map-root-user", "true"], check=False, capture_output=True)
    if probe.returncode:
        pytest.skip("no user namespaces for us here")

    for command in (["unshare", "--user", "--map-user=1234"], ["unshare", "--user", "--map-root-user"]):
        subprocess.run([*command, sys.executable, "-c", script], check=True)


def test_a_unit_is_started_and_waited_for(client: Proxy, systemd: FakeSystemd) -> None:
    client.start_transient_unit("one.scope", [("PIDs", Variant("au", [7])), ("Delegate", Variant("b", True))])

    ((member, body),) = systemd.calls
    properties: Any = body[2]
    assert (member, body[:2], body[3]) == ("StartTransientUnit", ["one.scope", "fail"], [])
    assert [(name, value.signature, value.value) for name, value in properties] == [
        ("PIDs", "au", [7]),
        ("Delegate", "b", True),
    ]


def test_a_job_that_fails_is_told(client: Proxy, systemd: FakeSystemd) -> None:
    systemd.results = ["failed"]

    with pytest.raises(
        DbusError, match=r"^StartTransientUnit one\.scope: the job ended with result 'failed'$"
    ) as caught:
        client.start_transient_unit("one.scope", [])

    assert caught.value.hint == "see systemctl status one.scope and journalctl -u one.scope"


def test_a_second_job_does_not_take_the_end_of_the_first_for_its_own(client: Proxy, systemd: FakeSystemd) -> None:
    systemd.results = ["done", "timeout"]
    client.start_transient_unit("one.scope", [])

    with pytest.raises(DbusError, match=r"^StopUnit one\.scope: the job ended with result 'timeout'$"):
        client.stop_unit("one.scope")


@pytest.mark.parametrize(("member", "method"), [("StopUnit", "stop_unit"), ("ResetFailedUnit", "reset_failed_unit")])
def test_a_unit_that_is_not_there_is_stopped(client: Proxy, systemd: FakeSystemd, member: str, method: str) -> None:
    systemd.errors = {member: proxy.NO_SUCH_UNIT}

    getattr(client, method)("one.scope")

    assert systemd.errors == {}


@pytest.mark.parametrize(("member", "method"), [("StopUnit", "stop_unit"), ("ResetFailedUnit", "reset_failed_unit")])
def test_other_refusals_are_told(client: Proxy, systemd: FakeSystemd, member: str, method: str) -> None:
    systemd.errors = {member: "org.freedesktop.DBus.Error.AccessDenied"}

    with pytest.raises(MethodError, match=rf"\.{member}: no, sorry \(org\.freedesktop\.DBus\.Error\.AccessDenied\)$"):
        getattr(client, method)("one.scope")


def test_the_rest_of_the_interface(client: Proxy, systemd: FakeSystemd) -> None:
    client.set_unit_properties("one.scope", [("TasksMax", Variant("t", 5))])
    client.attach_processes("one.scope", "", [7, 8])

    assert client.version() == "252.38-1~deb12u1"
    assert client.systemd_version() == 252
    assert client.control_group() == "/init.scope"
    assert client.unit_properties("one.scope") == {"TasksMax": Variant("t", 7)}
    assert systemd.calls[1:] == [("AttachProcessesToUnit", ["one.scope", "", [7, 8]]), ("GetUnit", ["one.scope"])]


def test_a_job_that_never_ends_is_given_up(
    client: Proxy, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "JOB_TIMEOUT_S", 0.0)
    monkeypatch.setattr(Proxy, "_wait_for_job", lambda self, _job, deadline: _never(self, deadline))

    with pytest.raises(ConnectionFailedError, match=r"timed out") as caught:
        client.start_transient_unit("one.scope", [])

    assert caught.value.__notes__ == ["while waiting for systemd to carry out StartTransientUnit of one.scope"]


def _never(client: Proxy, deadline: float) -> str:
    client._connection.wait_for_signal("org.example", "Never", min(deadline, time.monotonic()))
    return "done"


def test_the_asynchronous_client_does_the_same(bus: Bus, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.address)

    async def use() -> tuple[int, str]:
        async with AsyncSystemdClient(is_system=False) as client:
            await client.start_transient_unit("one.scope", [("PIDs", Variant("au", [7]))])
            await client.set_unit_properties("one.scope", [("Wants", Variant("as", ["a.slice"]))])
            await client.attach_processes("one.scope", "", [8])
            systemd.errors = {"ResetFailedUnit": proxy.NO_SUCH_UNIT}
            await client.reset_failed_unit("one.scope")
            systemd.results = ["canceled"]
            with pytest.raises(DbusError, match=r"^StopUnit one\.scope: the job ended with result 'canceled'$"):
                await client.stop_unit("one.scope")
            return await client.systemd_version(), await client.control_group()

    assert asyncio.run(use()) == (252, "/init.scope")
    assert [member for member, _ in systemd.calls] == [
        "StartTransientUnit",
        "SetUnitProperties",
        "AttachProcessesToUnit",
        "ResetFailedUnit",
        "StopUnit",
    ]
