"""Controllers that are on v1 beside a cgroup v2 with all the others, as on machines that mix them; as root.

Those that systemd uses cannot be had: they stay where they are until a reboot.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import eventually, read
from tests.vm.guest import programs
from tests.vm.guest.containers import (
    MIB,
    RDMA_DEVICE,
    GuestRuntime,
    only_cgroupfs,
    values,
    with_device,
    with_python,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.bundle import Json
    from tests.vm.guest.conftest import Start
    from tests.vm.guest.containers import GuestContainer


pytestmark = [pytest.mark.root, only_cgroupfs]

RDMA = mutations.resources(rdma={RDMA_DEVICE: {"hcaHandles": 2, "hcaObjects": 3}})
USED = dict.fromkeys(("rdma.max", "rdma.current"), f"{RDMA_DEVICE} hca_handle=2 hca_object=3")
PACKETS = mutations.resources(network={"classID": 0x100001, "priorities": [{"name": "lo", "priority": 5}]})
HIERARCHIES = ("devices", "freezer", "hugetlb", "net_cls,net_prio", "rdma")


@pytest.fixture(scope="module")
def v1(runtime: GuestRuntime) -> Iterator[str]:
    """Let the runtime run in a mount namespace whose /sys/fs/cgroup has v1 hierarchies; that directory."""
    release("hugetlb", "rdma")
    script = "mount -t tmpfs none /sys/fs/cgroup && cd /sys/fs/cgroup && mkdir unified && mount -t cgroup2 none unified"
    for name in HIERARCHIES:
        # EBUSY while the cgroups that had a controller on v2 are being taken apart.
        mount = f"mount -t cgroup -o {name} none {name}"
        script += f" && mkdir {name} && for number in $(seq 50); do {mount} && break; sleep 0.1; done"
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", f"{script}; echo; exec sleep 1000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"\n"
        program, runtime.path = runtime.path, f"{runtime.work}/{runtime.name}-v1"
        write(runtime.path, f'#!/bin/sh\nexec nsenter --mount=/proc/{holder.pid}/ns/mnt -- {program} "$@"\n')
        os.chmod(runtime.path, 0o755)
        yield f"/proc/{holder.pid}/root/sys/fs/cgroup"
        runtime.path = program
        holder.kill()
    eventually(are_on_v2, "controllers back on v2", 30)


def are_on_v2() -> bool:
    """Tell whether the controllers have come back, and help them if not.

    A hierarchy that had cgroups until a moment ago outlives its last mount; it goes with the next one. Not every
    runtime removes the parents of its cgroups.
    """
    if {"hugetlb", "rdma"} <= set(read("/sys/fs/cgroup/cgroup.controllers").split()):
        return True
    for name in HIERARCHIES:
        script = f"mount -t cgroup -o {name} none /mnt && rmdir /mnt/pyouki-test/* /mnt/pyouki-test"
        subprocess.run(["unshare", "--mount", "sh", "-c", script], check=False, stderr=subprocess.DEVNULL)
    time.sleep(1)  # for the hierarchies to go
    return False


def release(*controllers: str) -> None:
    """Switch controllers off that earlier tests have switched on in cgroup v2."""
    for directory, _, _ in os.walk("/sys/fs/cgroup", topdown=False):
        enabled = read(f"{directory}/cgroup.subtree_control").split()
        if words := [f"-{name}" for name in controllers if name in enabled]:
            write(f"{directory}/cgroup.subtree_control", " ".join(words))


def statistics(container: GuestContainer) -> Json:
    """Return what events --stats says."""
    found: Json = json.loads(container.command("events", "--stats").succeed().stdout)["data"]
    return found


@pytest.mark.usefixtures("huge_pages")
def test_huge_pages_are_limited_and_counted(v1: str, start: Start) -> None:
    limit = mutations.resources(hugepageLimits=[{"pageSize": "2MB", "limit": 4 * MIB}])
    container = start(*programs.command(programs.HUGE_PAGES, "3"), mutate=mutations.every(limit, with_python))

    eventually(lambda: container.output().count("\n") == 3, "three attempts", 30)

    written = {"hugetlb.2MB.limit_in_bytes": str(4 * MIB), "hugetlb.2MB.rsvd.limit_in_bytes": str(4 * MIB)}
    assert container.output() == "mapped\nmapped\nCannot allocate memory\n"
    assert values(f"{v1}/hugetlb{path(container)}", written) == written
    assert statistics(container)["hugetlb"] == {"2MB": {"usage": 4 * MIB, "max": 4 * MIB, "failcnt": 1}}


def test_rdma_devices_are_limited(v1: str, start: Start, rdma_device: str) -> None:
    mutate = mutations.every(RDMA, with_python, with_device(rdma_device))
    container = start(*programs.command(programs.RDMA, rdma_device), mutate=mutate)

    eventually(lambda: container.output().count("\n") == 7, "seven attempts", 30)

    assert container.output() == programs.RDMA_OUTPUT
    assert values(f"{v1}/rdma{path(container)}", USED) == USED


def test_packets_have_their_class_and_priority(v1: str, start: Start) -> None:
    container = start(mutate=PACKETS)

    found = values(f"{v1}/net_cls,net_prio{path(container)}", ["net_cls.classid", "net_prio.ifpriomap"])
    assert found["net_cls.classid"] == str(0x100001)
    assert "lo 5" in found["net_prio.ifpriomap"].splitlines()


@pytest.mark.usefixtures("rdma_device")
def test_limits_change_and_a_refused_change_leaves_them(v1: str, runtime: GuestRuntime, start: Start) -> None:
    container = start(mutate=mutations.every(RDMA, PACKETS))
    rdma, priorities = (
        f"{v1}/rdma{path(container)}/rdma.max",
        f"{v1}/net_cls,net_prio{path(container)}/net_prio.ifpriomap",
    )
    before = read(rdma), read(priorities)

    runtime.update(container.id, rdma={RDMA_DEVICE: {"hcaHandles": 7}, "mlx5_1": {"hcaHandles": 1}}).fail()
    missing = [{"name": "lo", "priority": 6}, {"name": "absent", "priority": 1}]
    runtime.update(container.id, network={"priorities": missing}).fail()
    after_refusals = read(rdma), read(priorities)
    runtime.update(container.id, rdma={RDMA_DEVICE: {"hcaObjects": 9}}).succeed()

    assert after_refusals == before
    assert read(rdma).strip() == f"{RDMA_DEVICE} hca_handle=2 hca_object=9"


def path(container: GuestContainer) -> str:
    """Return the path of the container's cgroup in each hierarchy."""
    return str(container.bundle.config["linux"]["cgroupsPath"])
