"""pause and resume: the freezer stops a container and lets it go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import eventually, wait_for_exit

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.runtime import Container, Runtime

pytestmark = pytest.mark.root


@pytest.fixture
def container(runtime: Runtime, make_bundle: MakeBundle) -> Container:
    """A running container that writes a dot every few milliseconds."""
    writing = runtime.start(make_bundle("sh", "-c", "while :; do printf .; sleep 0.01; done"))
    eventually(lambda: writing.output() != "", "the first dot")
    return writing


def test_paused_is_a_status(container: Container) -> None:
    container.command("pause").succeed()

    assert container.status == "paused"


def test_paused_program_does_nothing(container: Container) -> None:
    container.command("pause").succeed()
    before = container.output()

    with pytest.raises(AssertionError, match="in vain"):
        eventually(lambda: container.output() != before, "a dot", timeout_s=0.3)


def test_resumed_program_goes_on(container: Container) -> None:
    container.command("pause").succeed()
    before = container.output()

    container.command("resume").succeed()

    assert container.status == "running"
    eventually(lambda: container.output() != before, "a dot")


def test_resume_of_a_running_container_is_refused(container: Container) -> None:
    assert "not paused" in container.command("resume").exit_with(1).message


def test_pause_of_a_stopped_container_is_refused(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.start(make_bundle("true"))
    container.wait()

    assert "not running" in container.command("pause").exit_with(1).message


def test_paused_container_can_be_killed(container: Container) -> None:
    pid = container.pid
    container.command("pause").succeed()

    container.kill("KILL").succeed()

    wait_for_exit(pid)
    assert container.status == "stopped"


def test_paused_container_can_be_deleted_by_force(runtime: Runtime, container: Container) -> None:
    container.command("pause").succeed()

    container.delete("--force").succeed()

    assert runtime.ids() == []


def test_paused_container_is_not_deleted_without_force(container: Container) -> None:
    container.command("pause").succeed()

    container.delete().exit_with(1)

    assert container.status == "paused"


def test_created_container_can_be_paused(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.create(make_bundle())

    container.command("pause").succeed()
    container.command("resume").succeed()

    assert container.status == "created"


def test_exec_with_ignore_paused_runs_after_resume(runtime: Runtime, container: Container) -> None:
    container.command("pause").succeed()
    waiting = runtime.background("exec", "--ignore-paused", container.id, "echo", "ran")

    container.command("resume").succeed()

    assert waiting.wait() == 0
    assert waiting.output() == "ran\n"
