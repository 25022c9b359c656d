"""``linux.seccomp``: the sample agent, flags, architectures, and whose words are passed to whom. See contest, too."""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import host, mutations
from tests.support.runtime import REPOSITORY, Caller, eventually, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Inside, MakeBundle
    from tests.support.bundle import Json
    from tests.support.runtime import Runtime

pytestmark = [pytest.mark.root, pytest.mark.seccomp]

_GETPPID, _MKDIR = 110, 83
_x86_64_only = pytest.mark.skipif(platform.machine() != "x86_64", reason="system call numbers are x86_64's")


def profile(*rules: Json, **properties: object) -> mutations.Mutation:
    return mutations.linux(seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": list(rules), **properties})


def asks(*names: str) -> Json:
    return {"names": list(names), "action": "SCMP_ACT_NOTIFY"}


class Agent:
    """The sample of the libseccomp package, running."""

    def __init__(self, work: str) -> None:
        self.path = os.path.join(work, "agent.sock")
        self._log = os.path.join(work, "agent.log")
        source = os.path.join(REPOSITORY, "packages", "libseccomp", "examples", "agent.py")
        with open(self._log, "wb") as output:
            self._process = subprocess.Popen([sys.executable, source, self.path], stdout=output, stderr=output)
        eventually(lambda: "listening" in self.output(), "the agent", 20)

    def output(self) -> str:
        return read(self._log)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def agent(work: str) -> Iterator[Agent]:
    started = Agent(work)
    yield started
    started.close()


class TestAgent:
    @pytest.mark.parametrize("no_new_privileges", [True, False], ids=["no-new-privileges", "privileged"])
    def test_decides_about_calls(self, inside: Inside, agent: Agent, no_new_privileges: bool) -> None:
        mutate = mutations.every(
            mutations.writable_root,
            mutations.process(noNewPrivileges=no_new_privileges),
            profile(asks("mkdir", "mkdirat"), listenerPath=agent.path),
        )

        found = inside("mkdir /forbidden 2>&1; mkdir /allowed && ls -d /allowed; ls -d /forbidden 2>&1; true", mutate)

        assert found.splitlines() == [
            "mkdir: can't create directory '/forbidden': Permission denied",
            "/allowed",
            "ls: /forbidden: No such file or directory",
        ]
        assert "c1: mkdir /allowed" in agent.output()

    def test_hands_a_descriptor_to_the_caller(self, inside: Inside, agent: Agent) -> None:
        mutate = profile(asks("openat"), listenerPath=agent.path, listenerMetadata="Be kind.")

        assert inside("cat /etc/motd", mutate) == "Welcome to c1. Be kind.\n"

    def test_is_asked_by_exec_too(self, runtime: Runtime, make_bundle: MakeBundle, agent: Agent) -> None:
        container = runtime.start(
            make_bundle(mutate=profile(asks("openat"), listenerPath=agent.path, listenerMetadata="Again."))
        )

        assert container.exec("cat", "/etc/motd").succeed().stdout == "Welcome to c1. Again.\n"

    def test_may_be_named_by_an_annotation(self, inside: Inside, agent: Agent) -> None:
        mutate = mutations.every(
            profile(asks("openat")), mutations.top(annotations={"run.oci.seccomp.receiver": agent.path})
        )

        assert inside("cat /etc/motd", mutate) == "Welcome to c1. \n"

    def test_may_be_named_by_the_environment(self, runtime: Runtime, make_bundle: MakeBundle, agent: Agent) -> None:
        caller = Caller(env={"RUN_OCI_SECCOMP_RECEIVER": agent.path})

        result = runtime.run(make_bundle("cat", "/etc/motd", mutate=profile(asks("openat"))), caller=caller)

        assert result.succeed().stdout == "Welcome to c1. \n"

    def test_of_an_ordinary_user_in_a_user_namespace(self, inside: Inside, agent: Agent) -> None:
        host.require("userns")
        mutate = mutations.every(
            mutations.user_namespace(),
            mutations.process(user={"uid": 1000, "gid": 1000}),
            profile(asks("openat"), listenerPath=agent.path),
        )

        assert inside("cat /etc/motd", mutate) == "Welcome to c1. \n"


def test_agent_gets_the_container_process_state(runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
    path = os.path.join(work, "agent.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(path)
        server.listen()
        container = runtime.create(
            make_bundle(mutate=mutations.every(
                profile(asks("getppid"), listenerPath=path, listenerMetadata="words"),
                mutations.top(annotations={"org.example.a": "b"}),
            ))
        )  # fmt: skip
        connection, _ = server.accept()
    with connection:
        data, fds, _, _ = socket.recv_fds(connection, 65536, 4)
        rest = connection.recv(1)

    for fd in fds:
        os.close(fd)
    assert (len(fds), rest) == (1, b"")
    assert json.loads(data) == {
        "ociVersion": container.bundle.config["ociVersion"],
        "fds": ["seccompFd"],
        "pid": container.pid,
        "metadata": "words",
        "state": {
            "ociVersion": container.bundle.config["ociVersion"],
            "id": container.id,
            "status": "creating",
            "pid": container.pid,
            "bundle": container.bundle.directory,
            "annotations": {"org.example.a": "b"},
        },
    }


def test_path_without_a_rule_that_asks_is_ignored(inside: Inside) -> None:
    assert inside("echo ok", profile(listenerPath="/nobody/listens")) == "ok\n"


def test_agent_that_does_not_listen_is_an_error(runtime: Runtime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle(mutate=profile(asks("getppid"), listenerPath="/nobody/listens"))

    record = runtime.try_create(bundle).exit_with(1).records[-1]

    assert record["property"] == "linux.seccomp.listenerPath"
    assert runtime.ids() == []


@pytest.mark.parametrize(
    ("rules", "properties", "name"),
    [
        ([asks("getppid")], {}, "linux.seccomp.syscalls[0].action"),
        ([], {"listenerMetadata": "words"}, "linux.seccomp.listenerMetadata"),
        ([], {"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/x"}, "linux.seccomp.defaultAction"),
        ([asks("write")], {"listenerPath": "/x"}, "linux.seccomp.syscalls[0].action"),
        ([], {"defaultErrnoRet": 1}, "linux.seccomp.defaultErrnoRet"),
        (
            [{"names": ["getppid"], "action": "SCMP_ACT_KILL", "errnoRet": 1}],
            {},
            "linux.seccomp.syscalls[0].errnoRet",
        ),
        ([{"names": [], "action": "SCMP_ACT_ERRNO"}], {}, "linux.seccomp.syscalls[0].names"),
        ([], {"flags": ["SECCOMP_FILTER_FLAG_NONSENSE"]}, "linux.seccomp.flags[0]"),
    ],
    ids=["no-path", "metadata-alone", "default", "write", "default-errno", "errno", "no-names", "flag"],
)
def test_what_the_specification_forbids(
    runtime: Runtime, make_bundle: MakeBundle, rules: list[Json], properties: dict[str, object], name: str
) -> None:
    bundle = make_bundle(mutate=profile(*rules, **properties))

    assert runtime.try_create(bundle).exit_with(1).records[-1]["property"] == name
    assert runtime.ids() == []


@_x86_64_only
class TestFilter:
    @pytest.mark.parametrize("flags", [None, []], ids=["absent", "none"])
    def test_flags(self, inside: Inside, flags: list[str] | None) -> None:
        host.require("gcc")
        properties = {} if flags is None else {"flags": flags}
        rule = {"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5}

        found = inside(
            f"probe syscall {_GETPPID}; grep ^Speculation_Store /proc/self/status", profile(rule, **properties)
        )

        assert found.splitlines()[0] == f"{_GETPPID}: 5 EIO"

    def test_waiting_call_can_be_made_killable_only(self, inside: Inside, agent: Agent) -> None:
        mutate = profile(asks("openat"), listenerPath=agent.path, flags=["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"])

        assert inside("cat /etc/motd", mutate) == "Welcome to c1. \n"

    def test_default_error_number(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        host.require("gcc")
        mutate = profile(
            {"names": _NEEDED, "action": "SCMP_ACT_ALLOW"}, defaultAction="SCMP_ACT_ERRNO", defaultErrnoRet=7
        )

        output = runtime.run(make_bundle("probe", "syscall", str(_GETPPID), mutate=mutate)).stdout

        assert output == f"{_GETPPID}: 7 E2BIG\n"

    def test_traced_call_does_not_exist_without_a_tracer(self, inside: Inside) -> None:
        host.require("gcc")
        rule = {"names": ["getppid"], "action": "SCMP_ACT_TRACE", "errnoRet": 9}

        assert inside(f"probe syscall {_GETPPID}; true", profile(rule)) == f"{_GETPPID}: 38 ENOSYS\n"


_NEEDED = (
    "execve exit exit_group read write writev brk arch_prctl set_tid_address set_robust_list rseq prlimit64 readlink "
    "readlinkat getrandom mprotect fstat newfstatat close mmap munmap ioctl rt_sigaction rt_sigprocmask uname seccomp "
    "prctl fcntl"
).split()
