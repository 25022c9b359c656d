"""Cgroups of v1: membership in every hierarchy, and limits that are written and felt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import host, mutations
from tests.support.runtime import eventually, read

if TYPE_CHECKING:
    from tests.conftest import Inside, MakeBundle
    from tests.support.guard import Guard
    from tests.support.runtime import Runtime
    from tests.support.tracking import Tracker

pytestmark = [pytest.mark.root, pytest.mark.cgroup1]


def test_joins_every_v1_hierarchy(runtime: Runtime, make_bundle: MakeBundle, tracker: Tracker) -> None:
    container = runtime.start(make_bundle())

    lines = [line.split(":", 2) for line in read(f"/proc/{container.pid}/cgroup").splitlines()]

    assert {path for _, controllers, path in lines if controllers} == {f"{tracker.cgroups_path}/{container.id}"}


def test_cgroups_are_removed_with_the_container(runtime: Runtime, make_bundle: MakeBundle, tracker: Tracker) -> None:
    container = runtime.start(make_bundle())
    assert f"pids/{container.id}" in tracker.directories()

    container.delete("--force").succeed()

    assert tracker.directories() == []


def test_path_with_directories_that_do_not_exist(runtime: Runtime, make_bundle: MakeBundle, tracker: Tracker) -> None:
    path = f"{tracker.cgroups_path}/a/b/c"

    container = runtime.start(make_bundle(mutate=mutations.linux(cgroupsPath=path)))

    assert f":pids:{path}\n" in read(f"/proc/{container.pid}/cgroup")
    container.delete("--force").succeed()
    tracker.remove_directories()  # whether parents are removed is up to the runtime


def test_path_is_chosen_when_absent(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.start(make_bundle(own_cgroup=False))

    assert "/c1\n" in read(f"/proc/{container.pid}/cgroup")
    container.delete("--force").succeed()


@pytest.mark.parametrize(
    ("resources", "file", "value"),
    [
        ({"pids": {"limit": 77}}, "pids/pids.max", "77"),
        ({"pids": {"limit": -1}}, "pids/pids.max", "max"),
        ({"memory": {"limit": 64 << 20}}, "memory/memory.limit_in_bytes", str(64 << 20)),
        ({"memory": {"reservation": 32 << 20}}, "memory/memory.soft_limit_in_bytes", str(32 << 20)),
        ({"memory": {"limit": 64 << 20, "swappiness": 10}}, "memory/memory.swappiness", "10"),
        ({"cpu": {"shares": 512}}, "cpu/cpu.shares", "512"),
        ({"cpu": {"quota": 20000, "period": 50000}}, "cpu/cpu.cfs_quota_us", "20000"),
        ({"cpu": {"quota": 20000, "period": 50000}}, "cpu/cpu.cfs_period_us", "50000"),
        ({"cpu": {"cpus": "0"}}, "cpuset/cpuset.cpus", "0"),
        ({"cpu": {"mems": "0"}}, "cpuset/cpuset.mems", "0"),
    ],
    ids=lambda value: value if isinstance(value, str) and "/" in value else "",
)
def test_limit_is_written(
    runtime: Runtime,
    make_bundle: MakeBundle,
    tracker: Tracker,
    resources: dict[str, dict[str, object]],
    file: str,
    value: str,
) -> None:
    controller, _, name = file.partition("/")
    container = runtime.create(make_bundle(mutate=mutations.resources(**resources)))

    assert read(tracker.file(controller, container.id, name)).strip() == value


def test_processes_beyond_the_limit_cannot_be_made(inside: Inside) -> None:
    script = "for n in 1 2 3 4 5 6 7 8 9; do sleep 5 & done 2>/dev/null; echo made; kill -9 -1"

    assert "made" not in inside(f"({script}) 2>&1 || echo refused", mutations.resources(pids={"limit": 5}))


def test_memory_beyond_the_limit_kills(runtime: Runtime, make_bundle: MakeBundle) -> None:
    mutate = mutations.resources(memory={"limit": 32 << 20, "swap": 32 << 20})

    runtime.run(make_bundle("probe", "eat", "100", mutate=mutate)).exit_with(137)


def test_memory_below_the_limit_is_given(inside: Inside) -> None:
    assert inside("probe eat 10", mutations.resources(memory={"limit": 64 << 20})) == "ate 10\n"


def test_smallest_limit_of_docker_is_enough_to_start(inside: Inside) -> None:
    assert inside("echo ok", mutations.resources(memory={"limit": 6 << 20})) == "ok\n"


def test_cpuset_is_felt(inside: Inside) -> None:
    assert inside("grep Cpus_allowed_list /proc/self/status", mutations.resources(cpu={"cpus": "0"})).split()[1] == "0"


def test_cpu_quota_is_felt(runtime: Runtime, make_bundle: MakeBundle, tracker: Tracker) -> None:
    mutate = mutations.resources(cpu={"quota": 5000, "period": 50000})
    container = runtime.start(make_bundle("probe", "spin", mutate=mutate))

    statistics = tracker.file("cpu", container.id, "cpu.stat")

    eventually(lambda: "nr_throttled 0\n" not in read(statistics), "throttling")


class TestFailure:
    """A limit that cannot be set is an error, and the cgroups made before are removed."""

    def test_memory_limit_too_low(self, runtime: Runtime, make_bundle: MakeBundle, guard: Guard) -> None:
        result = runtime.try_create(make_bundle(mutate=mutations.resources(memory={"limit": 4096}))).exit_with(1)

        assert "memory" in result.message
        guard.check()

    def test_cpus_that_do_not_exist(self, runtime: Runtime, make_bundle: MakeBundle, guard: Guard) -> None:
        runtime.try_create(make_bundle(mutate=mutations.resources(cpu={"cpus": "4000"}))).exit_with(1)

        guard.check()

    def test_swappiness_out_of_range(self, runtime: Runtime, make_bundle: MakeBundle, guard: Guard) -> None:
        mutate = mutations.resources(memory={"limit": 64 << 20, "swappiness": 5000})

        runtime.try_create(make_bundle(mutate=mutate)).exit_with(1)

        guard.check()

    def test_swap_below_memory(self, runtime: Runtime, make_bundle: MakeBundle, guard: Guard) -> None:
        mutate = mutations.resources(memory={"limit": 64 << 20, "swap": 32 << 20})

        runtime.try_create(make_bundle(mutate=mutate)).exit_with(1)

        guard.check()

    def test_unified_needs_cgroup_v2(self, runtime: Runtime, make_bundle: MakeBundle, guard: Guard) -> None:
        if "/sys/fs/cgroup" in host.mount_points("cgroup2"):
            pytest.skip("this is a v2 host")
        mutate = mutations.resources(unified={"memory.max": "1000000"})

        runtime.try_create(make_bundle(mutate=mutate)).exit_with(1)

        guard.check()
