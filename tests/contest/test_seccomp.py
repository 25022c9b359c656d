"""Seccomp: Docker's default profile and single rules, tried by calling the kernel. Numbers are x86_64's."""

from __future__ import annotations

import json
import os
import platform
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support import host, mutations

if TYPE_CHECKING:
    from tests.conftest import Inside, MakeBundle
    from tests.support.bundle import Json
    from tests.support.runtime import Runtime

pytestmark = [
    pytest.mark.root,
    pytest.mark.seccomp,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="system call numbers are x86_64's"),
]

_GETPPID, _GETPGRP, _KEYCTL, _SWAPON, _PERSONALITY, _UNSHARE, _FUTURE = 110, 111, 250, 167, 135, 272, 600


@pytest.fixture(autouse=True)
def _probe_is_there() -> None:
    host.require("gcc")


@pytest.fixture(scope="module")
def docker() -> mutations.Mutation:
    """Docker's default profile, as Docker 28.5 wrote it for a container without extra capabilities."""
    path = os.path.join(os.path.dirname(__file__), "data", "seccomp-docker.json")
    with open(path, encoding="utf-8") as file:
        return mutations.linux(seccomp=json.load(file))


def _allow_but(*syscalls: Json, **properties: object) -> mutations.Mutation:
    profile: Json = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": list(syscalls),
        **properties,
    }
    return mutations.linux(seccomp=profile)


def _errno(code: int | None, *names: str, **properties: object) -> Json:
    rule: Json = {"names": list(names), "action": "SCMP_ACT_ERRNO", **properties}
    if code is not None:
        rule["errnoRet"] = code
    return rule


class TestDocker:
    def test_filter_is_on(self, inside: Inside, docker: mutations.Mutation) -> None:
        assert inside("grep ^Seccomp: /proc/self/status", docker).split()[1] == "2"

    @pytest.mark.parametrize("number", [_KEYCTL, _SWAPON, _UNSHARE])
    def test_call_is_blocked(self, inside: Inside, docker: mutations.Mutation, number: int) -> None:
        assert inside(f"probe syscall {number} || true", docker) == f"{number}: 1 EPERM\n"

    def test_call_is_allowed(self, inside: Inside, docker: mutations.Mutation) -> None:
        assert inside(f"probe syscall {_GETPPID}", docker) == f"{_GETPPID}: ok\n"

    @pytest.mark.parametrize(
        ("value", "expected"),
        [("0xffffffff", "ok"), ("0", "ok"), ("0x40000", "1 EPERM")],
        ids=["query", "linux", "other"],
    )
    def test_argument_decides(self, inside: Inside, docker: mutations.Mutation, value: str, expected: str) -> None:
        found = inside(f"probe syscall {_PERSONALITY} {value} || true", docker)

        assert found == f"{_PERSONALITY}: {expected}\n"

    def test_call_newer_than_the_profile_does_not_exist(self, inside: Inside, docker: mutations.Mutation) -> None:
        assert inside(f"probe syscall {_FUTURE} || true", docker) == f"{_FUTURE}: 38 ENOSYS\n"

    def test_exec_has_the_filter(self, runtime: Runtime, make_bundle: MakeBundle, docker: mutations.Mutation) -> None:
        container = runtime.start(make_bundle(mutate=docker))

        result = container.exec("probe", "syscall", str(_KEYCTL))

        assert result.stdout == f"{_KEYCTL}: 1 EPERM\n"

    @pytest.mark.parametrize("asked", [True, False])
    def test_ordinary_user(self, inside: Inside, docker: mutations.Mutation, asked: bool) -> None:
        user = mutations.process(user={"uid": 1000, "gid": 1000}, noNewPrivileges=asked)
        mutate = mutations.every(docker, user, mutations.capabilities())

        assert inside("grep ^Seccomp: /proc/self/status", mutate).split()[1] == "2"

    def test_second_container_with_the_same_profile(
        self, runtime: Runtime, make_bundle: MakeBundle, docker: mutations.Mutation
    ) -> None:
        results = [runtime.run(make_bundle("probe", "syscall", str(_KEYCTL), mutate=docker)).stdout for _ in range(2)]

        assert results == [f"{_KEYCTL}: 1 EPERM\n"] * 2


class TestRule:
    def test_default_error_is_eperm(self, inside: Inside) -> None:
        assert inside(f"probe syscall {_GETPPID} || true", _allow_but(_errno(None, "getppid"))).endswith("1 EPERM\n")

    def test_error_of_the_rule(self, inside: Inside) -> None:
        assert inside(f"probe syscall {_GETPPID} || true", _allow_but(_errno(13, "getppid"))).endswith("13 EACCES\n")

    def test_default_error_of_the_profile(
        self, runtime: Runtime, make_bundle: MakeBundle, docker: mutations.Mutation
    ) -> None:
        def mutate(config: Json) -> None:
            docker(config)
            config["linux"]["seccomp"]["defaultErrnoRet"] = 13

        result = runtime.run(make_bundle("probe", "syscall", str(_KEYCTL), mutate=mutate))

        assert result.stdout == f"{_KEYCTL}: 13 EACCES\n"

    @pytest.mark.parametrize("action", ["SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD"])
    def test_kill(self, runtime: Runtime, make_bundle: MakeBundle, action: str) -> None:
        bundle = make_bundle(
            "probe", "syscall", str(_GETPPID), mutate=_allow_but({"names": ["getppid"], "action": action})
        )

        runtime.run(bundle).exit_with(128 + signal.SIGSYS)

    def test_trap(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        mutate = _allow_but({"names": ["getppid"], "action": "SCMP_ACT_TRAP"})

        runtime.run(make_bundle("probe", "syscall", str(_GETPPID), mutate=mutate)).exit_with(128 + signal.SIGSYS)

    def test_log_lets_through(self, inside: Inside) -> None:
        mutate = _allow_but({"names": ["getppid"], "action": "SCMP_ACT_LOG"})

        assert inside(f"probe syscall {_GETPPID}", mutate) == f"{_GETPPID}: ok\n"

    @pytest.mark.parametrize(
        ("op", "value", "blocked"),
        [
            ("SCMP_CMP_EQ", 5, "5"),
            ("SCMP_CMP_NE", 5, "6"),
            ("SCMP_CMP_LT", 5, "4"),
            ("SCMP_CMP_LE", 5, "5"),
            ("SCMP_CMP_GT", 5, "6"),
            ("SCMP_CMP_GE", 5, "5"),
        ],
    )
    def test_comparison(self, inside: Inside, op: str, value: int, blocked: str) -> None:
        rule = _errno(13, "getpgrp", args=[{"index": 0, "value": value, "op": op}])

        found = inside(f"probe syscall {_GETPGRP} {blocked} || true", _allow_but(rule))

        assert found.endswith("13 EACCES\n")

    def test_masked_comparison(self, inside: Inside) -> None:
        condition = {"index": 0, "value": 0xF0, "valueTwo": 0x30, "op": "SCMP_CMP_MASKED_EQ"}
        rule = _errno(13, "getpgrp", args=[condition])

        found = inside(f"for v in 0x3f 0x4f; do probe syscall {_GETPGRP} $v; done || true", _allow_but(rule))

        assert found == f"{_GETPGRP}: 13 EACCES\n{_GETPGRP}: ok\n"

    def test_two_conditions_on_different_arguments_are_and(self, inside: Inside) -> None:
        conditions = [{"index": index, "value": 1, "op": "SCMP_CMP_EQ"} for index in (0, 1)]
        rule = _errno(13, "getpgrp", args=conditions)

        found = inside(f"probe syscall {_GETPGRP} 1 1; probe syscall {_GETPGRP} 1 2", _allow_but(rule))

        assert found == f"{_GETPGRP}: 13 EACCES\n{_GETPGRP}: ok\n"

    def test_two_conditions_on_one_argument_are_or(self, inside: Inside) -> None:
        conditions = [{"index": 0, "value": value, "op": "SCMP_CMP_EQ"} for value in (1, 2)]
        rule = _errno(13, "getpgrp", args=conditions)

        found = inside(f"for v in 1 2 3; do probe syscall {_GETPGRP} $v; done", _allow_but(rule))

        assert [line.split()[1] for line in found.splitlines()] == ["13", "13", "ok"]

    def test_unknown_name_is_skipped(self, inside: Inside) -> None:
        assert inside("echo ok", _allow_but(_errno(1, "no_such_call", "getppid"))) == "ok\n"

    def test_rule_with_the_default_action_is_skipped(self, inside: Inside) -> None:
        assert inside("echo ok", _allow_but({"names": ["getppid"], "action": "SCMP_ACT_ALLOW"})) == "ok\n"

    def test_empty_profile(self, inside: Inside) -> None:
        assert inside("echo ok", mutations.linux(seccomp={"defaultAction": "SCMP_ACT_ALLOW"})) == "ok\n"


class TestFailure:
    def test_unknown_action(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        mutate = _allow_but({"names": ["getppid"], "action": "SCMP_ACT_BOGUS"})

        runtime.try_create(make_bundle(mutate=mutate)).exit_with(1)

    def test_unknown_operator(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        rule = _errno(1, "getpgrp", args=[{"index": 0, "value": 1, "op": "SCMP_CMP_BOGUS"}])

        runtime.try_create(make_bundle(mutate=_allow_but(rule))).exit_with(1)

    def test_unknown_architecture(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        runtime.try_create(make_bundle(mutate=_allow_but(architectures=["SCMP_ARCH_BOGUS"]))).exit_with(1)

    def test_error_number_for_another_action(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        mutate = _allow_but({"names": ["getppid"], "action": "SCMP_ACT_KILL", "errnoRet": 1})

        runtime.try_create(make_bundle(mutate=mutate)).exit_with(1)
