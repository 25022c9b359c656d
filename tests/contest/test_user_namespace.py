"""User namespaces: who a process is inside and outside, and what still works there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations

if TYPE_CHECKING:
    from tests.conftest import Inside, MakeBundle
    from tests.support.runtime import Runtime

pytestmark = [pytest.mark.root, pytest.mark.userns]

_MAPPED = mutations.user_namespace(host_id=100000, size=65536)


def test_maps_are_those_of_the_config(inside: Inside) -> None:
    assert inside("cat /proc/self/uid_map /proc/self/gid_map", _MAPPED).split() == ["0", "100000", "65536"] * 2


def test_several_ranges(inside: Inside) -> None:
    ranges = [
        {"containerID": 0, "hostID": 200000, "size": 1},
        {"containerID": 1, "hostID": 100000, "size": 999},
        {"containerID": 5000, "hostID": 300000, "size": 10},
    ]
    mutate = mutations.every(mutations.namespace("user"), mutations.linux(uidMappings=ranges, gidMappings=ranges))

    assert inside("cat /proc/self/uid_map", mutate).split() == "0 200000 1 1 100000 999 5000 300000 10".split()


def test_root_inside_is_the_mapped_user_outside(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.start(make_bundle(mutate=_MAPPED))

    assert os.stat(f"/proc/{container.pid}").st_uid == 100000


def test_ordinary_user_inside(runtime: Runtime, make_bundle: MakeBundle) -> None:
    user = mutations.process(user={"uid": 1000, "gid": 1000})

    container = runtime.start(make_bundle(mutate=mutations.every(_MAPPED, user)))

    assert os.stat(f"/proc/{container.pid}").st_uid == 101000


def test_root_has_the_capabilities_asked_for(inside: Inside) -> None:
    mutate = mutations.every(_MAPPED, mutations.capabilities("CAP_SYS_ADMIN", "CAP_NET_ADMIN"))

    assert int(inside("grep CapEff /proc/self/status", mutate).split()[1], 16) == 1 << 21 | 1 << 12


def test_additional_groups(inside: Inside) -> None:
    user = mutations.process(user={"uid": 0, "gid": 0, "additionalGids": [5, 6]})

    assert set(inside("id -G", mutations.every(_MAPPED, user)).split()) == {"0", "5", "6"}


@pytest.mark.parametrize("device", ["null", "zero", "full", "random", "urandom", "tty"])
def test_device_is_there(inside: Inside, device: str) -> None:
    expected = os.stat(f"/dev/{device}").st_rdev

    found = inside(f"stat -c '%t %T' /dev/{device}", _MAPPED).split()

    assert [int(part, 16) for part in found] == [os.major(expected), os.minor(expected)]


def test_null_can_be_written(inside: Inside) -> None:
    assert inside("echo x > /dev/null && echo ok", _MAPPED) == "ok\n"


def test_mounts_are_there(inside: Inside) -> None:
    points = inside("cut -d' ' -f2 /proc/mounts", _MAPPED).split()

    assert {"/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys"} <= set(points)


def test_new_network_namespace_belongs_to_it(inside: Inside) -> None:
    mutate = mutations.every(_MAPPED, mutations.capabilities("CAP_NET_ADMIN"))

    assert inside("ip link set lo mtu 1400 && ip link show lo", mutate).split("mtu ")[1].startswith("1400")


def test_exec_joins_it(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.start(make_bundle(mutate=_MAPPED))

    inside = container.exec("readlink", "/proc/self/ns/user").succeed().stdout.strip()

    assert inside == os.readlink(f"/proc/{container.pid}/ns/user")


def test_exec_as_ordinary_user(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.start(make_bundle(mutate=_MAPPED))

    assert container.exec("id", "-u", options=["--user", "1000"]).succeed().stdout == "1000\n"


def test_joined_by_path(runtime: Runtime, make_bundle: MakeBundle, inside: Inside) -> None:
    first = runtime.start(make_bundle(mutate=_MAPPED))
    path = f"/proc/{first.pid}/ns/user"

    assert inside("readlink /proc/self/ns/user", mutations.namespace("user", path)).strip() == os.readlink(path)


def test_callers_null_device_keeps_its_owner(inside: Inside) -> None:
    os.chown("/dev/null", 0, 0)

    inside("true", _MAPPED)

    assert (os.stat("/dev/null").st_uid, os.stat("/dev/null").st_gid) == (0, 0)


class TestFailure:
    def test_new_without_mappings(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        runtime.try_create(make_bundle(mutate=mutations.namespace("user"))).exit_with(1)

    def test_mappings_without_namespace(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        mappings = [{"containerID": 0, "hostID": 100000, "size": 10}]
        mutate = mutations.linux(uidMappings=mappings, gidMappings=mappings)

        runtime.try_create(make_bundle(mutate=mutate)).exit_with(1)

    def test_user_that_is_not_mapped(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        user = mutations.process(user={"uid": 70000, "gid": 0})

        runtime.try_create(make_bundle(mutate=mutations.every(_MAPPED, user))).exit_with(1)

    def test_overlapping_ranges(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        mappings = [
            {"containerID": 0, "hostID": 100000, "size": 10},
            {"containerID": 5, "hostID": 200000, "size": 10},
        ]
        mutate = mutations.every(
            mutations.namespace("user"), mutations.linux(uidMappings=mappings, gidMappings=mappings)
        )

        runtime.try_create(make_bundle(mutate=mutate)).exit_with(1)
