"""The options before the command: where states are, where the log goes, who makes the cgroups."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import Caller, Result, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import MakeBundle, RootlessBundle
    from tests.support.bundle import Json
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

LISTEN = "import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1])"
RECEIVE = (
    f"{LISTEN}; import subprocess; s.settimeout(5); subprocess.run(sys.argv[2:]); "
    "open(sys.argv[1] + '.got', 'wb').write(s.recv(65536))"
)
WITHOUT_JOURNAL = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs tmpfs /run; exec "$@"', "-"]
WITHOUT_DAEMONS = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs tmpfs /run; mount -t tmpfs t /dev; exec "$@"', "-"]


def ask(runtime: Runtime, *options: str, command: tuple[str, ...] = ("state", "nobody"), **caller: object) -> Result:
    return runtime(*command, global_options=options, caller=Caller(**caller))  # type: ignore[arg-type]  # its fields


class TestLog:
    @pytest.mark.parametrize("spelling", ["--log", "-l"])
    @pytest.mark.parametrize("prefix", ["", "file:"], ids=["path", "file"])
    def test_file_gets_the_record_and_stderr_the_text(
        self, runtime: Runtime, work: str, spelling: str, prefix: str
    ) -> None:
        result = ask(runtime, spelling, f"{prefix}{work}/the.log", "--log-format=json").exit_with(1)

        record = json.loads(read(f"{work}/the.log"))
        assert record["msg"] == "container 'nobody' does not exist"
        assert record["code"] == "container-not-found"
        assert result.stderr.splitlines()[0] == record["msg"]

    def test_file_is_made_readable_for_all_and_written_by_its_owner(self, runtime: Runtime, work: str) -> None:
        ask(runtime, "--log", f"{work}/the.log").exit_with(1)

        assert stat.S_IMODE(os.stat(f"{work}/the.log").st_mode) == 0o644

    @pytest.mark.parametrize(
        ("option", "place"),
        [("journald:web", "systemd/journal/socket"), ("syslog:web", "log"), (None, "systemd/journal/socket")],
        ids=["journald", "syslog", "systemd-log"],
    )
    def test_daemon_gets_the_record(self, runtime: Runtime, work: str, option: str | None, place: str) -> None:
        # In a mount namespace of its own the command sees a daemon's socket that is ours.
        top = "/dev" if place == "log" else "/run"
        set_up = f'mount -t tmpfs tmpfs {top}; mkdir -p {top}/{os.path.dirname(place)}; exec "$@"'
        keep = f'"$@" 2>&1; cp {top}/{place}.got {work}/got'
        prefix = ["unshare", "-m", "sh", "-c", set_up, "-", "sh", "-c", keep, "-"]
        receiver = [os.sys.executable, "-c", RECEIVE, f"{top}/{place}"]  # type: ignore[attr-defined]  # os has sys
        options = ("--systemd-log",) if option is None else ("--log", option)

        result = ask(runtime, *options, prefix=[*prefix, *receiver])

        got = read(f"{work}/got")
        assert "container 'nobody' does not exist" in got, result.summary()
        assert ("web" if option else "pyouki") in got

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (("--log", "/no/such/file"), "open log file /no/such/file: no such file or directory"),
            (("--log", "journald:x"), "log to journald: connect to /run/systemd/journal/socket: no such file"),
            (("--log", "syslog:x"), "log to syslog: connect to /dev/log: no such file or directory"),
        ],
        ids=lambda value: value[-1] if isinstance(value, tuple) else "",
    )
    def test_place_that_cannot_be_written_is_an_error(
        self, runtime: Runtime, options: tuple[str, ...], message: str
    ) -> None:
        result = ask(runtime, *options, prefix=WITHOUT_DAEMONS).exit_with(1)

        assert message in result.stderr
        assert "hint: " in result.stderr

    def test_journal_that_is_missed_is_told_and_the_command_goes_on(
        self, runtime: Runtime, make_bundle: MakeBundle
    ) -> None:
        bundle = make_bundle("echo", "ok")
        command = ("run", "--bundle", bundle.directory, bundle.id)

        result = ask(runtime, "--systemd-log", command=command, prefix=WITHOUT_JOURNAL).succeed()

        (line,) = result.stderr.splitlines()
        assert result.stdout == "ok\n"
        reason = "log to journald: connect to /run/systemd/journal/socket: no such file or directory"
        assert line.endswith(f' level=warning msg="{reason}"')

    def test_journal_that_is_missed_is_not_told_to_the_engine_that_reads_the_file(
        self, runtime: Runtime, work: str
    ) -> None:
        options = ("--systemd-log", "--log", f"{work}/the.log", "--log-format=json")

        result = ask(runtime, *options, prefix=WITHOUT_JOURNAL).exit_with(1)

        assert json.loads(read(f"{work}/the.log"))["msg"] == "container 'nobody' does not exist"
        assert "journald" not in result.stderr


class TestLogFormat:
    def test_text_is_one_line_of_the_form_that_runc_writes(self, runtime: Runtime, work: str) -> None:
        ask(runtime, "--log", f"{work}/the.log", "--log-format", "text").exit_with(1)

        pattern = r"time=\"[0-9T:.-]+Z\" level=error msg=\"container 'nobody' does not exist\"\n"
        assert re.fullmatch(pattern, read(f"{work}/the.log"))

    def test_json_has_the_keys_that_engines_read(self, runtime: Runtime, work: str) -> None:
        ask(runtime, "--log", f"{work}/the.log", "--log-format", "json").exit_with(1)

        assert list(json.loads(read(f"{work}/the.log")))[:3] == ["level", "msg", "time"]

    def test_unknown_is_refused(self, runtime: Runtime) -> None:
        assert ask(runtime, "--log-format", "xml").exit_with(1).stderr.startswith("invalid log-format: xml\n")


class TestLogLevel:
    @pytest.mark.parametrize(
        ("options", "levels"),
        [
            ((), set()),
            (("--log-level", "error"), set()),
            (("--log-level", "warning"), {"warning"}),
            (("--log-level", "warn"), {"warning"}),
            (("--log-level", "info"), {"warning"}),
            (("--log-level", "debug"), {"warning", "debug"}),
            (("--log-level", "trace"), {"warning", "debug"}),
            (("--debug",), {"warning", "debug"}),
        ],
        ids=lambda value: value[-1] if isinstance(value, tuple) and value else None,
    )
    def test_decides_what_a_file_gets(
        self, runtime: Runtime, make_bundle: MakeBundle, work: str, options: tuple[str, ...], levels: set[str]
    ) -> None:
        bundle = make_bundle("true", mutate=_ask_for_cap_x)
        log = ("--log", f"{work}/the.log", "--log-format", "json")

        ask(runtime, *log, *options, command=("run", "--bundle", bundle.directory, bundle.id)).succeed()

        records = [json.loads(line) for line in read(f"{work}/the.log").splitlines()]
        assert {record["level"] for record in records} == levels

    def test_people_are_warned_without_asking(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle("true", mutate=_ask_for_cap_x)

        result = ask(runtime, command=("run", "--bundle", bundle.directory, bundle.id)).succeed()

        assert 'level=warning msg="ignoring unknown or unavailable capabilities: [CAP_X]"' in result.stderr

    def test_unknown_is_refused(self, runtime: Runtime) -> None:
        assert ask(runtime, "--log-level", "loud").exit_with(1).stderr.startswith("invalid log-level: loud\n")


class TestCgroupManager:
    @pytest.fixture
    def lines(self, runtime: Runtime, make_bundle: MakeBundle) -> Callable[..., set[str]]:
        """A function that returns the v1 cgroups of a container that is run with some global options."""

        def run(*options: str) -> set[str]:
            bundle = make_bundle("cat", "/proc/self/cgroup")
            result = ask(runtime, *options, command=("run", "--bundle", bundle.directory, bundle.id)).succeed()
            return {line.split(":")[2].rpartition("/")[2] for line in result.stdout.splitlines() if line[:3] != "0::"}

        return run

    @pytest.mark.cgroup1
    def test_cgroupfs_makes_the_cgroup_of_the_configuration(self, lines: Callable[..., set[str]]) -> None:
        assert "c1" in lines("--cgroup-manager", "cgroupfs")

    @pytest.mark.cgroup1
    def test_disabled_stays_in_the_callers(self, lines: Callable[..., set[str]]) -> None:
        assert "c1" not in lines("--cgroup-manager=disabled")

    @pytest.mark.skipif(os.path.isdir("/run/systemd/system"), reason="systemd runs here: see tests/vm")
    @pytest.mark.parametrize("options", [("--cgroup-manager", "systemd"), ("--systemd-cgroup",), ("-s",)])
    def test_systemd_is_missed_by_name(
        self, runtime: Runtime, make_bundle: MakeBundle, options: tuple[str, ...]
    ) -> None:
        bundle = make_bundle("true", mutate=lambda config: config["linux"].update(cgroupsPath="system.slice:py:c1"))

        result = ask(runtime, *options, command=("run", "--bundle", bundle.directory, bundle.id)).exit_with(1)

        assert "systemd" in result.stderr

    def test_unknown_is_refused(self, runtime: Runtime) -> None:
        result = ask(runtime, "--cgroup-manager", "lxc").exit_with(1)

        assert result.stderr.startswith("invalid cgroup-manager: lxc\n")


@pytest.mark.userns
class TestRootless:
    @pytest.mark.parametrize("value", ["true", "auto"])
    def test_cgroups_that_a_user_may_not_make_are_done_without(
        self, runtime: Runtime, rootless_bundle: RootlessBundle, ordinary_user: Caller, value: str
    ) -> None:
        bundle = rootless_bundle("echo", "ok")
        command = ("run", "--bundle", bundle.directory, bundle.id)

        result = runtime(*command, global_options=("--rootless", value), caller=ordinary_user).succeed()

        assert result.stdout == "ok\n"

    @pytest.mark.cgroup1
    def test_false_insists_on_them(
        self, runtime: Runtime, rootless_bundle: RootlessBundle, ordinary_user: Caller
    ) -> None:
        bundle = rootless_bundle("echo", "ok")
        command = ("run", "--bundle", bundle.directory, bundle.id)

        result = runtime(*command, global_options=("--rootless=false",), caller=ordinary_user).exit_with(1)

        assert "permission denied" in result.stderr

    def test_unknown_is_refused(self, runtime: Runtime) -> None:
        result = ask(runtime, "--rootless", "maybe").exit_with(1)

        assert result.stderr.startswith('invalid value "maybe" for flag -rootless\n')

    def test_default_root_is_private_and_kept_by_cleaners(
        self, runtime: Runtime, ordinary_user: Caller, work: str
    ) -> None:
        without_root = ["sh", "-c", 'p=$1; shift 3; exec "$p" "$@"', "-"]

        result = runtime("list", global_options=(), caller=replace(ordinary_user, prefix=without_root)).succeed()

        assert result.stdout.startswith("ID ")
        assert stat.S_IMODE(os.stat(f"{work}/xdg/pyouki").st_mode) == 0o1700

    def test_default_root_without_a_runtime_directory_is_at_home(
        self, runtime: Runtime, ordinary_user: Caller, work: str
    ) -> None:
        without_root = ["sh", "-c", 'p=$1; shift 3; exec "$p" "$@"', "-"]
        at_home = replace(ordinary_user, env={"HOME": work}, prefix=without_root)

        runtime("list", global_options=(), caller=at_home).succeed()

        assert os.path.isdir(f"{work}/.pyouki/run")


class TestRoot:
    """Of the two --root on these command lines the last one, the test's, is in force."""

    def test_is_made_absolute_and_private(self, runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
        bundle = make_bundle()
        options = ("--root", "relative")
        caller = Caller(cwd=work)

        runtime("create", "--bundle", bundle.directory, bundle.id, global_options=options, caller=caller).succeed()

        assert stat.S_IMODE(os.stat(f"{work}/relative").st_mode) == 0o700
        runtime("delete", bundle.id, global_options=("-r", f"{work}/relative")).succeed()

    @pytest.mark.parametrize("path", ["", "/"], ids=["empty", "slash"])
    def test_that_would_mix_states_with_other_things_is_refused(self, runtime: Runtime, path: str) -> None:
        result = ask(runtime, "--root", path).exit_with(1)

        assert f"invalid --root {path!r}" in result.stderr

    def test_that_does_not_exist_is_an_error_of_list(self, runtime: Runtime) -> None:
        (record,) = runtime("list").exit_with(1).records

        assert record["msg"] == f"list {runtime.root}: no such file or directory"


def test_criu_is_taken_from_the_path_whatever_the_option_says(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.start(make_bundle())

    result = ask(runtime, "--criu", "/some/criu", command=("checkpoint", container.id)).exit_with(1)

    assert "--criu /some/criu is ignored: criu is looked up in $PATH" in result.stderr


@pytest.mark.parametrize("option", ["--version", "-v", "-V"])
def test_version_is_what_engines_parse(runtime: Runtime, option: str) -> None:
    lines = ask(runtime, option, command=()).succeed().stdout.splitlines()

    assert [line.partition(" ")[0] for line in lines] == ["pyouki", "commit:", "spec:", "python:", "libseccomp:"]
    assert lines[0].startswith("pyouki version ")


def _ask_for_cap_x(config: Json) -> None:
    config["process"]["capabilities"]["bounding"].append("CAP_X")
