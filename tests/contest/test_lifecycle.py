"""create, state, start, kill and delete: statuses, exit codes, and what the OCI runtime spec says of each step."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support import schemas
from tests.support.runtime import Caller, Container, Runtime, eventually, read, wait_for_exit

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.bundle import Json
    from tests.support.tracking import Tracker

pytestmark = pytest.mark.root


def test_container_goes_from_create_to_delete(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.create(make_bundle("sleep", "1000"))
    assert container.status == "created"

    container.start()
    assert container.status == "running"

    container.stop()
    assert container.status == "stopped"

    container.delete().succeed()
    assert runtime("state", container.id).returncode == 1


def test_created_container_has_not_run_its_program(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.create(make_bundle("echo", "ran"))

    assert container.output() == ""


def test_started_program_writes_to_the_output_of_create(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.create(make_bundle("echo", "ran"))

    container.start()

    container.wait()
    assert container.output() == "ran\n"


def test_program_reads_the_input_of_create(runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
    with open(os.path.join(work, "input"), "w+", encoding="ascii") as text:
        text.write("hello\n")
        text.seek(0)
        container = runtime.create(make_bundle("cat"), caller=Caller(stdin=text.fileno()))

    container.start()

    container.wait()
    assert container.output() == "hello\n"


def test_create_prints_nothing(runtime: Runtime, make_bundle: MakeBundle) -> None:
    result = runtime.try_create(make_bundle())

    assert (result.returncode, result.stdout, result.stderr, result.log) == (0, "", "", "")


def test_bundle_is_the_working_directory_by_default(runtime: Runtime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle()

    runtime("create", bundle.id, caller=Caller(cwd=bundle.directory)).succeed()


def test_bundle_may_be_relative(runtime: Runtime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle()
    caller = Caller(cwd=os.path.dirname(bundle.directory))

    runtime("create", "-b", os.path.basename(bundle.directory), bundle.id, caller=caller).succeed()


def test_config_may_be_removed_after_create(runtime: Runtime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle("echo", "ran")
    container = runtime.create(bundle)
    os.rename(f"{bundle.directory}/config.json", f"{runtime.work}/config.json")

    container.start()

    container.wait()
    assert container.output() == "ran\n"


def test_config_changed_after_create_has_no_effect(runtime: Runtime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle("echo", "before")
    container = runtime.create(bundle)
    bundle.config["process"]["args"] = ["echo", "after"]
    bundle.write()

    container.start()

    container.wait()
    assert container.output() == "before\n"


def test_id_may_be_used_again_after_delete(runtime: Runtime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle()
    runtime.create(bundle).delete("--force").succeed()

    assert runtime.create(bundle).status == "created"


def test_two_containers_live_side_by_side(runtime: Runtime, make_bundle: MakeBundle) -> None:
    first, second = runtime.start(make_bundle()), runtime.start(make_bundle())

    first.delete("--force").succeed()

    assert second.status == "running"


def test_bundle_may_be_shared_by_two_containers(runtime: Runtime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle()
    runtime("create", "--bundle", bundle.directory, "first").succeed()
    runtime("delete", "--force", "first").succeed()
    runtime("create", "--bundle", bundle.directory, "second").succeed()

    assert runtime.ids() == ["second"]


def test_state_root_is_private(runtime: Runtime, make_bundle: MakeBundle) -> None:
    runtime.create(make_bundle())

    assert os.stat(runtime.root).st_mode & 0o077 in (0, 0o011)


@pytest.mark.parametrize("name", ["a", "A-b_c.d+e", "0", "x" * 100], ids=["letter", "punctuation", "digit", "long"])
def test_id_of_the_allowed_characters_is_taken(runtime: Runtime, make_bundle: MakeBundle, name: str) -> None:
    runtime("create", "--bundle", make_bundle().directory, name).succeed()

    assert runtime.ids() == [name]


class TestState:
    def test_created(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle(mutate=lambda config: config.update(annotations={"org.example.key": "value"}))

        state = runtime.create(bundle).state()

        schemas.check(state, "state-schema.json")
        assert state["id"] == bundle.id
        assert state["status"] == "created"
        assert state["bundle"] == bundle.directory
        assert state["annotations"] == {"org.example.key": "value"}
        assert state["pid"] > 1
        assert state["created"].startswith("20")

    def test_pid_is_the_hosts_pid_of_init(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle("sleep", "1234"))

        eventually(lambda: read(f"/proc/{container.pid}/cmdline") == "sleep\x001234\x00", "sleep")

    def test_stopped_has_no_pid(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle("true"))
        container.wait()

        state = container.state()

        schemas.check(state, "state-schema.json")
        assert (state["status"], state.get("pid", 0)) == ("stopped", 0)

    def test_rootfs_is_absolute(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle()

        assert runtime.create(bundle).state()["rootfs"] == bundle.rootfs

    def test_relative_bundle_is_made_absolute(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle()
        caller = Caller(cwd=bundle.directory)

        result = runtime("create", "--bundle", ".", bundle.id, caller=caller).succeed()

        assert Container(runtime, bundle, result).state()["bundle"] == bundle.directory

    def test_status_is_stopped_when_init_dies_while_created(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.create(make_bundle())
        pid = container.pid

        os.kill(pid, signal.SIGKILL)

        wait_for_exit(pid)
        assert container.status == "stopped"


class TestPidFile:
    def test_holds_the_decimal_pid_without_a_newline(
        self, runtime: Runtime, make_bundle: MakeBundle, work: str
    ) -> None:
        path = os.path.join(work, "pid")

        container = runtime.create(make_bundle(), "--pid-file", path)

        assert read(path) == str(container.pid)

    def test_replaces_an_older_one(self, runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
        path = os.path.join(work, "pid")
        with open(path, "w", encoding="ascii") as file:
            file.write("an older and longer text")

        container = runtime.create(make_bundle(), "--pid-file", path)

        assert read(path) == str(container.pid)

    def test_of_run(self, runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
        path = os.path.join(work, "pid")

        runtime.run(make_bundle("true"), "--pid-file", path).succeed()

        assert int(read(path)) > 1


class TestStart:
    def test_prints_nothing(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        result = runtime.create(make_bundle()).start()

        assert (result.stdout, result.stderr, result.log) == ("", "", "")

    def test_running_container_is_refused_and_goes_on(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle())

        container.command("start").exit_with(1)

        assert container.status == "running"

    def test_stopped_container_is_refused(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle("true"))
        container.wait()

        container.command("start").exit_with(1)

        assert container.status == "stopped"

    def test_container_whose_init_was_killed_is_refused(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.create(make_bundle())
        pid = container.pid
        os.kill(pid, signal.SIGKILL)
        wait_for_exit(pid)

        container.command("start").exit_with(1)


class TestKill:
    @pytest.mark.parametrize("name", ["TERM", "SIGTERM", "term", "sigterm", "15"])
    def test_signal_may_be_written_as(self, runtime: Runtime, make_bundle: MakeBundle, name: str) -> None:
        container = _trapping(runtime, make_bundle, "TERM")

        container.kill(name).succeed()

        container.wait(timeout_s=3)
        assert container.output() == "ready\nTERM\n"

    def test_default_is_term(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = _trapping(runtime, make_bundle, "TERM")

        container.kill().succeed()

        container.wait()
        assert container.output() == "ready\nTERM\n"

    @pytest.mark.parametrize("name", ["HUP", "USR1", "WINCH"])
    def test_other_signal_arrives(self, runtime: Runtime, make_bundle: MakeBundle, name: str) -> None:
        container = _trapping(runtime, make_bundle, name)

        container.kill(name).succeed()

        container.wait()
        assert container.output() == f"ready\n{name}\n"

    def test_realtime_signal_arrives(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = _trapping(runtime, make_bundle, "40")

        container.kill("40").succeed()

        container.wait()
        assert container.output() == "ready\n40\n"

    def test_kill_ends_a_created_container(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.create(make_bundle())

        container.stop()

        assert container.status == "stopped"

    def test_unknown_signal_is_refused(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle())

        container.kill("BOGUS").exit_with(1)

        assert container.status == "running"

    def test_kill_without_a_pid_namespace_ends_every_process(
        self, runtime: Runtime, make_bundle: MakeBundle, tracker: Tracker
    ) -> None:
        container = runtime.start(make_bundle("sh", "-c", "sleep 1000 & sleep 1000", mutate=_without_pid_namespace))

        container.kill("KILL").succeed()

        eventually(lambda: tracker.processes() == [], "all to end")


class TestDelete:
    def test_removes_the_container(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle("true"))
        container.wait()

        container.delete().succeed()

        assert runtime.ids() == []

    def test_created_container_is_removed(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.create(make_bundle())

        container.delete().succeed()

        assert runtime.ids() == []

    def test_running_container_is_refused_and_goes_on(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle())

        container.delete().exit_with(1)

        assert container.status == "running"

    @pytest.mark.parametrize("option", ["-f", "--force", "-force"])
    def test_force_ends_a_running_container(self, runtime: Runtime, make_bundle: MakeBundle, option: str) -> None:
        container = runtime.start(make_bundle())

        container.delete(option).succeed()

        assert runtime.ids() == []

    def test_force_of_an_unknown_container_succeeds(self, runtime: Runtime) -> None:
        runtime("delete", "--force", "nobody").succeed()

    def test_force_without_a_pid_namespace_ends_every_process(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle("sh", "-c", "sleep 1000 & sleep 1000", mutate=_without_pid_namespace))

        container.delete("--force").succeed()

        assert runtime.ids() == []

    def test_force_ends_what_init_left_behind(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle("sh", "-c", "sleep 1000 &", mutate=_without_pid_namespace))
        container.wait()

        container.delete("--force").succeed()

        assert runtime.ids() == []

    def test_rootfs_is_not_touched(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle("true")
        before = sorted(os.listdir(bundle.rootfs))

        runtime.start(bundle).delete("--force").succeed()

        assert sorted(os.listdir(bundle.rootfs)) == before


def _without_pid_namespace(config: Json) -> None:
    spaces = config["linux"]["namespaces"]
    spaces[:] = [space for space in spaces if space["type"] != "pid"]


def _trapping(runtime: Runtime, make_bundle: MakeBundle, name: str) -> Container:
    script = f"trap 'echo {name}; exit' {name}; echo ready; while :; do sleep 0.05; done"
    container = runtime.start(make_bundle("sh", "-c", script))
    eventually(lambda: container.output() == "ready\n", "the trap")
    return container
