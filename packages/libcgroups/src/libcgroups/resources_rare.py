"""The resources that few containers have: block I/O, huge pages, network, RDMA; ``resources`` has all by name."""

from __future__ import annotations

from libcgroups.record import Record
from libcgroups.resources import int64, uint16, uint32, uint64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class LinuxWeightDevice(Record):
    """The weight of one block device, 10 to 1000; at least one of weight and leaf_weight is to be given."""

    major: int64
    minor: int64
    weight: uint16 | None = None
    leaf_weight: uint16 | None = None


class LinuxThrottleDevice(Record):
    """The upper limit of one block device, in bytes or in operations a second."""

    major: int64
    minor: int64
    rate: uint64 = 0


class LinuxBlockIO(Record):
    """Weights and limits of block devices."""

    weight: uint16 | None = None
    leaf_weight: uint16 | None = None
    weight_device: Sequence[LinuxWeightDevice] = ()
    throttle_read_bps_device: Sequence[LinuxThrottleDevice] = ()
    throttle_write_bps_device: Sequence[LinuxThrottleDevice] = ()
    throttle_read_iops_device: Sequence[LinuxThrottleDevice] = ()
    throttle_write_iops_device: Sequence[LinuxThrottleDevice] = ()


class LinuxHugepageLimit(Record):
    """The limit, in bytes, of huge pages of one size, such as "2MB" or "1GB"."""

    page_size: str
    limit: uint64


class LinuxInterfacePriority(Record):
    """The priority of what leaves through one network interface, net_prio of cgroup v1."""

    name: str
    priority: uint32


class LinuxNetwork(Record):
    """The class of outgoing packets (net_cls) and priorities by interface (net_prio), cgroup v1 only."""

    class_id: uint32 | None = None
    priorities: Sequence[LinuxInterfacePriority] = ()


class LinuxRdma(Record):
    """Limits of one RDMA device; at least one of both is to be given."""

    hca_handles: uint32 | None = None
    hca_objects: uint32 | None = None
