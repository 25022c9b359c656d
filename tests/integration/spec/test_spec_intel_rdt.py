"""``linux.intelRdt``: whole containers on a fake resctrl tree, seen from inside by a bind mount of it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import Runtime, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeBundle
    from tests.support.guard import Guard

pytestmark = pytest.mark.root


@pytest.fixture
def resctrl(work: str) -> str:
    """A tree with one class of service, ``gold``."""
    root = os.path.join(work, "resctrl")
    for name, text in (
        ("info/L3/cbm_mask", "fffff\n"),
        ("info/L3/min_cbm_bits", "1\n"),
        ("info/L3/num_closids", "16\n"),
        ("info/MB/bandwidth_gran", "10\n"),
        ("info/MB/min_bandwidth", "10\n"),
        ("info/MB/num_closids", "8\n"),
        ("info/MB/delay_linear", "1\n"),
        ("info/last_cmd_status", "ok\n"),
        ("schemata", "L3:0=fffff\n"),
        ("tasks", ""),
        ("gold/schemata", "L3:0=ff\nMB:0=50\n"),
        ("gold/tasks", ""),
        ("gold/mon_groups/.keep", ""),
    ):
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
    return root


@pytest.fixture
def with_rdt(resctrl: str, work: str, guard: Guard) -> Iterator[Runtime]:
    """Pyouki on a machine with that tree."""
    script = os.path.join(work, "pyouki-with-resctrl")
    driver = os.path.join(os.path.dirname(__file__), "with_fake_resctrl.py")
    with open(script, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec {sys.executable} {driver} {resctrl} "$@"\n')
    os.chmod(script, 0o755)
    runtime = Runtime(script, work)
    guard.watch(runtime)
    yield runtime
    for name in runtime.ids():
        runtime("delete", "--force", name).succeed()


def _group(resctrl: str, **properties: object) -> mutations.Mutation:
    return mutations.every(mutations.linux(intelRdt=properties), mutations.mount("/mnt", resctrl, "rbind", "ro"))


def test_group_of_its_own_has_the_schemata_and_the_process(
    with_rdt: Runtime, make_bundle: MakeBundle, resctrl: str
) -> None:
    mutate = _group(resctrl, l3CacheSchema="L3:0=f", memBwSchema="MB:0=20", schemata=["L3:0=3"])
    container = with_rdt.start(make_bundle(mutate=mutate))

    inside = container.exec("cat", "/mnt/c1/schemata", "/mnt/c1/tasks").succeed().stdout.split()

    assert inside == ["L3:0=f", "MB:0=20", "L3:0=3", str(container.pid)]


def test_group_is_removed_with_the_container(with_rdt: Runtime, make_bundle: MakeBundle, resctrl: str) -> None:
    with_rdt.run(make_bundle("true", mutate=_group(resctrl, l3CacheSchema="L3:0=f"))).succeed()

    assert sorted(os.listdir(resctrl)) == ["gold", "info", "schemata", "tasks"]


def test_class_that_exists_is_joined_and_stays(with_rdt: Runtime, make_bundle: MakeBundle, resctrl: str) -> None:
    container = with_rdt.start(make_bundle(mutate=_group(resctrl, closID="gold")))
    pid = container.pid

    container.delete("--force").succeed()

    assert read(f"{resctrl}/gold/tasks") == str(pid)
    assert read(f"{resctrl}/gold/schemata") == "L3:0=ff\nMB:0=50\n"


def test_root_class(with_rdt: Runtime, make_bundle: MakeBundle, resctrl: str) -> None:
    container = with_rdt.start(make_bundle(mutate=_group(resctrl, closID="/")))

    assert container.exec("cat", "/mnt/tasks").succeed().stdout == str(container.pid)


def test_monitoring_group_comes_and_goes(with_rdt: Runtime, make_bundle: MakeBundle, resctrl: str) -> None:
    container = with_rdt.start(make_bundle(mutate=_group(resctrl, closID="gold", enableMonitoring=True)))
    found = container.exec("cat", "/mnt/gold/mon_groups/c1/tasks").succeed().stdout
    pid = container.pid

    container.delete("--force").succeed()

    assert found == str(pid)
    assert os.listdir(f"{resctrl}/gold/mon_groups") == [".keep"]


@pytest.mark.parametrize(
    "properties",
    [
        {"closID": "silver"},
        {"closID": ".."},
        {"closID": "a/b"},
        {"closID": "gold", "l3CacheSchema": "L3:0=1"},
        {"memBwSchema": "L3:0=f"},
        {"schemata": ["L3:0=f\nMB:0=10"]},
    ],
    ids=["missing", "dots", "slash", "other-schemata", "not-mb", "two-lines"],
)
def test_what_the_specification_forbids_leaves_nothing(
    with_rdt: Runtime, make_bundle: MakeBundle, resctrl: str, properties: dict[str, object]
) -> None:
    result = with_rdt.try_create(make_bundle(mutate=_group(resctrl, **properties))).exit_with(1)

    assert result.records[-1]["property"].startswith("linux.intelRdt")
    assert sorted(os.listdir(resctrl)) == ["gold", "info", "schemata", "tasks"]
    assert with_rdt.ids() == []


def test_failing_hook_takes_the_group_away(with_rdt: Runtime, make_bundle: MakeBundle, resctrl: str) -> None:
    mutate = mutations.every(_group(resctrl, l3CacheSchema="L3:0=f"), mutations.hook("createContainer", "/bin/false"))

    with_rdt.try_create(make_bundle(mutate=mutate)).exit_with(1)

    assert sorted(os.listdir(resctrl)) == ["gold", "info", "schemata", "tasks"]


def test_machine_without_it_is_told(runtime: Runtime, make_bundle: MakeBundle) -> None:
    if "resctrl" in read("/proc/self/mounts"):
        pytest.skip("this machine has resctrl")
    bundle = make_bundle(mutate=mutations.linux(intelRdt={"l3CacheSchema": "L3:0=f"}))

    message = runtime.try_create(bundle).exit_with(1).message

    assert "intelrdt is specified in config, but intel rdt is not enabled" in message
    assert runtime.ids() == []
