"""Options of update beside those of test_update: what is rare, obsolete, or refused where the machine lacks it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import read

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.bundle import Bundle
    from tests.support.runtime import Runtime

pytestmark = [pytest.mark.root, pytest.mark.cgroup1]


@pytest.fixture
def bundle(runtime: Runtime, make_bundle: MakeBundle) -> Bundle:
    """The bundle of a container that was created."""
    made = make_bundle()
    runtime.create(made)
    return made


def limit(bundle: Bundle, file: str) -> str:
    """Return what a file of the container's cgroup holds."""
    place = bundle.config["linux"]["cgroupsPath"]
    return read(f"/sys/fs/cgroup/{file.partition('.')[0]}{place}/{file}").strip()


@pytest.mark.parametrize(
    ("option", "value", "file", "expected"),
    [
        ("--cpu-idle", "1", "cpu.idle", "1"),
        ("--pids-limit", "-1", "pids.max", "max"),
        ("--memory", "1.5G", "memory.limit_in_bytes", str(3 << 29)),
        ("--memory", "64MiB", "memory.limit_in_bytes", str(64 << 20)),
    ],
)
def test_option_reaches_its_file(
    runtime: Runtime, bundle: Bundle, option: str, value: str, file: str, expected: str
) -> None:
    runtime("update", option, value, bundle.id).succeed()

    assert limit(bundle, file) == expected


@pytest.mark.parametrize(
    ("option", "file"),
    [("--kernel-memory", "memory.kmem.limit_in_bytes"), ("--kernel-memory-tcp", "memory.kmem.tcp.limit_in_bytes")],
)
def test_kernel_memory_is_ignored_with_the_warning_of_runc(
    runtime: Runtime, bundle: Bundle, option: str, file: str
) -> None:
    before = limit(bundle, file)

    result = runtime("update", option, "16m", bundle.id, global_options=()).succeed()

    assert limit(bundle, file) == before
    assert 'level=warning msg="Kernel memory settings are ignored and will be removed"' in result.stderr


def test_realtime_options_reach_their_files_or_are_refused_by_name(runtime: Runtime, bundle: Bundle) -> None:
    options = ("--cpu-rt-period", "500000", "--cpu-rt-runtime", "1000")

    result = runtime("update", *options, bundle.id)

    if result.returncode == 0:
        assert limit(bundle, "cpu.rt_period_us") == "500000"
        assert limit(bundle, "cpu.rt_runtime_us") == "1000"
    else:  # the parents' runtime is 0 unless somebody has raised it
        assert "cpu.rt_runtime_us" in result.message


def test_blkio_weight_reaches_its_file_or_is_refused_by_name(runtime: Runtime, bundle: Bundle) -> None:
    result = runtime("update", "--blkio-weight", "500", bundle.id)

    if result.returncode == 0:
        assert "500" in (limit(bundle, "blkio.weight"), limit(bundle, "blkio.bfq.weight"))
    else:  # neither of the schedulers that have weights is there
        assert "weight" in result.message


@pytest.mark.skipif(os.path.isdir("/sys/fs/resctrl/info"), reason="resctrl is mounted")
@pytest.mark.parametrize(("option", "value"), [("--l3-cache-schema", "L3:0=f"), ("--mem-bw-schema", "MB:0=20")])
def test_schema_needs_a_resctrl_group(runtime: Runtime, bundle: Bundle, option: str, value: str) -> None:
    (record,) = runtime("update", option, value, bundle.id).exit_with(1).records

    assert "was created without a resctrl group" in record["msg"]
