"""What a container may use on pure cgroup v2, by either driver: that limits arrive, bind, change and are reported."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

from tests.support import mutations
from tests.support.runtime import eventually
from tests.vm.guest.containers import MIB, cgroup_of, events, properties, values

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.runtime import Container
    from tests.vm.guest.containers import GuestRuntime

    Start = Callable[..., Container]

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


def test_limits_arrive(runtime: GuestRuntime, start: Start) -> None:
    container = start(mutate=LIMITS)

    assert values(container, list(WRITTEN)) == WRITTEN
    assert runtime.driver == "cgroupfs" or properties(container, list(PROPERTIES)) == PROPERTIES


def test_limits_change_and_what_is_not_named_stays(runtime: GuestRuntime, start: Start) -> None:
    container = start(mutate=LIMITS)

    runtime(
        *("update", "--memory", str(80 * MIB), "--memory-swap", str(160 * MIB), "--pids-limit", "60", container.id)
    ).succeed()

    changed = {"memory.max": str(80 * MIB), "memory.swap.max": str(80 * MIB), "pids.max": "60"}
    assert values(container, list(WRITTEN)) == WRITTEN | changed
    told = {"MemoryMax": str(80 * MIB), "MemorySwapMax": str(80 * MIB), "TasksMax": "60", "AllowedCPUs": "0"}
    assert runtime.driver == "cgroupfs" or properties(container, list(told)) == told


def test_a_refused_change_leaves_every_limit(runtime: GuestRuntime, start: Start) -> None:
    container = start(mutate=LIMITS)

    runtime("update", "--pids-limit", "60", "--cpuset-cpus", "4095", container.id).fail()

    assert values(container, list(WRITTEN)) == WRITTEN


def test_statistics_are_those_of_the_cgroup(runtime: GuestRuntime, start: Start) -> None:
    container = start(mutate=LIMITS)

    event = json.loads(runtime("events", "--stats", container.id).succeed().stdout)

    data = event["data"]
    assert (event["type"], event["id"]) == ("stats", container.id)
    assert data["pids"] == {"current": 1, "limit": 50}
    assert (data["memory"]["usage"]["limit"], data["memory"]["swap"]["limit"]) == (64 * MIB, 96 * MIB)
    assert 0 < data["memory"]["usage"]["usage"] < 64 * MIB
    assert 0 < data["cpu"]["usage"]["total"] <= 1000 * events(cgroup_of(container.pid), "cpu.stat")["usage_usec"]


def test_who_takes_too_much_memory_is_killed_and_it_is_told(runtime: GuestRuntime, start: Start) -> None:
    container = start(mutate=mutations.resources(memory={"limit": 16 * MIB, "swap": 16 * MIB}))
    watching = runtime.background("events", "--interval", "100ms", container.id)
    eventually(watching.output, "the first record", 30)

    # What lies in a file system in memory is the cgroup's.
    status = container.exec("dd", "if=/dev/zero", "of=/dev/shm/x", "bs=1M", "count=40").returncode

    assert status == 128 + signal.SIGKILL
    eventually(lambda: '"type":"oom"' in watching.output().replace(" ", ""), "the record", 30)
    assert events(cgroup_of(container.pid), "memory.events")["oom_kill"] == 1
    assert container.status == "running"


def test_who_makes_too_many_processes_is_refused(start: Start) -> None:
    script = "exec 2>&1; for number in 1 2 3 4 5 6; do sleep 1000 & done; sleep 1000"
    container = start("sh", "-c", script, mutate=mutations.resources(pids={"limit": 4}))

    eventually(lambda: "can't fork" in container.output(), "the refusal", 30)

    assert container.output() == "sh: can't fork: Resource temporarily unavailable\n"


def test_a_memory_limit_as_small_as_engines_allow_suffices(start: Start) -> None:
    container = start(mutate=mutations.resources(memory={"limit": 6 * MIB, "swap": 6 * MIB}))

    container.exec("true").succeed()

    assert events(cgroup_of(container.pid), "memory.events")["oom_kill"] == 0
