"""The state directory: who may read it, and what a container does whose state was tampered with or lost."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import Caller, wait_for_exit

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.bundle import Json
    from tests.support.guard import Guard
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

GARBAGE = {
    "empty": b"",
    "open brace": b"{",
    "empty object": b"{}",
    "null": b"null",
    "NUL bytes": b"\0" * 100,
    "missing": None,
    "list": b"[]",
}


def state_file(runtime: Runtime, container_id: str) -> str:
    """Return the path of a container's state."""
    return os.path.join(runtime.root, container_id, "status" if runtime.name == "crun" else "state.json")


def spoil(path: str, contents: bytes | None) -> None:
    """Overwrite or remove a file."""
    if contents is None:
        os.unlink(path)
        return
    with open(path, "wb") as file:
        file.write(contents)


class TestPid:
    """B03: a pid alone does not name a process; a recycled one must not be killed."""

    @pytest.mark.parametrize("command", [["kill"], ["delete", "--force"]], ids=["kill", "delete"])
    def test_of_another_process_is_left_alone(
        self, runtime: Runtime, make_bundle: MakeBundle, command: list[str]
    ) -> None:
        container = runtime.start(make_bundle())
        pid = container.pid
        os.kill(pid, signal.SIGKILL)
        wait_for_exit(pid)
        bystander = subprocess.Popen(["sleep", "1000"])
        _replace_pid(state_file(runtime, container.id), pid, bystander.pid)

        runtime(*command, container.id, *(["KILL"] if command == ["kill"] else []))

        alive = bystander.poll() is None
        bystander.kill()
        bystander.wait()
        assert alive


class TestGarbage:
    """B04: whatever happened to the state, ``delete --force`` removes the container, and others go on."""

    @pytest.mark.parametrize("contents", GARBAGE.values(), ids=GARBAGE.keys())
    def test_delete_by_force_removes_everything(
        self, runtime: Runtime, make_bundle: MakeBundle, guard: Guard, contents: bytes | None
    ) -> None:
        container = runtime.start(make_bundle())
        spoil(state_file(runtime, container.id), contents)

        runtime("delete", "--force", container.id).succeed()

        guard.check()

    @pytest.mark.parametrize("contents", GARBAGE.values(), ids=GARBAGE.keys())
    def test_list_shows_the_others(self, runtime: Runtime, make_bundle: MakeBundle, contents: bytes | None) -> None:
        good, bad = runtime.create(make_bundle()), runtime.create(make_bundle())
        kept = _read(state_file(runtime, bad.id))
        spoil(state_file(runtime, bad.id), contents)

        result = runtime("list", "--quiet")

        spoil(state_file(runtime, bad.id), kept)
        assert good.id in result.succeed().stdout.split()

    @pytest.mark.parametrize("contents", [GARBAGE["null"], GARBAGE["open brace"]], ids=["null", "open brace"])
    @pytest.mark.parametrize("command", ["state", "start", "kill", "pause"])
    def test_other_commands_say_so(
        self, runtime: Runtime, make_bundle: MakeBundle, command: str, contents: bytes
    ) -> None:
        container = runtime.create(make_bundle())
        kept = _read(state_file(runtime, container.id))
        spoil(state_file(runtime, container.id), contents)

        result = runtime(command, container.id)

        spoil(state_file(runtime, container.id), kept)
        assert result.exit_with(1).stderr != ""


class TestModes:
    """B27: nobody else may read or enter the state, whatever the caller's umask."""

    def test_with_an_open_umask(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        caller = Caller(prefix=["sh", "-c", 'umask 0; exec "$@"', "-"])
        container = runtime.create(make_bundle(), caller=caller)

        assert _others(runtime.root) in (0, 0o011)
        assert _others(os.path.join(runtime.root, container.id)) in (0, 0o011)
        assert _others(state_file(runtime, container.id)) == 0


def _others(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode) & 0o077


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _replace_pid(path: str, old: int, new: int) -> None:
    """Put another pid wherever the old one stands in a state file."""
    state = json.loads(_read(path), object_hook=lambda found: _with_pid(found, old, new))
    spoil(path, json.dumps(state).encode())


def _with_pid(found: Json, old: int, new: int) -> Json:
    return {key: new if value == old and type(value) is int else value for key, value in found.items()}
