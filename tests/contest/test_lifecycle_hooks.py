"""The six kinds of hooks: when they run, what they get, and what their failure does."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import Caller, eventually, read, wait_for_exit

if TYPE_CHECKING:
    from tests.conftest import Inside, MakeBundle
    from tests.support.bundle import Json
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

_AT_CREATE = ("prestart", "createRuntime", "createContainer")
_KINDS = (*_AT_CREATE, "startContainer", "poststart", "poststop")
_SHELL = "/bin/sh"


def _script(kind: str, script: str, timeout: int | None = None) -> mutations.Mutation:
    """A hook that reads its state into $state first: crun takes a hook that does not for a failure, sometimes."""
    return mutations.hook(kind, _SHELL, "-c", f"state=$(cat); {script}", timeout=timeout)


def _shared(work: str) -> mutations.Mutation:
    """Let the container see the test's directory, where hooks in the container write."""
    return mutations.mount(work, work, "bind")


def test_all_kinds_run_in_order(runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
    hooks = [_script(kind, f"echo {kind} >> {work}/ran") for kind in _KINDS]
    container = runtime.create(make_bundle("true", mutate=mutations.every(_shared(work), *hooks)))
    assert read(f"{work}/ran").split() == list(_AT_CREATE)

    container.start()
    container.wait()
    assert read(f"{work}/ran").split() == [*_AT_CREATE, "startContainer", "poststart"]

    container.delete().succeed()
    assert read(f"{work}/ran").split() == list(_KINDS)


def test_hooks_of_one_kind_run_in_the_order_listed(inside: Inside, work: str) -> None:
    hooks = [_script("createRuntime", f"echo {number} >> {work}/ran") for number in (1, 2, 3)]

    inside("true", mutations.every(*hooks))

    assert read(f"{work}/ran").split() == ["1", "2", "3"]


def test_run_runs_all_kinds(inside: Inside, work: str) -> None:
    hooks = [_script(kind, f"echo {kind} >> {work}/ran") for kind in _KINDS]

    inside("true", mutations.every(_shared(work), *hooks))

    assert sorted(read(f"{work}/ran").split()) == sorted(_KINDS)


class TestState:
    @pytest.mark.parametrize(
        ("kind", "status"),
        [
            ("prestart", "creating"),
            ("createRuntime", "creating"),
            ("createContainer", "creating"),
            ("startContainer", "created"),
            ("poststart", "running"),
            ("poststop", "stopped"),
        ],
    )
    def test_on_standard_input(
        self, runtime: Runtime, make_bundle: MakeBundle, work: str, kind: str, status: str
    ) -> None:
        note = mutations.top(annotations={"org.example.key": "value"})
        bundle = make_bundle(
            mutate=mutations.every(_shared(work), _script(kind, f'echo "$state" > {work}/state'), note)
        )
        runtime.start(bundle).delete("--force").succeed()

        state = _state(work)

        assert state["id"] == bundle.id
        assert state["bundle"] == bundle.directory
        assert state["status"] == status
        assert state["annotations"] == {"org.example.key": "value"}
        assert state["ociVersion"].startswith("1.")

    @pytest.mark.parametrize("kind", ["prestart", "createRuntime", "poststart"])
    def test_pid_is_the_hosts(self, runtime: Runtime, make_bundle: MakeBundle, work: str, kind: str) -> None:
        container = runtime.start(make_bundle(mutate=_script(kind, f'echo "$state" > {work}/state')))

        assert _state(work)["pid"] == container.pid


class TestPlace:
    @pytest.mark.parametrize("kind", ["prestart", "createRuntime", "poststart", "poststop"])
    def test_of_the_runtime_is_the_hosts(self, inside: Inside, work: str, kind: str) -> None:
        inside("true", _script(kind, f"readlink /proc/self/ns/uts > {work}/space"))

        assert read(f"{work}/space").strip() == os.readlink("/proc/self/ns/uts")

    @pytest.mark.parametrize("kind", ["createContainer", "startContainer"])
    def test_of_the_container_is_the_containers(
        self, runtime: Runtime, make_bundle: MakeBundle, work: str, kind: str
    ) -> None:
        mutate = mutations.every(_shared(work), _script(kind, f"readlink /proc/self/ns/uts > {work}/space"))

        container = runtime.start(make_bundle(mutate=mutate))

        expected = os.readlink(f"/proc/{container.pid}/ns/uts")
        eventually(lambda: read(f"{work}/space").strip() == expected, "the hook")

    def test_create_runtime_starts_in_the_bundle(self, runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
        bundle = make_bundle(mutate=_script("createRuntime", f"pwd > {work}/pwd"))

        runtime.create(bundle)

        assert read(f"{work}/pwd").strip() == bundle.directory

    def test_create_runtime_sees_the_mounts_made(self, runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
        pid = "echo $state | tr -d ' ' | sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'"
        mutate = mutations.every(
            mutations.mount("/mnt", "tmpfs", fstype="tmpfs"),
            _script("createRuntime", f"cat /proc/$({pid})/mountinfo > {work}/mounts"),
        )
        bundle = make_bundle(mutate=mutate)

        runtime.create(bundle)

        assert f" {bundle.inside('/mnt')} " in read(f"{work}/mounts")

    def test_start_container_path_is_the_containers(self, runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
        mutate = mutations.every(_shared(work), mutations.hook("startContainer", "/only/inside"))
        bundle = make_bundle("true", mutate=mutate)
        bundle.put("/only/inside", f"#!/bin/sh\necho ran > {work}/ran\n", mode=0o755)

        runtime.run(bundle).succeed()

        assert read(f"{work}/ran") == "ran\n"


class TestProcess:
    def test_environment_is_that_of_the_hook(self, inside: Inside, work: str) -> None:
        inside(
            "true",
            mutations.hook("createRuntime", _SHELL, "-c", f"env > {work}/env", env=["A=1", "PATH=/bin:/usr/bin"]),
        )

        assert {"A=1", "PATH=/bin:/usr/bin"} <= set(read(f"{work}/env").split())
        assert "HOME" not in read(f"{work}/env")

    def test_arguments_include_the_name(self, inside: Inside, work: str) -> None:
        def mutate(config: Json) -> None:
            args = ["a-name", "-c", f"echo $0 > {work}/name"]
            config["hooks"] = {"createRuntime": [{"path": _SHELL, "args": args}]}

        inside("true", mutate)

        assert read(f"{work}/name") == "a-name\n"

    def test_hook_that_does_not_read_its_input(self, inside: Inside) -> None:
        assert inside("echo ok", mutations.hook("createRuntime", "/bin/true")) == "ok\n"

    def test_output_does_not_mix_with_the_containers(self, inside: Inside) -> None:
        assert inside("echo ok", _script("createRuntime", "echo noise")) == "ok\n"

    def test_hook_within_its_timeout(self, inside: Inside) -> None:
        assert inside("echo ok", _script("createRuntime", "sleep 0.1", timeout=10)) == "ok\n"


class TestFailure:
    @pytest.mark.parametrize("kind", _AT_CREATE)
    def test_at_create_is_an_error_that_leaves_nothing(
        self, runtime: Runtime, make_bundle: MakeBundle, kind: str
    ) -> None:
        result = runtime.try_create(make_bundle(mutate=_script(kind, "exit 4"))).exit_with(1)

        assert "4" in result.message
        assert runtime.ids() == []

    def test_message_holds_what_the_hook_printed(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        mutate = _script("createRuntime", "echo to stdout; echo to stderr >&2; exit 4")

        message = runtime.try_create(make_bundle(mutate=mutate)).exit_with(1).message

        assert "to stdout" in message
        assert "to stderr" in message

    @pytest.mark.parametrize("kind", _AT_CREATE)
    def test_later_hooks_do_not_run(self, runtime: Runtime, make_bundle: MakeBundle, work: str, kind: str) -> None:
        mutate = mutations.every(_script(kind, "exit 1"), _script(kind, f"echo ran > {work}/ran"))

        runtime.try_create(make_bundle(mutate=mutate)).exit_with(1)

        assert read(f"{work}/ran") == ""

    def test_poststop_runs_after_a_failed_create(self, runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
        mutate = mutations.every(_script("createRuntime", "exit 1"), _script("poststop", f"echo ran > {work}/ran"))

        runtime.try_create(make_bundle(mutate=mutate)).exit_with(1)

        assert read(f"{work}/ran") == "ran\n"

    def test_run_fails(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        runtime.run(make_bundle("true", mutate=_script("createRuntime", "exit 4"))).exit_with(1)

        assert runtime.ids() == []

    def test_start_container_stops_the_container(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.create(make_bundle("echo", "ran", mutate=_script("startContainer", "exit 4")))
        pid = container.pid

        container.command("start")

        wait_for_exit(pid)
        assert container.output() == ""

    def test_start_container_is_an_error_of_start(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.create(make_bundle("true", mutate=_script("startContainer", "exit 4")))

        container.command("start").exit_with(1)

    def test_poststart_is_an_error_of_start(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.create(make_bundle(mutate=_script("poststart", "exit 4")))

        container.command("start").exit_with(1)

    def test_poststop_is_only_a_warning(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle("true", mutate=_script("poststop", "exit 4")))
        container.wait()

        container.delete().succeed()

        assert runtime.ids() == []

    def test_hook_over_its_timeout_is_killed(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        result = runtime.try_create(
            make_bundle(mutate=mutations.hook("createRuntime", "/bin/sleep", "1000", timeout=1))
        )

        assert "timeout" in result.exit_with(1).message
        assert result.duration_s < 8

    @pytest.mark.parametrize("path", ["/no/such/hook", "relative/hook"])
    def test_path_that_cannot_be_run(self, runtime: Runtime, make_bundle: MakeBundle, path: str) -> None:
        runtime.try_create(make_bundle(mutate=mutations.hook("createRuntime", path))).exit_with(1)

        assert runtime.ids() == []

    def test_callers_environment_may_be_empty(self, runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
        bundle = make_bundle("true", mutate=_script("createRuntime", f"echo ran > {work}/ran"))

        runtime.run(bundle, caller=Caller(env={})).succeed()

        assert read(f"{work}/ran") == "ran\n"


def _state(work: str) -> Json:
    state: Json = json.loads(read(f"{work}/state"))
    return state
