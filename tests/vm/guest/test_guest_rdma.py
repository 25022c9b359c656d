"""RDMA devices on pure cgroup v2, by either driver: that limits arrive, bind, change and are counted; as root."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from libcgroups import ControllerOpt
from libcgroups.errors import FileError
from libcgroups.resources import LinuxRdma, LinuxResources
from libcgroups.stats import UNLIMITED, RdmaEntry, RdmaStats
from libcgroups.v2.manager import Manager
from tests.support import mutations
from tests.support.runtime import eventually
from tests.vm.guest import programs
from tests.vm.guest.containers import RDMA_DEVICE, only_cgroupfs, with_device, with_python

if TYPE_CHECKING:
    from tests.vm.guest.conftest import MakeBundle, MakeManager, Start, StartBeside
    from tests.vm.guest.containers import GuestRuntime


pytestmark = pytest.mark.root

LIMITS = mutations.resources(rdma={RDMA_DEVICE: {"hcaHandles": 2, "hcaObjects": 3}})
WRITTEN = f"{RDMA_DEVICE} hca_handle=2 hca_object=3"


def test_limits_arrive_bind_and_are_counted(start: Start, rdma_device: str) -> None:
    mutate = mutations.every(LIMITS, with_python, with_device(rdma_device))
    container = start(*programs.command(programs.RDMA, rdma_device), mutate=mutate)

    eventually(lambda: container.output().count("\n") == 7, "seven attempts", 30)

    assert container.output() == programs.RDMA_OUTPUT
    assert container.read("rdma.max") == container.read("rdma.current") == WRITTEN
    stats = Manager.at("/sys/fs/cgroup", container.directory.removeprefix("/sys/fs/cgroup")).stats()
    assert stats.rdma == RdmaStats(current={RDMA_DEVICE: RdmaEntry(2, 3)}, limit={RDMA_DEVICE: RdmaEntry(2, 3)})


@pytest.mark.usefixtures("rdma_device")
def test_limits_change_and_what_is_not_named_stays(runtime: GuestRuntime, start: Start) -> None:
    container = start(mutate=LIMITS)

    runtime.update(container.id, rdma={RDMA_DEVICE: {"hcaObjects": 9}}).succeed()

    assert container.read("rdma.max") == f"{RDMA_DEVICE} hca_handle=2 hca_object=9"


@pytest.mark.usefixtures("rdma_device")
def test_a_refused_update_leaves_the_limits(make_manager: MakeManager) -> None:
    manager = make_manager("/web/one")
    limits = LinuxResources(rdma={RDMA_DEVICE: LinuxRdma(hca_handles=2)})
    manager.create(limits)
    manager.apply(ControllerOpt(resources=limits))

    with pytest.raises(FileError, match=r"^write 'mlx5_1 hca_object=1' to .*/rdma\.max: no such device$") as caught:
        manager.update(LinuxResources(rdma={RDMA_DEVICE: LinuxRdma(1, 1), "mlx5_1": LinuxRdma(hca_objects=1)}))

    assert caught.value.hint == "the names of the devices are those in /sys/class/infiniband"
    assert manager.stats().rdma.limit == {RDMA_DEVICE: RdmaEntry(2, UNLIMITED)}


@only_cgroupfs
@pytest.mark.usefixtures("rdma_device")
def test_a_device_that_is_not_there_is_named(runtime: GuestRuntime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle(mutate=mutations.resources(rdma={"mlx5_1": {"hcaHandles": 2}}))

    refused = runtime.try_create(bundle).fail()

    assert "no such device" in refused.message
    assert runtime.ids() == []


@only_cgroupfs
@pytest.mark.usefixtures("rdma_device")
def test_runc_ends_in_the_same_limits(start: Start, start_beside: StartBeside) -> None:
    ours, theirs = start(mutate=LIMITS), start_beside("runc", mutate=LIMITS)  # crun 1.8 does not know this controller

    assert ours.read("rdma.max") == theirs.read("rdma.max") == WRITTEN
