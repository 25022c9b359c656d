"""list, ps, spec and completion: their options, and what a person at a terminal sees."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import shutil
import struct
import subprocess
import termios
from typing import TYPE_CHECKING

import pytest

from tests.support import host
from tests.support.runtime import Caller, read

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root


def at_terminal(runtime: Runtime, *args: str, columns: int, prefix: tuple[str, ...] = ()) -> str:
    """Run a command whose standard output and error are a terminal, and return what it shows."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [*prefix, runtime.path, "--root", runtime.root, *args]
    running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    shown = b""
    try:
        while part := os.read(master, 4096):
            shown += part
    except OSError:  # EIO: nobody has the other end open any more
        pass
    os.close(master)
    assert running.wait(20) == 0
    return shown.decode().replace("\r\n", "\n")


class TestList:
    @pytest.mark.parametrize("options", [["-q", "-f", "json"], ["--format=json", "--quiet"]])
    def test_quiet_wins_over_the_format_as_in_runc(
        self, runtime: Runtime, make_bundle: MakeBundle, options: list[str]
    ) -> None:
        runtime.create(make_bundle())

        assert runtime("list", *options).succeed().stdout == "c1\n"

    def test_state_that_cannot_be_read_is_a_warning(self, runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
        runtime.create(make_bundle())
        os.mkdir(f"{runtime.root}/broken")
        with open(f"{runtime.root}/broken/state.json", "w", encoding="ascii") as file:
            file.write("{")

        result = runtime("list", "--format", "json", global_options=())

        assert [entry["id"] for entry in json.loads(result.succeed().stdout)] == ["c1"]
        assert "level=warning" in result.stderr
        assert "broken" in result.stderr
        shutil.rmtree(f"{runtime.root}/broken")

    @pytest.mark.parametrize("columns", [60, 80])
    def test_table_fits_the_terminal(self, runtime: Runtime, make_bundle: MakeBundle, columns: int) -> None:
        bundle = make_bundle()
        name = "a-container-with-a-rather-long-name"
        runtime("create", "--bundle", bundle.directory, name).succeed()

        header, line = at_terminal(runtime, "list", columns=columns).splitlines()

        assert header.split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]
        assert max(len(header), len(line)) <= columns
        assert line.startswith("a-contain")
        assert line.split()[3].endswith(os.path.basename(bundle.directory))

    def test_table_is_whole_in_a_pipe(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle()
        runtime("create", "--bundle", bundle.directory, "x" * 100).succeed()

        assert f"{'x' * 100}   " in runtime("list").succeed().stdout


class TestPs:
    def test_options_of_ps_choose_the_columns(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle("sleep", "1234"))

        header, line = runtime("ps", container.id, "-o", "pid,args").succeed().stdout.splitlines()

        assert header.split() == ["PID", "COMMAND"]
        assert line.split() == [str(container.pid), "sleep", "1234"]

    def test_options_without_a_pid_are_refused(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle())

        (record,) = runtime("ps", container.id, "-o", "args").exit_with(1).records

        assert record["msg"] == "couldn't find PID field in ps output"

    def test_options_that_ps_refuses_are_an_error(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle())

        (record,) = runtime("ps", container.id, "--no-such-option").exit_with(1).records

        assert record["msg"] == "ps --no-such-option: exit status 1"

    def test_lines_fit_the_terminal(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle("sh", "-c", f"sleep 1000; : {'x' * 200}"))

        shown = at_terminal(runtime, "ps", container.id, columns=70)

        assert "sh -c sleep" in shown
        assert max(map(len, shown.splitlines())) <= 70


class TestSpec:
    @pytest.mark.parametrize("option", ["--file", "-f"])
    def test_file_has_another_name(self, runtime: Runtime, work: str, option: str) -> None:
        runtime("spec", "--bundle", work, option, "other.json").succeed()

        assert json.loads(read(f"{work}/other.json"))["process"]["args"] == ["sh"]

    @pytest.mark.parametrize("option", ["--bundle", "-b"])
    def test_bundle_that_is_missing_is_named(self, runtime: Runtime, option: str) -> None:
        (record,) = runtime("spec", option, "/no/such").exit_with(1).records

        assert record["msg"] == "write /no/such/config.json: no such file or directory"


class TestCompletion:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_script_is_one_of_the_shell(self, runtime: Runtime, work: str, shell: str) -> None:
        script = runtime("completion", "--shell", shell).succeed().stdout

        assert "checkpoint" in script
        with open(f"{work}/script", "w", encoding="utf-8") as file:
            file.write(script)
        if host.missing(shell) is None:
            subprocess.run([shell, "-n", f"{work}/script"], check=True)

    def test_bash_is_the_default(self, runtime: Runtime) -> None:
        assert runtime("completion").stdout == runtime("completion", "-s", "bash").succeed().stdout


def test_info_fits_the_terminal(runtime: Runtime) -> None:
    shown = at_terminal(runtime, "info", columns=60)

    assert max(map(len, shown.splitlines())) <= 60


class TestProgress:
    """What takes longer than a second tells a person so; injected delays make it take that long."""

    SLOW = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=rmdir:delay_enter=2200000:when=1")

    def test_of_delete_appears_after_a_second_and_disappears(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        host.require("strace")
        container = runtime.start(make_bundle())

        shown = at_terminal(runtime, "delete", "--force", container.id, columns=80, prefix=self.SLOW)

        assert shown.startswith("\rdelete c1 … ")
        assert shown.endswith(" s\r\x1b[K")

    def test_of_a_fast_delete_does_not_appear(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle())

        assert at_terminal(runtime, "delete", "--force", container.id, columns=80) == ""

    def test_is_not_for_logs(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        host.require("strace")
        container = runtime.start(make_bundle())

        result = container.command("delete", "--force", caller=Caller(prefix=self.SLOW)).succeed()

        assert (result.stdout, result.stderr, result.log) == ("", "", "")
