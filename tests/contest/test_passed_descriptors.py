"""Descriptors the container gets: three, and those that are passed on by name or number."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import Caller

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

_LIST = ("sh", "-c", "cd /proc/self/fd; echo *")


def test_nothing_but_the_three_streams(runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
    caller = _with_files(work, 3, 4, 40)

    found = runtime.run(make_bundle(*_LIST), caller=caller).succeed().stdout.split()

    assert set(found) <= {"0", "1", "2", "3"}  # 3 is what the shell lists with


def test_preserved_descriptors_arrive_with_their_numbers(runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
    bundle = make_bundle("sh", "-c", "cat <&3; cat <&4")

    result = runtime.run(bundle, "--preserve-fds", "2", caller=_with_files(work, 3, 4)).succeed()

    assert result.stdout == "file 3\nfile 4\n"


def test_preserved_descriptors_of_exec(runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
    container = runtime.start(make_bundle())

    result = container.exec("sh", "-c", "cat <&3", options=["--preserve-fds", "1"], caller=_with_files(work, 3))

    assert result.succeed().stdout == "file 3\n"


def test_descriptor_after_the_preserved_ones_is_closed(runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
    bundle = make_bundle("sh", "-c", "cat <&4")

    runtime.run(bundle, "--preserve-fds", "1", caller=_with_files(work, 3, 4)).fail()


def test_preserved_descriptor_that_is_not_open_is_refused(runtime: Runtime, make_bundle: MakeBundle) -> None:
    runtime.try_create(make_bundle(), "--preserve-fds", "5").exit_with(1)

    assert runtime.ids() == []


class TestSocketActivation:
    def test_descriptors_are_passed_and_the_pid_is_one(
        self, runtime: Runtime, make_bundle: MakeBundle, work: str
    ) -> None:
        bundle = make_bundle("sh", "-c", "cat <&3; echo $LISTEN_FDS $LISTEN_PID")

        result = runtime.run(bundle, caller=_with_files(work, 3, variables="LISTEN_FDS=1 LISTEN_PID=$$"))

        assert result.succeed().stdout == "file 3\n1 1\n"

    def test_come_before_the_preserved_ones(self, runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
        bundle = make_bundle("sh", "-c", "cat <&3; cat <&4")
        caller = _with_files(work, 3, 4, variables="LISTEN_FDS=1 LISTEN_PID=$$")

        assert runtime.run(bundle, "--preserve-fds", "1", caller=caller).succeed().stdout == "file 3\nfile 4\n"

    def test_for_another_process_is_ignored(self, runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
        bundle = make_bundle("sh", "-c", "echo ${LISTEN_FDS-none}; ! cat <&3")

        result = runtime.run(bundle, caller=_with_files(work, 3, variables="LISTEN_FDS=1 LISTEN_PID=1"))

        assert result.succeed().stdout == "none\n"


def _with_files(work: str, *numbers: int, variables: str = "") -> Caller:
    """Return a caller that has files open at those descriptors."""
    for number in numbers:
        with open(os.path.join(work, f"file{number}"), "w", encoding="ascii") as file:
            file.write(f"file {number}\n")
    opened = " ".join(f"{number}<{work}/file{number}" for number in numbers)
    return Caller(prefix=["bash", "-c", f'{variables} exec "$@" {opened}', "-"])
