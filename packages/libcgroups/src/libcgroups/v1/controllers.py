"""Which controllers version 1 has, what each of them offers, and which ones given resources need.

A controller turns resources into a plan, a list of writes, and never writes itself but through ``apply``; so an update
can read what it is about to overwrite, and nothing is written twice.
"""

from __future__ import annotations

from libcgroups import files
from libcgroups.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from libcgroups.manager import ControllerOpt
    from libcgroups.resources import LinuxResources

    ControllerName = Literal[
        "blkio",
        "cpu",
        "cpuacct",
        "cpuset",
        "devices",
        "freezer",
        "hugetlb",
        "memory",
        "net_cls",
        "net_prio",
        "perf_event",
        "pids",
        "rdma",
    ]


class ControllerType:
    """The names of the controllers, as /proc/cgroups spells them."""

    BLKIO: ControllerName = "blkio"
    CPU: ControllerName = "cpu"
    CPU_ACCT: ControllerName = "cpuacct"
    CPU_SET: ControllerName = "cpuset"
    DEVICES: ControllerName = "devices"
    FREEZER: ControllerName = "freezer"
    HUGETLB: ControllerName = "hugetlb"
    MEMORY: ControllerName = "memory"
    NETWORK_CLASSIFIER: ControllerName = "net_cls"
    NETWORK_PRIORITY: ControllerName = "net_prio"
    PERF_EVENT: ControllerName = "perf_event"
    PIDS: ControllerName = "pids"
    RDMA: ControllerName = "rdma"


#: All of them.
CONTROLLERS: tuple[ControllerName, ...] = (
    "blkio",
    "cpu",
    "cpuacct",
    "cpuset",
    "devices",
    "freezer",
    "hugetlb",
    "memory",
    "net_cls",
    "net_prio",
    "perf_event",
    "pids",
    "rdma",
)


class Write(Record):
    """One write to come: the file below the cgroup's directory, and the text."""

    file: str
    text: str


class Controller:
    """What the modules of this package have in common; a controller without limits needs nothing else."""

    name: ControllerName

    @classmethod
    def needs_to_handle(cls, controller_opt: ControllerOpt) -> bool:
        """Tell whether anything is asked of this controller."""
        return cls in needed(controller_opt)

    @classmethod
    def plan(cls, resources: LinuxResources, directory: str) -> list[Write]:
        """Return the writes that bring a cgroup to the resources; reads where the order depends on what is there.

        Raises:
            ResourceError: a value is invalid or contradicts another.
        """
        return []

    @classmethod
    def apply(cls, controller_opt: ControllerOpt, directory: str) -> None:
        """Write what is asked of this controller to the cgroup."""
        if controller_opt.resources is not None:
            cls.write(cls.plan(controller_opt.resources, directory), directory)

    @classmethod
    def write(cls, writes: Sequence[Write], directory: str) -> None:
        """Carry out a plan; stops at the first failure."""
        for write in writes:
            files.write_cgroup_file(f"{directory}/{write.file}", write.text)

    @classmethod
    def add_task(cls, pid: int, directory: str) -> None:
        """Move a process, with all its threads, into the cgroup."""
        files.write_cgroup_file(f"{directory}/cgroup.procs", pid)


def needed(controller_opt: ControllerOpt) -> list[type[Controller]]:
    """Import the controllers of which something is asked, and only these.

    Devices come last: they may take away what opening the other files needs nothing of, yet a failure before them
    leaves less to undo.
    """
    found: list[type[Controller]] = []
    resources = controller_opt.resources
    if resources is not None:
        if resources.cpu is not None:
            found += _for_cpu(resources)
        if resources.pids is not None:
            from libcgroups.v1.pids import Pids

            found.append(Pids)
        if resources.block_io is not None:
            from libcgroups.v1.blkio import Blkio

            found.append(Blkio)
        if resources.network is not None:
            found += _for_network(resources)
        if resources.hugepage_limits:
            from libcgroups.v1.hugetlb import HugeTlb

            found.append(HugeTlb)
        if resources.rdma:
            from libcgroups.v1.rdma import Rdma

            found.append(Rdma)
    if controller_opt.disable_oom_killer or (resources is not None and resources.memory is not None):
        from libcgroups.v1.memory import Memory

        found.append(Memory)
    if resources is not None and resources.devices:
        from libcgroups.v1.devices import Devices

        found.append(Devices)
    return found


def _for_cpu(resources: LinuxResources) -> list[type[Controller]]:
    found: list[type[Controller]] = []
    cpu = resources.cpu
    if cpu is not None and (cpu.cpus or cpu.mems):
        from libcgroups.v1.cpuset import CpuSet

        found.append(CpuSet)
    if cpu is not None and (
        cpu.shares
        or cpu.quota
        or cpu.period
        or cpu.burst is not None
        or cpu.realtime_runtime
        or cpu.realtime_period
        or cpu.idle is not None
    ):
        from libcgroups.v1.cpu import Cpu

        found.append(Cpu)
    return found


def _for_network(resources: LinuxResources) -> list[type[Controller]]:
    found: list[type[Controller]] = []
    if resources.network is not None and resources.network.class_id:
        from libcgroups.v1.net_cls import NetworkClassifier

        found.append(NetworkClassifier)
    if resources.network is not None and resources.network.priorities:
        from libcgroups.v1.net_prio import NetworkPriority

        found.append(NetworkPriority)
    return found
