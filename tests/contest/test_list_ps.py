"""list and ps: tables for people, JSON for programs."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.support import schemas

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.bundle import Json
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root


class TestList:
    def test_json_names_every_container(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        created, running = runtime.create(make_bundle()), runtime.start(make_bundle())

        listed = _list(runtime)

        assert {entry["id"]: entry["status"] for entry in listed} == {created.id: "created", running.id: "running"}

    @pytest.mark.parametrize("options", [["-f", "json"], ["--format", "json"], ["--format=json"], ["-format=json"]])
    def test_format_may_be_written_as(self, runtime: Runtime, make_bundle: MakeBundle, options: list[str]) -> None:
        container = runtime.create(make_bundle())

        assert json.loads(runtime("list", *options).succeed().stdout)[0]["id"] == container.id

    def test_json_entry_has_the_states_properties_and_the_owner(
        self, runtime: Runtime, make_bundle: MakeBundle
    ) -> None:
        container = runtime.create(make_bundle())

        (entry,) = _list(runtime)

        schemas.check(entry, "state-schema.json")
        assert entry["pid"] == container.pid
        assert entry["bundle"] == container.bundle.directory
        assert entry["owner"] == "root"

    def test_quiet_prints_ids(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        first, second = runtime.create(make_bundle()), runtime.create(make_bundle())

        assert runtime("list", "--quiet").succeed().stdout.split() == [first.id, second.id]

    def test_table_has_a_header_and_a_line_for_each(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.create(make_bundle())

        header, line = runtime("list").succeed().stdout.splitlines()

        assert header.split()[1:4] == ["PID", "STATUS", "BUNDLE"]
        assert line.split()[:4] == [container.id, str(container.pid), "created", container.bundle.directory]

    def test_nothing_there_is_an_empty_list(self, runtime: Runtime) -> None:
        os.mkdir(runtime.root)

        assert json.loads(runtime("list", "--format", "json").succeed().stdout) in ([], None)

    def test_unknown_format_is_refused(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        runtime.create(make_bundle())

        runtime("list", "--format", "xml").fail()


class TestPs:
    def test_json_holds_the_hosts_pids(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle())

        assert json.loads(container.command("ps", "--format", "json").succeed().stdout) == [container.pid]

    def test_processes_of_exec_are_included(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle())
        container.exec("sleep", "1000", options=["--detach"]).succeed()

        assert len(json.loads(container.command("ps", "--format", "json").succeed().stdout)) == 2

    def test_table_has_a_header_and_the_pid(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle())

        header, line = runtime("ps", container.id).succeed().stdout.splitlines()

        assert "PID" in header
        assert str(container.pid) in line.split()

    def test_unknown_format_is_refused(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        runtime.start(make_bundle()).command("ps", "--format", "xml").fail()

    def test_unknown_container(self, runtime: Runtime) -> None:
        assert "does not exist" in runtime("ps", "nobody").exit_with(1).message


def _list(runtime: Runtime) -> list[Json]:
    entries: list[Json] = json.loads(runtime("list", "--format", "json").succeed().stdout)
    return entries
