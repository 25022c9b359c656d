"""Namespaces: new ones, ones joined by path, and those shared with the host."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import read

if TYPE_CHECKING:
    from tests.conftest import Inside, MakeBundle
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

_FILES = {"pid": "pid", "network": "net", "ipc": "ipc", "uts": "uts", "mount": "mnt", "cgroup": "cgroup"}


@pytest.mark.parametrize("kind", sorted(_FILES))
def test_listed_namespace_is_new(inside: Inside, kind: str) -> None:
    link = f"/proc/self/ns/{_FILES[kind]}"

    assert inside(f"readlink {link}", mutations.namespace(kind)).strip() != os.readlink(link)


@pytest.mark.parametrize("kind", ["pid", "network", "ipc", "cgroup"])
def test_namespace_that_is_not_listed_is_the_callers(inside: Inside, kind: str) -> None:
    link = f"/proc/self/ns/{_FILES[kind]}"

    assert inside(f"readlink {link}", mutations.without_namespace(kind)).strip() == os.readlink(link)


def test_uts_namespace_that_is_not_listed_is_the_callers(inside: Inside) -> None:
    mutate = mutations.every(mutations.without_namespace("uts"), lambda config: config.pop("hostname"))

    assert inside("readlink /proc/self/ns/uts", mutate).strip() == os.readlink("/proc/self/ns/uts")


@pytest.mark.parametrize("kind", ["pid", "network", "ipc", "uts", "cgroup"])
def test_namespace_is_joined_by_path(runtime: Runtime, make_bundle: MakeBundle, inside: Inside, kind: str) -> None:
    first = runtime.start(make_bundle(mutate=mutations.namespace(kind)))
    path = f"/proc/{first.pid}/ns/{_FILES[kind]}"
    mutate = mutations.every(mutations.namespace(kind, path), lambda config: config.pop("hostname"))

    assert inside(f"readlink /proc/self/ns/{_FILES[kind]}", mutate).strip() == os.readlink(path)


def test_joined_pid_namespace_shows_its_processes(runtime: Runtime, make_bundle: MakeBundle, inside: Inside) -> None:
    first = runtime.start(make_bundle("sleep", "1234"))

    seen = inside("cat /proc/1/cmdline", mutations.namespace("pid", f"/proc/{first.pid}/ns/pid"))

    assert seen == "sleep\x001234\x00"


def test_new_pid_namespace_shows_only_its_own(inside: Inside) -> None:
    assert inside("cd /proc; echo [0-9]*") == "1\n"


def test_loopback_of_a_new_network_namespace_is_up(inside: Inside) -> None:
    assert "UP" in inside("ip link show lo").partition(">")[0]


def test_new_network_namespace_has_no_other_interface(inside: Inside) -> None:
    assert inside("grep : /proc/net/dev | cut -d: -f1").split() == ["lo"]


def test_cgroup_namespace_hides_the_path(inside: Inside) -> None:
    mutate = mutations.namespace("cgroup")

    assert inside("grep :pids: /proc/self/cgroup | cut -d: -f3", mutate) == "/\n"


def test_time_namespace_has_offsets(inside: Inside) -> None:
    offset = {"boottime": {"secs": 1_000_000, "nanosecs": 0}, "monotonic": {"secs": 0, "nanosecs": 0}}
    mutate = mutations.every(mutations.namespace("time"), mutations.linux(timeOffsets=offset))

    assert float(inside("cut -d' ' -f1 /proc/uptime", mutate)) > 1_000_000


def test_mount_namespace_does_not_leak_to_the_host(runtime: Runtime, make_bundle: MakeBundle) -> None:
    mutate = mutations.mount("/mnt", "tmpfs", fstype="tmpfs")

    container = runtime.start(make_bundle(mutate=mutate))

    assert container.bundle.inside("/mnt") not in read("/proc/self/mountinfo")


class TestFailure:
    def test_path_that_does_not_exist(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        mutate = mutations.namespace("network", "/no/such/namespace")

        result = runtime.try_create(make_bundle(mutate=mutate)).exit_with(1)

        assert "no such file or directory" in result.message
        assert runtime.ids() == []

    def test_path_of_another_type(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        mutate = mutations.namespace("network", "/proc/self/ns/uts")

        runtime.try_create(make_bundle(mutate=mutate)).exit_with(1)

    def test_path_that_is_not_a_namespace(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        mutate = mutations.namespace("network", "/etc/passwd")

        runtime.try_create(make_bundle(mutate=mutate)).exit_with(1)

    def test_unknown_type(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        runtime.try_create(make_bundle(mutate=mutations.namespace("bogus"))).exit_with(1)

    def test_listed_twice(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        spaces = [{"type": "pid"}, {"type": "mount"}, {"type": "uts"}, {"type": "pid"}]

        runtime.try_create(make_bundle(mutate=mutations.linux(namespaces=spaces))).exit_with(1)

    def test_hostname_without_uts_namespace(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        runtime.try_create(make_bundle(mutate=mutations.without_namespace("uts"))).exit_with(1)
