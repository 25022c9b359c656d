"""``linux.devices`` and ``linux.netDevices``: nodes of every kind, and interfaces that move and come back."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import host, mutations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Inside, MakeBundle
    from tests.support.bundle import Json
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

_ALLOW = mutations.resources(devices=[{"allow": True, "access": "rwm"}])


def _device(**properties: object) -> mutations.Mutation:
    return mutations.every(_ALLOW, mutations.linux(devices=[properties]))


class TestNodes:
    @pytest.mark.parametrize(
        ("properties", "expected"),
        [
            ({"type": "c", "path": "/dev/mine", "major": 1, "minor": 3}, "character special file 1 3"),
            ({"type": "u", "path": "/dev/mine", "major": 1, "minor": 3}, "character special file 1 3"),
            ({"type": "b", "path": "/dev/mine", "major": 7, "minor": 200}, "block special file 7 c8"),
            ({"type": "p", "path": "/dev/mine"}, "fifo 0 0"),
        ],
        ids=["c", "u", "b", "p"],
    )
    def test_kind_and_number(self, inside: Inside, properties: Json, expected: str) -> None:
        assert inside("stat -c '%F %t %T' /dev/mine", _device(**properties)) == f"{expected}\n"

    def test_mode_and_owner(self, inside: Inside) -> None:
        mutate = _device(type="c", path="/dev/mine", major=1, minor=3, fileMode=0o4640, uid=1000, gid=46)

        assert inside("stat -c '%a %u %g' /dev/mine", mutate).split()[1:] == ["1000", "46"]
        assert inside("stat -c '%a' /dev/mine", mutate).strip().endswith("640")

    def test_bits_of_the_type_in_the_mode_are_ignored(self, inside: Inside) -> None:
        mutate = _device(type="c", path="/dev/mine", major=1, minor=3, fileMode=0o20600)

        assert inside("stat -c '%a %F' /dev/mine", mutate) == "600 character special file\n"

    @pytest.mark.userns
    def test_is_the_hosts_in_a_user_namespace(self, inside: Inside) -> None:
        if not os.path.exists("/dev/fuse"):
            pytest.skip("this machine has no /dev/fuse")
        device = os.stat("/dev/fuse").st_rdev
        mutate = mutations.every(
            mutations.user_namespace(),
            _device(type="c", path="/dev/fuse", major=os.major(device), minor=os.minor(device)),
        )

        assert inside("stat -c '%t %T' /dev/fuse", mutate) == f"{os.major(device):x} {os.minor(device):x}\n"

    def test_other_file_in_its_place_is_an_error(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle(mutate=_device(type="c", path="/etc/passwd", major=1, minor=3))

        assert runtime.try_create(bundle).exit_with(1).records[-1]["property"] == "linux.devices[0]"

    @pytest.mark.parametrize("missing", ["major", "minor"])
    def test_number_is_needed(self, runtime: Runtime, make_bundle: MakeBundle, missing: str) -> None:
        properties = {"type": "c", "path": "/dev/mine", "major": 1, "minor": 3}
        del properties[missing]

        record = runtime.try_create(make_bundle(mutate=_device(**properties))).exit_with(1).records[-1]

        assert record["property"] == f"linux.devices[0].{missing}"


def ip(*arguments: str) -> Any:
    output = subprocess.run(["ip", "-json", *arguments], check=True, capture_output=True, text=True).stdout
    return json.loads(output) if output.strip() else None


@pytest.fixture
def interface() -> Iterator[str]:
    """One end of a pair of devices, up, with an address of universal scope and one of the link's."""
    host.require("ip")
    name = f"pt{os.getpid() % 100000}"
    ip("link", "add", name, "type", "veth", "peer", "name", f"{name}p")
    ip("addr", "add", "192.0.2.5/24", "dev", name)
    ip("addr", "add", "2001:db8::5/64", "dev", name, "nodad")
    ip("link", "set", name, "up")
    yield name
    # It is gone already when the other end went with its namespace.
    subprocess.run(["ip", "link", "delete", f"{name}p"], check=False, capture_output=True)


class TestNetworkDevices:
    def test_moves_with_its_addresses_and_is_up(self, inside: Inside, interface: str) -> None:
        found = inside(f"ip addr show {interface}", mutations.linux(netDevices={interface: {}}))

        assert "inet 192.0.2.5/24" in found
        assert "inet6 2001:db8::5/64" in found
        assert "UP" in found.partition(">")[0]

    @pytest.mark.parametrize(("name", "expected"), [("lan0", "lan0"), ("lan%d", "lan0")], ids=["name", "template"])
    def test_gets_its_name(self, inside: Inside, interface: str, name: str, expected: str) -> None:
        mutate = mutations.linux(netDevices={interface: {"name": name}})

        assert sorted(inside("grep : /proc/net/dev | cut -d: -f1", mutate).split()) == [expected, "lo"]

    @pytest.mark.parametrize("kind", ["createRuntime", "createContainer"])
    def test_comes_back_when_create_fails_later(
        self, runtime: Runtime, make_bundle: MakeBundle, interface: str, kind: str
    ) -> None:
        before = _description(interface)
        mutate = mutations.every(
            mutations.linux(netDevices={interface: {"name": "lan0"}}), mutations.hook(kind, "/bin/false")
        )

        runtime.try_create(make_bundle(mutate=mutate)).exit_with(1)

        assert _description(interface) == before

    def test_comes_back_when_the_program_is_missing(
        self, runtime: Runtime, make_bundle: MakeBundle, interface: str
    ) -> None:
        before = _description(interface)
        mutate = mutations.linux(netDevices={interface: {"name": "lan0"}})

        runtime.try_create(make_bundle("/no/such/program", mutate=mutate)).exit_with(1)

        assert _description(interface) == before

    def test_comes_back_when_another_does_not_exist(
        self, runtime: Runtime, make_bundle: MakeBundle, interface: str
    ) -> None:
        before = _description(interface)
        mutate = mutations.linux(netDevices={interface: {}, "nosuch0": {}})

        record = runtime.try_create(make_bundle(mutate=mutate)).exit_with(1).records[-1]

        assert record["property"] == "linux.netDevices[nosuch0]"
        assert _description(interface) == before

    @pytest.mark.parametrize(
        ("name", "change", "text"),
        [
            ("lo", mutations.top(), "already"),
            ("much-too-long-a-name", mutations.top(), "not a name of a network device"),
            ("a/b", mutations.top(), "name"),
            ("..", mutations.top(), "name"),
            ("lan0", mutations.without_namespace("network"), "private net namespace"),
        ],
        ids=["taken", "long", "slash", "dots", "no-namespace"],
    )
    def test_what_cannot_be_is_refused(
        self,
        runtime: Runtime,
        make_bundle: MakeBundle,
        interface: str,
        name: str,
        change: mutations.Mutation,
        text: str,
    ) -> None:
        before = _description(interface)
        mutate = mutations.every(mutations.linux(netDevices={interface: {"name": name}}), change)

        result = runtime.try_create(make_bundle(mutate=mutate)).exit_with(1)

        assert text in result.message
        assert _description(interface) == before


def _description(name: str) -> list[tuple[str, str, str]]:
    """Return what a device must keep: its state, and its addresses of universal scope."""
    (device,) = ip("addr", "show", name)
    return [
        (device["operstate"] != "DOWN", address["local"], address["prefixlen"])
        for address in device["addr_info"]
        if address["scope"] == "global"
    ]
