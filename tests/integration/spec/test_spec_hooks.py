"""``hooks`` of config.json, each property for each of the six kinds, and the annotations that concern hooks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import eventually, read

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.bundle import Bundle
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
_SCRIPT = 'echo "$0 $*" >> OUT; env | sort >> OUT'


def _place(work: str) -> mutations.Mutation:
    """Mount the test's directory where the host has it, so that hooks find it on both sides."""
    return mutations.mount(work, work, "rbind")


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_and_environment_are_those_of_the_hook(
    runtime: Runtime, make_bundle: MakeBundle, work: str, kind: str
) -> None:
    out = os.path.join(work, "said")
    hook = {
        "path": "/bin/sh",
        "args": ["sh", "-c", _SCRIPT.replace("OUT", out), "name", "one", "two words"],
        "env": ["COLOUR=blue", "PATH=/bin:/usr/bin"],
    }
    mutate = mutations.every(_place(work), mutations.top(hooks={kind: [hook]}))

    runtime.run(make_bundle("true", mutate=mutate)).succeed()

    lines = [line for line in read(out).splitlines() if not line.startswith(("PWD=", "SHLVL=", "OLDPWD=", "_="))]
    assert lines == ["name one two words", "COLOUR=blue", "PATH=/bin:/usr/bin"]


@pytest.mark.parametrize("kind", KINDS[:4])
def test_hook_over_its_timeout_fails_and_leaves_nothing(runtime: Runtime, make_bundle: MakeBundle, kind: str) -> None:
    bundle = make_bundle("true", mutate=mutations.hook(kind, "/bin/sleep", "30", timeout=1))

    result = runtime.run(bundle).fail()

    assert "hook ran past specified timeout of 1.0s" in result.message
    assert result.duration_s < 15
    assert runtime.ids() == []


def test_poststart_hook_over_its_timeout_stops_the_container(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.create(make_bundle(mutate=mutations.hook("poststart", "/bin/sleep", "30", timeout=1)))

    assert "timeout of 1.0s" in container.command("start").fail().message
    assert container.status == "stopped"


def test_poststop_hook_over_its_timeout_is_a_warning(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.create(make_bundle(mutate=mutations.hook("poststop", "/bin/sleep", "30", timeout=1)))

    result = runtime("delete", container.id, global_options=()).succeed()

    assert "timeout of 1.0s" in result.stderr
    assert runtime.ids() == []


def test_what_the_specification_forbids(runtime: Runtime, make_bundle: MakeBundle) -> None:
    """All at once: the error names every fault."""
    wrong = [{"args": ["true"]}, {"path": "/bin/true", "timeout": 0}, {"path": "/bin/true", "timeout": -1}]
    bundle = make_bundle(mutate=mutations.top(hooks=dict.fromkeys(KINDS, wrong)))

    text = str(runtime.try_create(bundle).exit_with(1).records[-1])

    assert [
        name
        for kind in KINDS
        for name in (f"hooks.{kind}[0].path", f"hooks.{kind}[1].timeout", f"hooks.{kind}[2].timeout")
        if name not in text
    ] == []
    assert runtime.ids() == []


def test_relative_path_is_refused(runtime: Runtime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle(mutate=mutations.top(hooks={kind: [{"path": "bin/true"}] for kind in KINDS}))

    text = str(runtime.try_create(bundle).exit_with(1).records[-1])

    assert [kind for kind in KINDS if f"hooks.{kind}[0].path" not in text] == []


class TestAnnotatedOutput:
    """run.oci.hooks.stdout and run.oci.hooks.stderr: files that what hooks print is appended to."""

    def test_of_all_kinds_is_appended(self, runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
        bundle = self._bundle(make_bundle, work)
        with open(os.path.join(work, "stdout"), "w", encoding="ascii") as file:
            file.write("before\n")

        runtime.run(bundle).succeed()

        assert read(os.path.join(work, "stdout")).split() == ["before", *KINDS]
        assert read(os.path.join(work, "stderr")).split() == [f"{kind}!" for kind in KINDS]

    def test_is_still_in_the_error(self, runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
        bundle = self._bundle(make_bundle, work)
        bundle.config["hooks"]["createRuntime"][0]["args"][2] = "echo told; exit 3"
        bundle.write()

        assert "stdout: told" in runtime.try_create(bundle).exit_with(1).message
        assert "told" in read(os.path.join(work, "stdout"))

    def test_file_that_cannot_be_opened_is_an_error(self, runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
        bundle = self._bundle(make_bundle, work)
        bundle.config["annotations"]["run.oci.hooks.stdout"] = "/no/such/directory/file"
        bundle.write()

        assert "/no/such/directory/file" in runtime.try_create(bundle).exit_with(1).message
        assert runtime.ids() == []

    def test_fifo_that_nobody_reads_keeps_nobody_waiting(
        self, runtime: Runtime, make_bundle: MakeBundle, work: str
    ) -> None:
        bundle = self._bundle(make_bundle, work)
        os.mkfifo(os.path.join(work, "stdout"))

        runtime.try_create(bundle).exit_with(1)

        assert runtime.ids() == []

    @staticmethod
    def _bundle(make_bundle: MakeBundle, work: str) -> Bundle:
        hooks = {kind: [{"path": "/bin/sh", "args": ["sh", "-c", f"echo {kind}; echo {kind}! >&2"]}] for kind in KINDS}
        files = {f"run.oci.hooks.{name}": os.path.join(work, name) for name in ("stdout", "stderr")}
        return make_bundle("true", mutate=mutations.top(hooks=hooks, annotations=files))


def test_state_of_each_hook_has_the_annotations(runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
    out = os.path.join(work, "states")
    hooks = {kind: [{"path": "/bin/sh", "args": ["sh", "-c", f"cat >> {out}; echo >> {out}"]}] for kind in KINDS}
    mutate = mutations.every(_place(work), mutations.top(hooks=hooks, annotations={"org.example.a": "b"}))

    runtime.run(make_bundle("true", mutate=mutate)).succeed()

    eventually(lambda: len(read(out).splitlines()) == len(KINDS), "six states")
    assert read(out).count('"org.example.a"') == len(KINDS)
