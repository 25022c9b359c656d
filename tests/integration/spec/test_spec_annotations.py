"""Annotations named run.oci.* that change what the runtime does; those of hooks and seccomp are tried beside these."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import Caller

if TYPE_CHECKING:
    from tests.conftest import Inside, MakeBundle
    from tests.support.descriptor_socket import DescriptorSocket
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root


def annotated(name: str, value: str) -> mutations.Mutation:
    return mutations.top(annotations={f"run.oci.{name}": value})


def test_receiver_gets_a_pidfd_of_init(
    runtime: Runtime, make_bundle: MakeBundle, descriptor_socket: DescriptorSocket
) -> None:
    container = runtime.create(make_bundle(mutate=annotated("pidfd_receiver", descriptor_socket.path)))

    _, pidfd = descriptor_socket.receive()

    with open(f"/proc/self/fdinfo/{pidfd}", encoding="ascii") as info:
        pid = next(line.split()[1] for line in info if line.startswith("Pid:"))
    assert pid == str(container.pid)


def test_receiver_that_does_not_listen_is_an_error(runtime: Runtime, make_bundle: MakeBundle) -> None:
    runtime.try_create(make_bundle(mutate=annotated("pidfd_receiver", "/nobody/listens"))).exit_with(1)

    assert runtime.ids() == []


class TestGroups:
    @pytest.fixture
    def caller(self) -> Caller:
        """Root with groups of its own."""
        return Caller(prefix=["setpriv", "--groups", "0,77,88"])

    @pytest.mark.parametrize(("value", "expected"), [("1", ["0", "77", "88"]), ("0", ["0"]), ("", ["0"])])
    def test_are_kept_when_asked(
        self, runtime: Runtime, make_bundle: MakeBundle, caller: Caller, value: str, expected: list[str]
    ) -> None:
        bundle = make_bundle("id", "-G", mutate=annotated("keep_original_groups", value))

        assert sorted(runtime.run(bundle, caller=caller).succeed().stdout.split()) == expected

    def test_are_kept_by_exec(self, runtime: Runtime, make_bundle: MakeBundle, caller: Caller) -> None:
        container = runtime.start(make_bundle(mutate=annotated("keep_original_groups", "1")))

        found = container.exec("id", "-G", caller=caller).succeed().stdout

        assert sorted(found.split()) == ["0", "77", "88"]


@pytest.mark.seccomp
@pytest.mark.parametrize(("value", "status"), [("1", 1), ("0", 0)])
def test_unknown_system_call_is_an_error_when_asked(
    runtime: Runtime, make_bundle: MakeBundle, value: str, status: int
) -> None:
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["no_such_call"], "action": "SCMP_ACT_ERRNO"}],
    }
    mutate = mutations.every(annotated("seccomp_fail_unknown_syscall", value), mutations.linux(seccomp=profile))

    result = runtime.run(make_bundle("true", mutate=mutate)).exit_with(status)

    assert ("no_such_call" in result.message) == bool(status)


def test_others_are_kept_and_change_nothing(inside: Inside) -> None:
    assert inside("echo ok", mutations.top(annotations={"org.example.a": "1", "run.oci.unknown": "1"})) == "ok\n"
