"""run: exit codes, detaching, signals and clean-up of the foreground form."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import Caller, Container, Runtime, eventually

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.bundle import Json

pytestmark = pytest.mark.root


@pytest.mark.parametrize("status", [0, 1, 2, 125, 126, 127, 128, 137, 255])
def test_exit_status_is_the_programs(runtime: Runtime, make_bundle: MakeBundle, status: int) -> None:
    result = runtime.run(make_bundle("sh", "-c", f"exit {status}"))

    assert (result.returncode, result.stderr, result.log) == (status, "", "")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGUSR1])
def test_exit_status_after_a_signal_is_128_and_its_number(
    runtime: Runtime, make_bundle: MakeBundle, number: signal.Signals
) -> None:
    script = f"kill -{int(number)} $$"

    assert runtime.run(make_bundle("sh", "-c", script, mutate=_without_pid_namespace)).returncode == 128 + number


def test_container_is_removed_afterwards(runtime: Runtime, make_bundle: MakeBundle) -> None:
    runtime.run(make_bundle("true")).succeed()

    assert runtime.ids() == []


def test_keep_leaves_the_container_stopped(runtime: Runtime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle("true")

    result = runtime.run(bundle, "--keep").succeed()

    assert Container(runtime, bundle, result).status == "stopped"


@pytest.mark.parametrize("option", ["-d", "--detach", "-detach"])
def test_detached_run_returns_while_the_program_goes_on(runtime: Runtime, make_bundle: MakeBundle, option: str) -> None:
    bundle = make_bundle("sh", "-c", "echo up; exec sleep 1000")

    result = runtime.run(bundle, option).succeed()

    container = Container(runtime, bundle, result)
    assert container.status == "running"
    eventually(lambda: container.output() == "up\n", "its output")


def test_detached_run_returns_zero_whatever_the_program_returns(runtime: Runtime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle("sh", "-c", "exit 3")

    result = runtime.run(bundle, "--detach").succeed()

    Container(runtime, bundle, result).wait()


def test_program_reads_standard_input(runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
    with open(os.path.join(work, "input"), "w+", encoding="ascii") as text:
        text.write("one\ntwo\n")
        text.seek(0)
        result = runtime.run(make_bundle("wc", "-l"), caller=Caller(stdin=text.fileno()))

    assert result.succeed().stdout == "2\n"


def test_standard_output_and_error_are_apart(runtime: Runtime, make_bundle: MakeBundle) -> None:
    result = runtime.run(make_bundle("sh", "-c", "echo out; echo err >&2")).succeed()

    assert (result.stdout, result.stderr) == ("out\n", "err\n")


def test_much_output_arrives_complete(runtime: Runtime, make_bundle: MakeBundle) -> None:
    result = runtime.run(make_bundle("sh", "-c", "seq 1 200000")).succeed()

    assert result.stdout == "".join(f"{number}\n" for number in range(1, 200001))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2])
def test_signal_sent_to_the_runtime_reaches_the_program(
    runtime: Runtime, make_bundle: MakeBundle, number: signal.Signals
) -> None:
    name = number.name.removeprefix("SIG")
    bundle = make_bundle("sh", "-c", f"trap 'echo got {name}; exit 7' {name}; echo up; while :; do sleep 0.05; done")
    running = runtime.run_in_background(bundle)
    eventually(lambda: running.output() == "up\n", "the program")

    running.process.send_signal(number)

    assert running.wait() == 7
    assert running.output() == f"up\ngot {name}\n"


def test_orphans_of_the_container_end_with_init(runtime: Runtime, make_bundle: MakeBundle) -> None:
    runtime.run(make_bundle("sh", "-c", "sleep 1000 & exit 0")).succeed()

    assert runtime.ids() == []


def test_program_is_pid_one(runtime: Runtime, make_bundle: MakeBundle) -> None:
    assert runtime.run(make_bundle("sh", "-c", "echo $$")).stdout == "1\n"


def test_failing_run_leaves_nothing(runtime: Runtime, make_bundle: MakeBundle) -> None:
    runtime.run(make_bundle("/no/such/program")).exit_with(1)

    assert runtime.ids() == []


def test_container_killed_from_outside_gives_137_and_is_removed(runtime: Runtime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle()
    running = runtime.run_in_background(bundle)

    runtime("kill", bundle.id, "KILL").succeed()

    assert running.wait() == 137
    assert runtime.ids() == []


def _without_pid_namespace(config: Json) -> None:
    # The init of a pid namespace cannot be ended by its own signals.
    spaces = config["linux"]["namespaces"]
    spaces[:] = [space for space in spaces if space["type"] != "pid"]
