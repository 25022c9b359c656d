"""``import libcontainer``: the public names, and that they cost nothing until they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import libcontainer
from libcontainer.container import state
from libcontainer.executed import process_of, signal_number
from libcontainer.handle import ContainerStatus
from libcontainer.oci.spec import Process, Root, Spec, User

SPEC = Spec(
    oci_version="1.0.2",
    root=Root("rootfs"),
    process=Process(cwd="/", env=("A=1",), user=User(uid=1, gid=2), terminal=True, no_new_privileges=True),
)


@pytest.mark.parametrize("name", libcontainer.__all__)
def test_a_public_name_can_be_imported(name: str) -> None:
    assert getattr(libcontainer, name).__doc__
    assert name in dir(libcontainer)


def test_a_name_that_is_not_public_says_so() -> None:
    with pytest.raises(AttributeError, match=r"^module 'libcontainer' has no attribute 'Pod'$"):
        libcontainer.Pod  # noqa: B018


def test_importing_the_package_imports_nothing() -> None:
    program = "import sys, libcontainer; sys.stdout.write(' '.join(n for n in sys.modules if 'libcontainer' in n))"
    ran = subprocess.run([sys.executable, "-ISc", f"import sys; sys.path = {sys.path!r}; {program}"],
                         capture_output=True, text=True, check=True)  # fmt: skip

    assert ran.stdout == "libcontainer"


def test_the_statuses_are_those_of_the_state() -> None:
    words = {state.CREATING, state.CREATED, state.RUNNING, state.PAUSED, state.STOPPED}

    assert {str(each) for each in ContainerStatus} == words


@pytest.mark.parametrize(
    ("status", "allowed"),
    [
        ("creating", []),
        ("created", ["start", "kill", "delete", "exec", "pause"]),
        ("running", ["kill", "exec", "pause"]),
        ("paused", ["kill", "resume"]),
        ("stopped", ["delete"]),
    ],
)
def test_a_status_tells_what_can_be_done(status: str, allowed: list[str]) -> None:
    acts = ("start", "kill", "delete", "exec", "pause", "resume")

    assert [act for act in acts if getattr(ContainerStatus(status), f"can_{act}")()] == allowed


def test_a_process_takes_after_the_containers_own() -> None:
    process = process_of(SPEC, ("id",), {"env": {"B": "2"}, "user": 7})

    assert process.args == ("id",)
    assert process.env == ("A=1", "B=2")
    assert process.user == User(uid=7, gid=2)
    assert (process.terminal, process.no_new_privileges, process.cwd) == (False, True, "/")


def test_a_process_may_differ_in_everything() -> None:
    process = process_of(
        SPEC, ("id",), {"tty": True, "cwd": "/tmp", "user": (7, 8), "additional_gids": [9], "no_new_privileges": False}
    )

    assert process.user == User(uid=7, gid=8, additional_gids=(9,))
    assert (process.terminal, process.no_new_privileges, process.cwd) == (True, False, "/tmp")


@pytest.mark.parametrize(("signal", "number"), [("KILL", 9), ("SIGTERM", 15), (2, 2), ("10", 10)])
def test_a_signal_is_a_number_or_a_name(signal: int | str, number: int) -> None:
    assert signal_number(signal) == number


@pytest.mark.parametrize("signal", ["NONE", -1, 1000])
def test_anything_else_is_no_signal(signal: int | str) -> None:
    with pytest.raises(ValueError, match="unknown signal"):
        signal_number(signal)
