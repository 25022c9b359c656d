"""The loopback device and moved devices, in network namespaces of the test's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any

import pytest

from libcontainer import net_devices, network
from libcontainer.errors import LibcontainerError
from libcontainer.oci.spec import LinuxNetDevice
from libcontainer.syscall import flags
from libcontainer.syscall.linux import LinuxSyscall
from tests.integration.facilities import child
from tests.integration.facilities.child import SYSCALL

pytestmark = [pytest.mark.root, pytest.mark.skipif(shutil.which("ip") is None, reason="needs ip(8) of iproute2")]


def ip(*arguments: str) -> Any:
    output = subprocess.run(["ip", "-json", *arguments], check=True, capture_output=True, text=True).stdout
    return json.loads(output) if output.strip() else None


def inside(netns_fd: int, *arguments: str) -> Any:
    """Run ip(8) in the other namespace."""
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    SYSCALL.setns(netns_fd, flags.CLONE_NEWNET)
    try:
        return ip(*arguments)
    finally:
        SYSCALL.setns(own, flags.CLONE_NEWNET)
        os.close(own)


def other_namespace() -> int:
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    SYSCALL.unshare(flags.CLONE_NEWNET)
    other = os.open("/proc/self/ns/net", os.O_RDONLY)
    SYSCALL.setns(own, flags.CLONE_NEWNET)
    os.close(own)
    return other


def summary(links: list[Any]) -> dict[str, list[Any]]:
    return {
        link["ifname"].split("@")[0]: [
            "UP" in link["flags"],
            *sorted(f"{one['local']}/{one['prefixlen']}" for one in link["addr_info"] if one["scope"] == "global"),
        ]
        for link in links
        if link["ifname"] != "lo"
    }


def make_device(name: str = "pt0") -> None:
    ip("link", "add", name, "type", "veth", "peer", "name", f"{name}p")
    ip("link", "set", f"{name}p", "up")
    ip("addr", "add", "192.0.2.7/24", "broadcast", "192.0.2.255", "dev", name)
    ip("addr", "add", "2001:db8::7/64", "dev", name, "nodad")
    ip("addr", "add", "169.254.1.1/16", "scope", "link", "dev", name)
    ip("addr", "add", "192.0.2.99/24", "dev", name, "valid_lft", "1000", "preferred_lft", "1000")
    ip("link", "set", name, "up")


def test_loopback_is_up_and_has_its_addresses() -> None:
    def up() -> list[Any]:
        network.bring_up_loopback(LinuxSyscall())
        (link,) = ip("addr", "show", "dev", "lo")
        return ["UP" in link["flags"], [one["local"] for one in link["addr_info"]]]

    assert child.run(up, flags.CLONE_NEWNET) == [True, ["127.0.0.1", "::1"]]


def test_loopback_without_rights_is_an_error() -> None:
    def up() -> str:
        SYSCALL.setresuid(1000)
        try:
            network.bring_up_loopback(LinuxSyscall())
        except LibcontainerError as error:
            return str(error)
        return "up"

    assert child.run(up, flags.CLONE_NEWNET) == "bring up the loopback device: operation not permitted"


def move(devices: dict[str, LinuxNetDevice], prepare: str = "") -> list[Any]:
    """Move devices; returns the error, the devices of the host and those of the container."""
    other = other_namespace()
    make_device("pt0")
    if prepare:
        inside(other, *prepare.split())
    before = len(os.listdir("/proc/self/fd"))
    mover = net_devices.Mover(SYSCALL, other)
    error = None
    try:
        mover.move_all(devices)
    except LibcontainerError as caught:
        error = str(caught)
    mover.close()
    assert len(os.listdir("/proc/self/fd")) == before
    return [error, summary(ip("addr")), summary(inside(other, "addr"))]


ADDRESSES = ["192.0.2.7/24", "2001:db8::7/64"]
HOST_ADDRESSES = ["192.0.2.7/24", "192.0.2.99/24", "2001:db8::7/64"]


@pytest.mark.parametrize(
    ("name", "found", "prepare"),
    [
        (None, "pt0", ""),
        ("eth0", "eth0", ""),
        ("eth%d", "eth0", ""),
        ("eth%d", "eth1", "link add eth0 type veth peer name eth2"),
    ],
    ids=["same name", "new name", "template", "template with a taken number"],
)
def test_device_moves_with_its_permanent_global_addresses(name: str | None, found: str, prepare: str) -> None:
    error, host, container = child.run(lambda: move({"pt0": LinuxNetDevice(name)}, prepare), flags.CLONE_NEWNET)

    assert (error, sorted(host)) == (None, ["pt0p"])
    assert container[found] == [True, *ADDRESSES]


@pytest.mark.parametrize(
    ("devices", "prepare", "message"),
    [
        (
            {"pt0": LinuxNetDevice("eth0"), "nosuch": LinuxNetDevice()},
            "",
            "move network device nosuch into the container: no such device",
        ),
        (
            {"pt0": LinuxNetDevice("eth0")},
            "link add eth0 type veth peer name eth2",
            "move network device pt0 into the container (the container has a device eth0 already): file exists",
        ),
        (
            {"pt0": LinuxNetDevice(), "lo": LinuxNetDevice("x")},
            "",
            "move network device lo into the container (the loopback device cannot be moved): invalid argument",
        ),
    ],
    ids=["missing device", "taken name", "loopback"],
)
def test_failed_move_leaves_everything_on_the_host(
    devices: dict[str, LinuxNetDevice], prepare: str, message: str
) -> None:
    error, host, container = child.run(lambda: move(devices, prepare), flags.CLONE_NEWNET)

    assert error == message
    assert host["pt0"][0] is True
    assert host["pt0"][1:] in (ADDRESSES, HOST_ADDRESSES)
    assert "pt0" not in container
