"""What a container may use on pure cgroup v2, by either driver: that limits arrive, bind, change and are reported."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import eventually, read
from tests.vm.guest.containers import MIB, cgroup_of, only_cgroupfs

if TYPE_CHECKING:
    from tests.vm.guest.conftest import MakeBundle, Start
    from tests.vm.guest.containers import GuestContainer, GuestRuntime


LIMITS = mutations.resources(
    cpu={"quota": 50000, "period": 200000, "cpus": "0"},
    memory={"limit": 64 * MIB, "reservation": 32 * MIB, "swap": 96 * MIB},
    pids={"limit": 50},
)
WRITTEN = {
    "cpu.max": "50000 200000",
    "cpuset.cpus": "0",
    "memory.max": str(64 * MIB),
    "memory.low": str(32 * MIB),
    "memory.swap.max": str(32 * MIB),
    "pids.max": "50",
}
PROPERTIES = {"MemoryMax": str(64 * MIB), "MemorySwapMax": str(32 * MIB), "TasksMax": "50", "AllowedCPUs": "0"}
UNIT = {"ActiveState": "active", "Delegate": "yes"}


@pytest.fixture(scope="module")
def limited(runtime: GuestRuntime, bundle_maker: MakeBundle) -> GuestContainer:
    """A running container with limits, which no test changes for good."""
    return runtime.start(bundle_maker(mutate=LIMITS))


def test_limits_arrive(runtime: GuestRuntime, limited: GuestContainer) -> None:
    assert limited.values(list(WRITTEN)) == WRITTEN
    told = PROPERTIES | UNIT
    assert runtime.driver == "cgroupfs" or limited.properties(list(told)) == told


def test_the_cgroup_is_where_the_config_says(runtime: GuestRuntime, limited: GuestContainer) -> None:
    wanted = limited.bundle.config["linux"]["cgroupsPath"]

    if runtime.driver == "systemd":
        slice_name, prefix, name = wanted.split(":")
        wanted = f"/{slice_name}/{prefix}-{name}.scope"
    assert limited.directory.endswith(wanted)


def test_a_cgroup_in_use_is_refused(runtime: GuestRuntime, limited: GuestContainer, make_bundle: MakeBundle) -> None:
    path = limited.bundle.config["linux"]["cgroupsPath"]

    refused = runtime.try_create(make_bundle(mutate=mutations.linux(cgroupsPath=path))).fail()

    assert "not empty" in refused.message
    assert limited.status == "running"
    assert runtime.ids() == [limited.id]


def test_statistics_are_those_of_the_cgroup(runtime: GuestRuntime, limited: GuestContainer) -> None:
    event = json.loads(runtime("events", "--stats", limited.id).succeed().stdout)

    data = event["data"]
    assert (event["type"], event["id"]) == ("stats", limited.id)
    assert data["pids"] == {"current": 1, "limit": 50}
    assert (data["memory"]["usage"]["limit"], data["memory"]["swap"]["limit"]) == (64 * MIB, 96 * MIB)
    assert 0 < data["memory"]["usage"]["usage"] < 64 * MIB
    assert 0 < data["cpu"]["usage"]["total"] <= 1000 * limited.counters("cpu.stat")["usage_usec"]


def test_a_second_process_is_in_the_same_cgroup(runtime: GuestRuntime, limited: GuestContainer) -> None:
    pid_file = f"{runtime.work}/pid"

    limited.exec("sleep", "1000", options=["--detach", "--pid-file", pid_file]).succeed()
    pid = int(read(pid_file))
    listed = json.loads(runtime("ps", "-f", "json", limited.id).succeed().stdout)
    directory = cgroup_of(pid)
    limited.exec("kill", "-KILL", "-1").succeed()  # all but the first process and itself

    assert directory == limited.directory
    assert sorted(listed) == sorted([limited.pid, pid])


def test_pause_and_resume(limited: GuestContainer) -> None:
    limited.command("pause").succeed()
    paused = (limited.status, limited.counters("cgroup.events")["frozen"])
    limited.command("resume").succeed()

    assert paused == ("paused", 1)
    assert (limited.status, limited.counters("cgroup.events")["frozen"]) == ("running", 0)


def test_a_refused_change_leaves_every_limit(runtime: GuestRuntime, limited: GuestContainer) -> None:
    runtime("update", "--pids-limit", "60", "--cpuset-cpus", "4095", limited.id).fail()

    assert limited.values(list(WRITTEN)) == WRITTEN


def test_limits_change_and_what_is_not_named_stays(runtime: GuestRuntime, start: Start) -> None:
    container = start(mutate=LIMITS)

    runtime(
        *("update", "--memory", str(80 * MIB), "--memory-swap", str(160 * MIB), "--pids-limit", "60", container.id)
    ).succeed()

    changed = {"memory.max": str(80 * MIB), "memory.swap.max": str(80 * MIB), "pids.max": "60"}
    assert container.values(list(WRITTEN)) == WRITTEN | changed
    told = PROPERTIES | {"MemoryMax": str(80 * MIB), "MemorySwapMax": str(80 * MIB), "TasksMax": "60"}
    assert runtime.driver == "cgroupfs" or container.properties(list(told)) == told


def test_who_takes_too_much_memory_is_killed_and_it_is_told(runtime: GuestRuntime, start: Start) -> None:
    container = start(mutate=mutations.resources(memory={"limit": 16 * MIB, "swap": 16 * MIB}))
    watching = runtime.background("events", "--interval", "100ms", container.id)
    eventually(watching.output, "the first record", 30)

    # What lies in a file system in memory is the cgroup's.
    status = container.exec("dd", "if=/dev/zero", "of=/dev/shm/x", "bs=1M", "count=40").returncode

    assert status == 128 + signal.SIGKILL
    eventually(lambda: '"type":"oom"' in watching.output().replace(" ", ""), "the record", 30)
    watching.end()
    assert container.counters("memory.events")["oom_kill"] == 1
    assert container.status == "running"


@only_cgroupfs
def test_who_makes_too_many_processes_is_refused(start: Start) -> None:
    script = "exec 2>&1; for number in 1 2 3 4 5 6; do sleep 1000 & done; sleep 1000"
    container = start("sh", "-c", script, mutate=mutations.resources(pids={"limit": 4}))

    eventually(lambda: "can't fork" in container.output(), "the refusal", 30)

    assert container.output() == "sh: can't fork: Resource temporarily unavailable\n"


@only_cgroupfs
def test_a_memory_limit_as_small_as_engines_allow_suffices(start: Start) -> None:
    container = start(mutate=mutations.resources(memory={"limit": 6 * MIB, "swap": 6 * MIB}))

    container.exec("true").succeed()

    assert container.counters("memory.events")["oom_kill"] == 0
