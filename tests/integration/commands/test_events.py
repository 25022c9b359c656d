"""events on real containers: runc's schema, the interval, memory that runs out, and the end."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.runtime import eventually

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.bundle import Json
    from tests.support.runtime import Background, Runtime

pytestmark = [pytest.mark.root, pytest.mark.cgroup1]

MIB = 1 << 20


def shape(value: Any) -> Any:
    """Replace each value by its type; of lists the first item stands for all."""
    if isinstance(value, dict):
        # A value of 0 is left out, so these come and go, and their kernel's version decides about raw.
        volatile = {"cache", "max", "usage", "percpu_kernel", "percpu_user"} if "failcnt" in value else {"cache", "raw"}
        return {name: shape(member) for name, member in value.items() if name not in volatile}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return type(value).__name__


def records(running: Background) -> list[Json]:
    complete, _, _ = running.output().rpartition("\n")
    return [json.loads(line) for line in complete.splitlines()]


def test_statistics_are_structured_as_runcs(runtime: Runtime, runc: Runtime, make_bundle: MakeBundle) -> None:
    def limits(config: Json) -> None:
        config["linux"]["resources"] = {"memory": {"limit": 64 * MIB}, "pids": {"limit": 9}}

    script = "dd if=/dev/urandom of=/tmp/x bs=64k count=64 2>/dev/null; sleep 1000"
    ours, theirs = make_bundle("sh", "-c", script, mutate=limits), make_bundle("sh", "-c", script, mutate=limits)
    runtime.start(ours)
    runc.start(theirs)

    mine = json.loads(runtime("events", "--stats", ours.id).succeed().stdout)
    reference = json.loads(runc("events", "--stats", theirs.id).succeed().stdout)

    # Newer runcs have these, the one installed need not.
    for part in ("cpu", "memory", "blkio"):
        mine["data"][part].pop("psi", None)
        reference["data"][part].pop("psi", None)
    assert mine["data"]["memory"]["raw"].keys() == reference["data"]["memory"]["raw"].keys()
    assert shape(mine) == shape(reference)
    assert list(mine["data"]) == list(reference["data"])


def test_statistics_tell_the_limits(runtime: Runtime, make_bundle: MakeBundle) -> None:
    def limits(config: Json) -> None:
        config["linux"]["resources"] = {"memory": {"limit": 64 * MIB}, "pids": {"limit": 9}}

    bundle = make_bundle(mutate=limits)
    runtime.create(bundle)

    event = json.loads(runtime("events", "--stats", bundle.id).succeed().stdout)

    assert (event["type"], event["id"]) == ("stats", bundle.id)
    assert event["data"]["memory"]["usage"]["limit"] == 64 * MIB
    assert event["data"]["pids"] == {"current": 1, "limit": 9}
    assert event["data"]["network_interfaces"] is None


def test_statistics_come_at_intervals_until_the_container_ends(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.start(make_bundle())
    watching = runtime.background("events", "--interval", "100ms", container.id)
    eventually(lambda: len(records(watching)) >= 3, "three records")

    container.stop()

    assert watching.wait() == 0
    assert {record["type"] for record in records(watching)} == {"stats"}


def test_memory_that_runs_out_is_an_event(runtime: Runtime, make_bundle: MakeBundle) -> None:
    def limits(config: Json) -> None:
        config["linux"]["resources"] = {"memory": {"limit": 16 * MIB, "swap": 16 * MIB}}

    # The shell survives: the kernel kills what uses most.
    bundle = make_bundle(
        "sh", "-c", "while ! test -e /tmp/go; do sleep 0.05; done; tail /dev/zero; sleep 1000", mutate=limits
    )
    runtime.start(bundle)
    watching = runtime.background("events", "--interval", "1h", bundle.id)
    eventually(lambda: _is_ready(watching), "the watcher")

    bundle.put("/tmp/go", "")

    eventually(lambda: {"type": "oom", "id": bundle.id} in records(watching), "an event of type oom")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--interval", "0s"], "duration interval must be greater than 0"),
        (["--interval", "soon"], "invalid value for --interval: duration 'soon'"),
    ],
)
def test_interval_must_be_a_duration(
    runtime: Runtime, make_bundle: MakeBundle, options: list[str], message: str
) -> None:
    container = runtime.create(make_bundle())

    assert message in runtime("events", *options, container.id).exit_with(1).message


def test_stopped_container_has_no_events(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.start(make_bundle())
    container.stop()

    result = runtime("events", "--stats", container.id).exit_with(1)

    assert f"container with id {container.id} is not running" in result.message


def _is_ready(watching: Background) -> bool:
    """Tell whether the watcher has its eventfd: from then on no event is missed."""
    directory = f"/proc/{watching.process.pid}/fd"
    for name in os.listdir(directory):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            if "eventfd" in os.readlink(f"{directory}/{name}"):
                return True
    return False
