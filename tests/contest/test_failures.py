"""Failures as engines see them: status, words, exactly one JSON record, text on stderr, nothing left behind."""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import Caller, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import MakeBundle
    from tests.support.bundle import Bundle
    from tests.support.guard import Guard
    from tests.support.runtime import Result, Runtime

pytestmark = pytest.mark.root


@dataclass(frozen=True)
class Case:
    """A bundle that cannot become a container, and words of the message that clients or people look for."""

    name: str
    words: tuple[str, ...]
    mutate: mutations.Mutation = lambda config: None
    prepare: Callable[[Bundle], object] = lambda bundle: None


def _args(*args: str) -> mutations.Mutation:
    return mutations.process(args=list(args))


def _without(*keys: str) -> mutations.Mutation:
    return lambda config: [config.pop(key) for key in keys]


def _raw(text: bytes) -> Callable[[Bundle], object]:
    def prepare(bundle: Bundle) -> None:
        with open(f"{bundle.directory}/config.json", "wb") as file:
            file.write(text)

    return prepare


def _gone(name: str) -> Callable[[Bundle], object]:
    return lambda bundle: os.rename(f"{bundle.directory}/{name}", f"{bundle.directory}.{name}")


CASES = [
    Case("absolute program missing", ("/nope", "no such file or directory"), _args("/nope")),
    Case("program not in path", ("sleeep", "executable file not found in"), _args("sleeep")),
    Case(
        "program not executable",
        ("/plain", "permission denied"),
        _args("/plain"),
        lambda bundle: bundle.put("/plain", "text"),
    ),
    Case("program a directory", ("/etc", "permission denied"), _args("/etc")),
    Case("rootfs missing", ("no such file or directory", "/no/rootfs"), mutations.top(root={"path": "/no/rootfs"})),
    Case("bind source missing", ("/no/such", "no such file or directory"), mutations.mount("/mnt", "/no/such", "bind")),
    Case(
        "bogus mount option",
        ("bogusopt", "invalid argument"),
        mutations.mount("/mnt", "proc", "bogusopt", fstype="proc"),
    ),
    Case("bogus file system", ("bogusfs", "no such device"), mutations.mount("/mnt", "x", fstype="bogusfs")),
    Case("no config", ("config.json", "not found"), prepare=_gone("config.json")),
    Case("wrong type", ("hostname",), mutations.top(hostname=5)),
    Case(
        "wrong type deep down",
        ("soft",),
        mutations.process(rlimits=[{"type": "RLIMIT_NOFILE", "soft": "x", "hard": 1}]),
    ),
    Case("relative cwd", ("cwd", "absolute"), mutations.process(cwd="relative")),
    Case("no process", ("process",), _without("process")),
    Case("empty args", ("args", "empty"), _args()),
    Case("sysctl of the host", ("vm.swappiness", "namespace"), mutations.linux(sysctl={"vm.swappiness": "1"})),
    Case(
        "duplicate namespace",
        ("pid", "duplicate"),
        mutations.linux(namespaces=[{"type": "pid"}, {"type": "pid"}, {"type": "mount"}, {"type": "uts"}]),
    ),
    Case(
        "unknown rlimit", ("rlimit_bogus",), mutations.process(rlimits=[{"type": "RLIMIT_BOGUS", "soft": 1, "hard": 1}])
    ),
    Case("memory limit too low", ("memory", "4096"), mutations.resources(memory={"limit": 4096})),
    Case("hook fails", ("hook", "exit status 4"), mutations.hook("createRuntime", "/bin/sh", "-c", "exit 4")),
    Case("hook over its timeout", ("hook", "timeout"), mutations.hook("createRuntime", "/bin/sleep", "99", timeout=1)),
    Case("terminal without console socket", ("console", "socket"), mutations.process(terminal=True)),
    Case("not json", ("config.json",), prepare=_raw(b"{")),
    Case("empty config", ("config.json",), prepare=_raw(b"")),
    Case("config not utf-8", ("config.json",), prepare=_raw(b'{"ociVersion": "\xff"}')),
    Case("deeply nested config", ("config.json",), prepare=_raw(b"[" * 200000)),
    Case("config a list", ("config.json",), prepare=_raw(b"[]")),
]
_IDS = [case.name.replace(" ", "-") for case in CASES]


@pytest.fixture(params=CASES, ids=_IDS)
def case(request: pytest.FixtureRequest) -> Case:
    """Each of the cases."""
    chosen: Case = request.param
    return chosen


@pytest.fixture
def failed(runtime: Runtime, make_bundle: MakeBundle, case: Case) -> Result:
    """What create did with the case."""
    bundle = make_bundle(mutate=case.mutate)
    case.prepare(bundle)
    bundle.made = frozenset(os.listdir(bundle.directory))
    return runtime.try_create(bundle)


class TestCreate:
    def test_status_is_one_and_the_message_has_the_words(self, failed: Result, case: Case) -> None:
        failed.exit_with(1)

        assert [word for word in case.words if word not in failed.message] == []

    def test_one_record_of_the_form_engines_read(self, failed: Result) -> None:
        (record,) = failed.fail().records

        assert record["level"] == "error"
        assert datetime.datetime.fromisoformat(record["time"]).tzinfo is not None
        assert record["msg"]

    def test_text_on_stderr_and_nothing_on_stdout(self, failed: Result) -> None:
        failed.fail()

        assert failed.stderr.strip() != ""
        assert failed.stdout == ""

    def test_nothing_is_left_behind(self, failed: Result, guard: Guard) -> None:
        failed.fail()

        guard.check()


class TestAfterStart:
    """Failures that show only when the program is executed."""

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("#!/no/such/interpreter\n", "no such file or directory"),
            ("no interpreter line\n", "exec format error"),
        ],
        ids=["interpreter-missing", "no-interpreter-line"],
    )
    def test_is_logged(self, runtime: Runtime, make_bundle: MakeBundle, text: str, words: str) -> None:
        bundle = make_bundle("/script")
        bundle.put("/script", text, mode=0o755)

        result = runtime.run(bundle).fail()

        assert words in result.stderr.lower()
        assert words in str(result.records[-1]["msg"]).lower()


class TestCommands:
    def test_id_in_use(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.create(make_bundle())

        result = runtime.try_create(container.bundle).exit_with(1)

        assert "exist" in result.message
        assert container.status == "created"

    @pytest.mark.parametrize("command", ["state", "start", "kill", "delete", "pause", "resume", "ps"])
    def test_unknown_id(self, runtime: Runtime, command: str) -> None:
        result = runtime(command, "nobody").exit_with(1)

        assert "does not exist" in result.message
        assert len(result.records) == 1

    @pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "a b", "a\n", "é", "/a"], ids=repr)
    def test_id_that_is_not_allowed(self, runtime: Runtime, make_bundle: MakeBundle, name: str) -> None:
        bundle = make_bundle()

        runtime("create", "--bundle", bundle.directory, name).fail()

        assert runtime.ids() == []

    def test_start_twice(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        result = runtime.start(make_bundle()).command("start").exit_with(1)

        assert "cannot start an already running container" in result.message

    def test_start_stopped(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle("true"))
        container.wait()

        assert "cannot start a container that has stopped" in container.command("start").exit_with(1).message

    def test_delete_running(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle())

        message = container.delete().exit_with(1).message

        assert container.id in message
        assert "running" in message

    def test_kill_stopped(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle("true"))
        container.wait()

        assert "container not running" in container.kill("KILL").exit_with(1).message

    def test_text_format_writes_one_line_to_the_log(self, runtime: Runtime, work: str) -> None:
        runtime("state", "nobody", global_options=("--log", f"{work}/text")).exit_with(1)

        (line,) = read(f"{work}/text").splitlines()
        assert "does not exist" in line

    def test_log_file_is_appended_to(self, runtime: Runtime, work: str) -> None:
        options = ("--log", f"{work}/shared", "--log-format", "json")

        runtime("state", "one", global_options=options)
        runtime("state", "two", global_options=options)

        assert len(read(f"{work}/shared").splitlines()) == 2

    def test_without_a_log_file_the_record_goes_to_stderr(self, runtime: Runtime) -> None:
        result = runtime("state", "nobody", global_options=("--log-format", "json")).exit_with(1)

        assert '"level":"error"' in result.stderr.replace(" ", "")

    def test_state_directory_that_cannot_be_written(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle()
        with open(runtime.root, "w", encoding="ascii"):
            pass

        runtime.try_create(bundle).exit_with(1)

        os.unlink(runtime.root)

    def test_pid_file_that_cannot_be_written(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        runtime.try_create(make_bundle(), "--pid-file", "/no/such/directory/pid").exit_with(1)

        assert runtime.ids() == []

    def test_bundle_that_does_not_exist(self, runtime: Runtime) -> None:
        result = runtime("create", "--bundle", "/no/such/bundle", "c1").exit_with(1)

        assert "/no/such/bundle" in result.message

    def test_caller_without_privileges_is_told(self, runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
        os.chmod(work, 0o777)

        runtime.try_create(make_bundle(), caller=Caller(uid=1000)).exit_with(1)
