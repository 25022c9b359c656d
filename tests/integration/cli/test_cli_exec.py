"""Options of exec that no black-box test of all runtimes covers, and how it refuses wrong ones."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import host
from tests.support.runtime import Caller, eventually, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeBundle
    from tests.support.descriptor_socket import DescriptorSocket
    from tests.support.runtime import Container, Runtime

pytestmark = pytest.mark.root


@pytest.fixture
def container(runtime: Runtime, make_bundle: MakeBundle) -> Container:
    """A running container that sleeps."""
    return runtime.start(make_bundle())


@pytest.fixture
def sub_cgroup(container: Container) -> Iterator[str]:
    """A cgroup below the container's in the hierarchy of pids; returns the container's."""
    directory = f"/sys/fs/cgroup/pids{container.bundle.config['linux']['cgroupsPath']}"
    os.mkdir(f"{directory}/sub")
    yield directory
    eventually(lambda: read(f"{directory}/sub/cgroup.procs") == "", "the end of what is in the cgroup")
    os.rmdir(f"{directory}/sub")


@pytest.mark.cgroup1
@pytest.mark.parametrize("option", ["pids:sub", "pids:/sub", "cpu,pids:sub"])
def test_cgroup_is_below_the_containers(container: Container, sub_cgroup: str, option: str) -> None:
    if option.startswith("cpu,"):
        os.mkdir(sub_cgroup.replace("/pids/", "/cpu/") + "/sub")

    inside = container.exec("cat", "/proc/self/cgroup", options=["--cgroup", option]).succeed().stdout

    (place,) = [line.split(":")[2] for line in inside.splitlines() if line.split(":")[1] == "pids"]
    assert place.endswith(f"/{container.id}/sub")


@pytest.mark.cgroup1
@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("none", "exec --cgroup: no cgroup "),
        ("../other", "exec --cgroup '../other': the path leads out of the container's cgroup"),
        ("bogus:sub", "exec --cgroup 'bogus:sub': no hierarchy of controller 'bogus'"),
    ],
    ids=["missing", "outside", "controller"],
)
def test_cgroup_that_cannot_be_joined_is_named(container: Container, option: str, message: str) -> None:
    (record,) = container.exec("true", options=["--cgroup", option]).exit_with(255).records

    assert record["msg"].startswith(message)
    assert record["code"] == "cgroup-failed"


def test_pidfd_of_the_process_comes_over_the_socket(
    container: Container, descriptor_socket: DescriptorSocket, work: str
) -> None:
    pid_file = os.path.join(work, "pid")
    options = ["--detach", "--pid-file", pid_file, "--pidfd-socket", descriptor_socket.path]
    container.exec("sleep", "1000", options=options).succeed()

    text, pidfd = descriptor_socket.receive()

    assert text == "setns"
    assert f"Pid:\t{read(pid_file)}\n" in read(f"/proc/self/fdinfo/{pidfd}")


def test_several_capabilities_are_added(container: Container) -> None:
    options = ["--cap", "CAP_NET_ADMIN", "-c", "CAP_SYS_TIME"]

    inside = container.exec("grep", "Cap", "/proc/self/status", options=options).succeed().stdout

    sets = {line.split()[0]: int(line.split()[1], 16) for line in inside.splitlines()}
    added = 1 << 12 | 1 << 25
    assert {name: bits & added for name, bits in sets.items()} == {
        "CapInh:": 0,
        "CapPrm:": added,
        "CapEff:": added,
        "CapBnd:": added,
        "CapAmb:": 0,
    }


@pytest.mark.skipif(os.path.isdir("/sys/kernel/security/apparmor"), reason="AppArmor is enabled here")
def test_apparmor_profile_is_refused_where_nobody_enforces_it(container: Container) -> None:
    (record,) = container.exec("true", options=["--apparmor", "docker-default"]).exit_with(255).records

    assert "profile 'docker-default' was asked for, but AppArmor is not enabled" in record["msg"]
    assert record["property"] == "process.apparmorProfile"


@pytest.mark.skipif(os.path.isdir("/sys/fs/selinux"), reason="SELinux is enabled here")
def test_process_label_is_refused_where_nobody_enforces_it(container: Container) -> None:
    (record,) = container.exec("true", options=["--process-label", "u:r:t:s0"]).exit_with(255).records

    assert "SELinux is disabled" in record["msg"]
    assert record["property"] == "process.selinuxLabel"


def test_process_file_says_where_the_process_is_attached(container: Container, work: str) -> None:
    path = os.path.join(work, "process.json")
    process = {"args": ["sh", "-c", "id -u; id -g; echo $A"], "cwd": "/tmp", "env": ["A=b", "PATH=/bin"]}
    with open(path, "w", encoding="utf-8") as file:
        json.dump({**process, "user": {"uid": 7, "gid": 8}, "capabilities": {}}, file)

    assert container.command("exec", f"--process={path}").succeed().stdout == "7\n8\nb\n"


@pytest.mark.parametrize(
    ("options", "message", "code"),
    [
        (["--user", "root"], "invalid --user 'root'", "invalid-argument"),
        (["--user", "1:2:3"], "invalid --user '1:2:3'", "invalid-argument"),
        (["--env", "X"], "process.env[2]: invalid environment variable 'X': missing '='", "invalid-config"),
        (["--cwd", "tmp"], "process.cwd: Cwd must be an absolute path", "invalid-config"),
        (
            ["--cwd", "/nope"],
            "chdir to cwd ('/nope') set in config.json failed: no such file or directory",
            "syscall-failed",
        ),
        (["--process", "/no/such"], "open /no/such: no such file or directory", "invalid-config"),
        (["--tty", "--detach"], "cannot allocate tty if pyouki will detach", "invalid-argument"),
        (["--console-socket", "/s"], "cannot use console socket if pyouki will not", "invalid-argument"),
        (["--pidfd-socket", "/s"], "send the pidfd over pidfd socket /s: no such file or directory", "syscall-failed"),
        (["--preserve-fds", "1"], "unable to stat preserved-fd 1 (of 1)", "invalid-argument"),
    ],
    ids=lambda value: value[0].lstrip("-") if isinstance(value, list) else "",
)
def test_wrong_option_is_refused_by_name(container: Container, options: list[str], message: str, code: str) -> None:
    result = container.exec("true", options=options).exit_with(255)

    (record,) = result.records
    assert record["msg"].startswith(message)
    assert record["code"] == code
    assert result.stderr.startswith(record["msg"])


def test_process_is_born_in_the_pid_namespace_and_untraceable(
    runtime: Runtime, make_bundle: MakeBundle, work: str
) -> None:
    host.require("strace")
    container = runtime.start(make_bundle())
    trace = ["strace", "-f", "-qq", "-y", "-o", f"{work}/trace", "-e", "trace=prctl,setns,clone3"]

    container.exec("true", caller=Caller(prefix=trace)).succeed()

    whole = [
        line for line in read(f"{work}/trace").splitlines() if "PR_GET_DUMPABLE" not in line and "resumed" not in line
    ]
    lines = [line.split(None, 1) for line in whole]
    main = next(pid for pid, call in lines if call.startswith("clone3"))
    calls = [call for pid, call in lines if pid == main]
    born = next(number for number, call in enumerate(calls) if call.startswith("clone3"))
    assert calls[born - 2].startswith("prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE)")
    assert calls[born - 1].endswith("CLONE_NEWPID) = 0")
    # What main would clone next is its neighbour again, and main itself as before.
    assert f"<{os.readlink('/proc/self/ns/pid')}>" in calls[born + 1]
    assert calls[born + 2].startswith("prctl(PR_SET_DUMPABLE, SUID_DUMP_USER)")


@pytest.mark.userns
@pytest.mark.parametrize(("prefix", "found"), [((), "True"), (("unshare", "-Ur"), "False")], ids=["host", "user"])
def test_pid_namespace_that_main_could_not_come_back_to_is_not_left(prefix: tuple[str, ...], found: str) -> None:
    program = (
        "from libcontainer import namespaces; from libcontainer.syscall.linux import LinuxSyscall; "
        "print(namespaces.open_home(LinuxSyscall()) >= 0)"
    )

    done = subprocess.run([*prefix, sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == found


def test_process_that_waits_for_a_paused_container_can_be_given_up(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.start(make_bundle())
    runtime("pause", container.id).succeed()
    waiting = runtime.background("exec", "--ignore-paused", container.id, "sleep", "1000")
    eventually(lambda: _count(runtime, container.id) == 2, "the process in the cgroup")

    waiting.process.send_signal(signal.SIGINT)
    runtime("resume", container.id).succeed()

    assert waiting.wait() == 130
    eventually(lambda: _count(runtime, container.id) == 1, "the end of the process")


def _count(runtime: Runtime, container_id: str) -> int:
    return len(json.loads(runtime("ps", "--format", "json", container_id).stdout))
