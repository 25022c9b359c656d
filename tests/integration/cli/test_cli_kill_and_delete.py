"""kill and delete beyond one container and its init: --all and --regex, which are crun's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import Container, Runtime, eventually

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.tracking import Tracker

pytestmark = pytest.mark.root

TWO_PROCESSES = ("sh", "-c", "sleep 1000 & exec sleep 1001")


@pytest.fixture
def three(runtime: Runtime, make_bundle: MakeBundle) -> list[Container]:
    """Containers c1, c2 and c3, which run."""
    return [runtime.start(make_bundle()) for _ in range(3)]


def statuses(containers: list[Container]) -> list[str]:
    return [container.status for container in containers]


@pytest.mark.parametrize("option", ["--all", "-a"])
def test_kill_all_reaches_every_process(
    runtime: Runtime, make_bundle: MakeBundle, tracker: Tracker, option: str
) -> None:
    container = runtime.start(make_bundle(*TWO_PROCESSES, mutate=mutations.without_namespace("pid")))
    eventually(lambda: len(tracker.processes()) == 2, "both processes")

    runtime("kill", option, container.id, "TERM").succeed()

    eventually(lambda: tracker.processes() == [], "both to end")


def test_kill_without_all_reaches_init_only(runtime: Runtime, make_bundle: MakeBundle, tracker: Tracker) -> None:
    container = runtime.start(make_bundle(*TWO_PROCESSES, mutate=mutations.without_namespace("pid")))
    eventually(lambda: len(tracker.processes()) == 2, "both processes")

    runtime("kill", container.id, "TERM").succeed()

    eventually(lambda: len(tracker.processes()) == 1, "init to end")
    container.delete("--force").succeed()


def test_kill_all_of_a_stopped_container_is_no_error(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.start(make_bundle("true"))
    container.wait()

    runtime("kill", "--all", container.id, "KILL").succeed()


@pytest.mark.parametrize("option", ["--regex", "-r"])
def test_kill_regex_signals_those_that_match(runtime: Runtime, three: list[Container], option: str) -> None:
    runtime("kill", option, "^c[12]$", "KILL").succeed()

    eventually(lambda: statuses(three) == ["stopped", "stopped", "running"], "two to end")


def test_kill_regex_goes_on_after_one_that_refuses(runtime: Runtime, three: list[Container]) -> None:
    three[0].stop()

    result = runtime("kill", "--regex", "c.", "KILL").exit_with(1)

    assert result.records[0]["msg"] == "container not running"
    eventually(lambda: statuses(three) == ["stopped"] * 3, "the others to end")


def test_delete_regex_deletes_those_that_match(runtime: Runtime, three: list[Container]) -> None:
    runtime("delete", "--force", "--regex", "c[13]").succeed()

    assert runtime.ids() == [three[1].id]


def test_delete_regex_without_force_tells_all_that_refused(runtime: Runtime, three: list[Container]) -> None:
    three[1].stop()

    (record,) = runtime("delete", "-r", ".*").exit_with(1).records

    assert record["msg"] == "cannot delete container c1 that is not stopped: running"
    assert record["notes"] == ["cannot delete container c3 that is not stopped: running"]
    assert runtime.ids() == ["c1", "c3"]


@pytest.mark.parametrize("command", ["kill", "delete"])
def test_regex_that_is_none_is_refused(runtime: Runtime, command: str) -> None:
    (record,) = runtime(command, "--regex", "c[").exit_with(1).records

    assert record["msg"].startswith("invalid regular expression 'c['")
    assert record["code"] == "invalid-argument"


@pytest.mark.parametrize("command", ["kill", "delete"])
def test_regex_that_matches_nothing_does_nothing(runtime: Runtime, command: str) -> None:
    runtime(command, "--regex", "nobody").succeed()
