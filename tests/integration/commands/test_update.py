"""update on real containers: what reaches the kernel, what is remembered, and what a refusal leaves."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.runtime import Caller

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.integration.commands.conftest import Limit
    from tests.support.bundle import Bundle, Json
    from tests.support.runtime import Runtime

pytestmark = [pytest.mark.root, pytest.mark.cgroup1]

MIB = 1 << 20
NO_DEVICES = [{"allow": False, "access": "rwm"}]


def limited(config: Json) -> None:
    config["linux"]["resources"] = {
        "devices": NO_DEVICES,
        "memory": {"limit": 64 * MIB, "swap": 128 * MIB},
        "cpu": {"quota": 50000, "period": 100000, "shares": 512},
        "pids": {"limit": 50},
    }


def stored(runtime: Runtime, bundle: Bundle) -> Any:
    with open(os.path.join(runtime.root, bundle.id, "config.json"), encoding="utf-8") as file:
        return json.load(file)["linux"]["resources"]


def update_from_stdin(runtime: Runtime, bundle: Bundle, resources: Json) -> Any:
    with open(os.path.join(runtime.work, "resources"), "w+", encoding="utf-8") as file:
        json.dump(resources, file)
        file.seek(0)
        return runtime("update", "--resources=-", bundle.id, caller=Caller(stdin=file.fileno()))


def test_each_option_reaches_its_file(runtime: Runtime, make_bundle: MakeBundle, limit: Limit) -> None:
    bundle = make_bundle()
    runtime.start(bundle)

    runtime(
        *("update", "--memory", "96m", "--memory-swap=200M", "--memory-reservation", "32m", "--pids-limit", "33"),
        *("--cpu-quota", "20000", "--cpu-period", "50000", "--cpu-share", "256", "--cpu-burst", "1000"),
        *("--cpuset-cpus", "0", "--cpuset-mems", "0", bundle.id),
    ).succeed()

    expected = {
        "memory.limit_in_bytes": str(96 * MIB),
        "memory.memsw.limit_in_bytes": str(200 * MIB),
        "memory.soft_limit_in_bytes": str(32 * MIB),
        "pids.max": "33",
        "cpu.cfs_quota_us": "20000",
        "cpu.cfs_period_us": "50000",
        "cpu.cfs_burst_us": "1000",
        "cpu.shares": "256",
        "cpuset.cpus": "0",
        "cpuset.mems": "0",
    }
    assert {file: limit(bundle, file) for file in expected} == expected


@pytest.mark.parametrize("container", ["created", "running", "paused"])
def test_what_is_not_given_stays(runtime: Runtime, make_bundle: MakeBundle, limit: Limit, container: str) -> None:
    bundle = make_bundle(mutate=limited)
    made = runtime.create(bundle)
    if container != "created":
        made.start()
    if container == "paused":
        runtime("pause", bundle.id).succeed()

    runtime("update", "--cpu-quota", "20000", bundle.id).succeed()

    if container == "paused":
        runtime("resume", bundle.id).succeed()
    assert limit(bundle, "cpu.cfs_quota_us") == "20000"
    assert limit(bundle, "cpu.cfs_period_us") == "100000"
    assert stored(runtime, bundle) == {
        "devices": NO_DEVICES,
        "memory": {"limit": 64 * MIB, "swap": 128 * MIB},
        "cpu": {"quota": 20000, "period": 100000, "shares": 512},
        "pids": {"limit": 50},
    }


def test_lifting_the_memory_limit_lifts_that_of_swap(runtime: Runtime, make_bundle: MakeBundle, limit: Limit) -> None:
    bundle = make_bundle(mutate=limited)
    runtime.start(bundle)

    runtime("update", "--memory", "-1", bundle.id).succeed()

    assert limit(bundle, "memory.limit_in_bytes") == limit(bundle, "memory.memsw.limit_in_bytes")
    assert stored(runtime, bundle)["memory"] == {"limit": -1, "swap": -1}


def test_resources_come_from_standard_input_as_containerd_sends_them(
    runtime: Runtime, make_bundle: MakeBundle, limit: Limit
) -> None:
    bundle = make_bundle(mutate=limited)
    runtime.start(bundle)

    # Zeros, as Docker 20.10 writes them for what was not given, and a rule that would open all devices.
    update_from_stdin(
        runtime,
        bundle,
        {
            "devices": [{"allow": True, "access": "rwm"}],
            "memory": {"limit": 96 * MIB, "reservation": 0, "swap": 192 * MIB, "kernel": 0},
            "cpu": {"shares": 0, "quota": 25000, "period": 100000},
            "pids": {"limit": 33},
            "blockIO": {"weight": 0},
        },
    ).succeed()

    assert limit(bundle, "memory.memsw.limit_in_bytes") == str(192 * MIB)
    assert limit(bundle, "cpu.shares") == "512"
    assert "a *:* rwm" not in limit(bundle, "devices.list")
    assert stored(runtime, bundle) == {
        "devices": NO_DEVICES,
        "memory": {"limit": 96 * MIB, "swap": 192 * MIB},
        "cpu": {"quota": 25000, "period": 100000, "shares": 512},
        "pids": {"limit": 33},
    }


def test_limits_of_devices_are_merged_by_device(runtime: Runtime, make_bundle: MakeBundle, limit: Limit) -> None:
    devices = [Path(f"/sys/block/{name}/dev").read_text().strip() for name in sorted(os.listdir("/sys/block"))]
    if len(devices) < 2:
        pytest.skip("needs two block devices")
    first, second = ({"major": int(text.split(":")[0]), "minor": int(text.split(":")[1])} for text in devices[:2])
    bundle = make_bundle()
    runtime.create(bundle)

    for entries in ([first | {"rate": 1000}, second | {"rate": 2000}], [second | {"rate": 3000}]):
        update_from_stdin(runtime, bundle, {"blockIO": {"throttleReadBpsDevice": entries}}).succeed()

    lines = limit(bundle, "blkio.throttle.read_bps_device").splitlines()
    assert sorted(lines) == sorted([f"{devices[0]} 1000", f"{devices[1]} 3000"])
    assert stored(runtime, bundle)["blockIO"] == {
        "throttleReadBpsDevice": [first | {"rate": 1000}, second | {"rate": 3000}]
    }


def test_refusal_of_the_last_limit_leaves_all_others(runtime: Runtime, make_bundle: MakeBundle, limit: Limit) -> None:
    bundle = make_bundle(mutate=limited)
    runtime.start(bundle)
    before = stored(runtime, bundle)

    result = runtime("update", "--cpu-quota", "20000", "--pids-limit", "20", "--memory", "4096", bundle.id).exit_with(1)

    assert "device or resource busy" in result.message
    assert limit(bundle, "cpu.cfs_quota_us") == "50000"
    assert limit(bundle, "pids.max") == "50"
    assert limit(bundle, "memory.limit_in_bytes") == str(64 * MIB)
    assert stored(runtime, bundle) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--memory", "300m"], "linux.resources.memory.swap: memory+swap limit should be >= memory limit"),
        (["--memory", "10q"], "invalid value for --memory: size '10q'"),
        (["--blkio-weight", "5"], "blockio.weight: expected 10 to 1000, got 5"),
        (["--cpu-idle", "2"], "cpu.idle: expected 0 or 1, got 2"),
        (["--l3-cache-schema", "L3:0=f"], "was created without a resctrl group"),
        (["--resources", "/no/such/file"], "open /no/such/file: no such file or directory"),
    ],
    ids=["swap below memory", "size", "weight", "idle", "resctrl", "file"],
)
def test_wrong_limit_is_refused_by_name(
    runtime: Runtime, make_bundle: MakeBundle, options: list[str], message: str
) -> None:
    bundle = make_bundle(mutate=limited)
    runtime.create(bundle)

    assert message in runtime("update", *options, bundle.id).exit_with(1).message


def test_faults_of_the_document_are_all_told(runtime: Runtime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle()
    runtime.create(bundle)

    message = update_from_stdin(runtime, bundle, {"memory": 5, "pids": {"limit": "x"}}).exit_with(1).message

    assert "memory: expected an object, got 5" in message


def test_stopped_container_cannot_be_updated(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.start(make_bundle())
    container.stop()

    assert "container not running" in runtime("update", "--pids-limit", "5", container.id).exit_with(1).message
