"""exec: a second process in a running container, its options, status and namespaces."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import Caller, Container, Runtime, eventually, read, wait_for_exit

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.bundle import Json

pytestmark = pytest.mark.root


@pytest.fixture
def container(runtime: Runtime, make_bundle: MakeBundle) -> Container:
    """A running container that sleeps."""
    return runtime.start(make_bundle("sleep", "1000"))


@pytest.mark.parametrize("status", [0, 1, 42, 127, 254, 255])
def test_exit_status_is_the_programs(container: Container, status: int) -> None:
    result = container.exec("sh", "-c", f"exit {status}")

    assert (result.returncode, result.stderr, result.log) == (status, "", "")


@pytest.mark.parametrize("number", [9, 15, 11])
def test_exit_status_after_a_signal_is_128_and_its_number(container: Container, number: int) -> None:
    container.exec("sh", "-c", f"kill -{number} $$").exit_with(128 + number)


@pytest.mark.parametrize("space", ["pid", "net", "ipc", "uts", "mnt"])
def test_joins_the_namespace_of_init(container: Container, space: str) -> None:
    inside = container.exec("readlink", f"/proc/self/ns/{space}").succeed().stdout.strip()

    assert inside == os.readlink(f"/proc/{container.pid}/ns/{space}")


def test_joins_the_cgroups_of_init(container: Container) -> None:
    inside = container.exec("cat", "/proc/self/cgroup").succeed().stdout

    assert _v1_lines(inside) == _v1_lines(read(f"/proc/{container.pid}/cgroup"))


def test_sees_init_as_pid_one(container: Container) -> None:
    assert container.exec("cat", "/proc/1/comm").succeed().stdout == "sleep\n"


def test_options_after_the_id_belong_to_the_program(container: Container) -> None:
    assert container.exec("ls", "-d", "/bin").succeed().stdout == "/bin\n"


def test_works_in_a_created_container(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.create(make_bundle())

    assert container.exec("echo", "early").succeed().stdout == "early\n"


def test_default_working_directory_is_the_containers(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.start(make_bundle(mutate=lambda config: config["process"].update(cwd="/tmp")))

    assert container.exec("pwd").succeed().stdout == "/tmp\n"


def test_cwd(container: Container) -> None:
    assert container.exec("pwd", options=["--cwd", "/usr/bin"]).succeed().stdout == "/usr/bin\n"


def test_environment_is_the_containers_and_the_options(container: Container) -> None:
    inside = container.exec("env", options=["-e", "ONE=1", "-e", "TWO=2 3"]).succeed().stdout.splitlines()

    assert {"ONE=1", "TWO=2 3", "TERM=xterm"} <= set(inside)


@pytest.mark.parametrize(
    ("user", "expected"),
    [("1000", "1000 0"), ("1000:1000", "1000 1000"), ("12345:54321", "12345 54321"), ("0:0", "0 0")],
    ids=["uid", "uid-and-gid", "unknown-to-passwd", "root"],
)
def test_user(container: Container, user: str, expected: str) -> None:
    inside = container.exec("sh", "-c", "echo $(id -u) $(id -g)", options=["--user", user]).succeed()

    assert inside.stdout == f"{expected}\n"


def test_home_is_the_users(container: Container) -> None:
    assert container.exec("sh", "-c", "echo $HOME", options=["-u", "1000"]).succeed().stdout == "/home/alice\n"


def test_additional_groups(container: Container) -> None:
    inside = container.exec("id", "-G", options=["-g", "7", "-g", "8"]).succeed()

    assert set(inside.stdout.split()) == {"0", "7", "8"}


def test_capability_is_added(container: Container) -> None:
    inside = container.exec("grep", "CapEff", "/proc/self/status", options=["--cap", "CAP_NET_ADMIN"]).succeed()

    assert int(inside.stdout.split()[1], 16) & 1 << 12


def test_no_new_privileges_option(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.start(make_bundle(mutate=lambda config: config["process"].update(noNewPrivileges=False)))

    inside = container.exec("grep", "NoNewPrivs", "/proc/self/status", options=["--no-new-privs"]).succeed()

    assert inside.stdout.split() == ["NoNewPrivs:", "1"]


def test_no_new_privileges_of_the_container_is_kept(container: Container) -> None:
    assert container.exec("grep", "NoNewPrivs", "/proc/self/status").succeed().stdout.split()[1] == "1"


def test_process_file_replaces_the_options(container: Container, work: str) -> None:
    path = _process_file(work, args=["sh", "-c", "pwd; id -u; echo $A"], cwd="/tmp", env=["A=b", "PATH=/bin"])

    inside = container.command("exec", "--process", path).succeed()

    assert inside.stdout == "/tmp\n1000\nb\n"


def test_detached_returns_zero_at_once_and_writes_the_pid(container: Container, work: str) -> None:
    pid_file = os.path.join(work, "exec.pid")

    container.exec("sh", "-c", "sleep 1000", options=["--detach", "--pid-file", pid_file]).succeed()

    pid = int(read(pid_file))
    eventually(lambda: "sleep" in read(f"/proc/{pid}/cmdline"), "the process")
    container.delete("--force").succeed()
    wait_for_exit(pid)


def test_standard_input_reaches_the_program(container: Container, work: str) -> None:
    with open(os.path.join(work, "input"), "w+", encoding="ascii") as text:
        text.write("hello\n")
        text.seek(0)
        result = container.exec("cat", caller=Caller(stdin=text.fileno()))

    assert result.succeed().stdout == "hello\n"


def test_output_and_error_are_apart(container: Container) -> None:
    result = container.exec("sh", "-c", "echo out; echo err >&2").succeed()

    assert (result.stdout, result.stderr) == ("out\n", "err\n")


def test_uses_the_config_of_create_not_the_bundles(runtime: Runtime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle("sleep", "1000")
    container = runtime.start(bundle)
    os.rename(f"{bundle.directory}/config.json", f"{runtime.work}/moved.json")

    assert container.exec("echo", "ok").succeed().stdout == "ok\n"


def test_rlimits_are_the_containers(container: Container) -> None:
    assert container.exec("sh", "-c", "ulimit -n").succeed().stdout == "1024\n"


def test_hundred_processes_one_after_another(container: Container) -> None:
    statuses = [container.exec("true").returncode for _ in range(20)]

    assert statuses == [0] * 20


class TestFailure:
    """A failing exec returns 255, like ssh, so that it can be told from most programs' own status."""

    def test_program_not_in_path(self, container: Container) -> None:
        result = container.exec("sleeep").exit_with(255)

        assert "executable file not found in" in result.message or "no such file or directory" in result.message

    def test_absolute_program_missing(self, container: Container) -> None:
        result = container.exec("/no/such").exit_with(255)

        assert "no such file or directory" in result.message

    def test_program_not_executable(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle("sleep", "1000")
        bundle.put("/plain", "text")

        result = runtime.start(bundle).exec("/plain").exit_with(255)

        assert "permission denied" in result.message

    def test_no_arguments(self, container: Container) -> None:
        container.exec().fail()

    def test_stopped_container(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        container = runtime.start(make_bundle("true"))
        container.wait()

        result = container.exec("true").exit_with(255)

        assert "cannot exec in a stopped container" in result.message

    def test_paused_container(self, container: Container) -> None:
        container.command("pause").succeed()

        result = container.exec("true").exit_with(255)

        assert "cannot exec in a paused container" in result.message

    def test_unknown_container(self, runtime: Runtime) -> None:
        result = runtime("exec", "nobody", "true").fail()

        assert "does not exist" in result.message

    def test_container_goes_on(self, container: Container) -> None:
        container.exec("/no/such").fail()

        assert container.status == "running"


def _process_file(work: str, **changes: object) -> str:
    process: Json = {"terminal": False, "user": {"uid": 1000, "gid": 1000}, "cwd": "/", "args": ["true"], **changes}
    path = os.path.join(work, "process.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(process, file)
    return path


def _v1_lines(text: str) -> list[str]:
    return sorted(line for line in text.splitlines() if not line.startswith("0::"))
