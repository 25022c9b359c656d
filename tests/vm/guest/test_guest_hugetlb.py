"""Huge pages on pure cgroup v2, by either driver: that a limit arrives, binds, changes and is reported; as root."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from libcgroups.v2.manager import Manager
from libcontainer.container import events
from tests.support import mutations
from tests.support.runtime import eventually
from tests.vm.guest import programs
from tests.vm.guest.containers import MIB, only_cgroupfs, with_python

if TYPE_CHECKING:
    from tests.support.bundle import Json
    from tests.vm.guest.conftest import Start, StartBeside
    from tests.vm.guest.containers import GuestContainer, GuestRuntime


pytestmark = [pytest.mark.root, pytest.mark.usefixtures("huge_pages")]

LIMIT = mutations.every(
    mutations.resources(hugepageLimits=[{"pageSize": "2MB", "limit": 4 * MIB}]),
    with_python,
)
WRITTEN = {"hugetlb.2MB.max": str(4 * MIB), "hugetlb.2MB.rsvd.max": str(4 * MIB)}


def statistics(container: GuestContainer) -> Json:
    """Return what events --stats says of huge pages."""
    event = json.loads(container.command("events", "--stats").succeed().stdout)
    found: Json = event["data"]["hugetlb"]
    return found


def test_who_maps_too_many_is_refused_and_it_is_counted(start: Start) -> None:
    container = start(*programs.command(programs.HUGE_PAGES, "3"), mutate=LIMIT)

    eventually(lambda: container.output().count("\n") == 3, "three attempts", 30)

    assert container.output() == "mapped\nmapped\nCannot allocate memory\n"
    assert container.values(list(WRITTEN)) == WRITTEN
    assert container.read("hugetlb.2MB.current") == container.read("hugetlb.2MB.rsvd.current") == str(4 * MIB)
    assert statistics(container) == {"2MB": {"usage": 4 * MIB, "failcnt": 1}}


@only_cgroupfs
def test_files_in_huge_pages_are_limited(start: Start) -> None:
    mount = mutations.mount("/huge", "hugetlbfs", "pagesize=2M", fstype="hugetlbfs")
    container = start(mutate=mutations.every(LIMIT, mount))
    program = "import os; os.posix_fallocate(os.open('/huge/file', os.O_CREAT | os.O_RDWR), 0, {} << 20)"

    container.exec(*programs.command(program.format(4))).succeed()
    used = container.read("hugetlb.2MB.current")
    refused = container.exec(*programs.command(program.format(6))).fail()

    assert used == str(4 * MIB)
    assert "No space left on device" in refused.stderr


def test_the_limit_changes(runtime: GuestRuntime, start: Start) -> None:
    container = start(mutate=LIMIT)

    runtime.update(container.id, hugepageLimits=[{"pageSize": "2MB", "limit": 6 * MIB}]).succeed()

    assert container.values(list(WRITTEN)) == dict.fromkeys(WRITTEN, str(6 * MIB))


@only_cgroupfs
@pytest.mark.parametrize("other", ["runc", "crun"])
def test_other_runtimes_end_in_the_same_limit(start: Start, start_beside: StartBeside, other: str) -> None:
    ours, theirs = start(mutate=LIMIT), start_beside(other, mutate=LIMIT)

    # These old versions do not limit reservations, so that the third page above would kill its program.
    assert ours.read("hugetlb.2MB.max") == theirs.read("hugetlb.2MB.max")


def test_statistics_are_those_of_runc(start_beside: StartBeside) -> None:
    container = start_beside("runc", *programs.command(programs.HUGE_PAGES, "2"), mutate=LIMIT)
    eventually(lambda: container.output() == "mapped\nmapped\n", "two pages", 30)

    stats = Manager.at("/sys/fs/cgroup", container.directory.removeprefix("/sys/fs/cgroup")).stats()

    assert events.describe(stats)["hugetlb"] == statistics(container) == {"2MB": {"usage": 4 * MIB, "failcnt": 0}}
