"""cgroup version 1: one hierarchy per controller, or per group of controllers; not the hybrid's unified hierarchy.

Everything is imported on first use.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.v1.blkio import Blkio
    from libcgroups.v1.controllers import CONTROLLERS, Controller, ControllerType
    from libcgroups.v1.cpu import Cpu
    from libcgroups.v1.cpuacct import CpuAcct
    from libcgroups.v1.cpuset import CpuSet
    from libcgroups.v1.devices import Devices
    from libcgroups.v1.freezer import Freezer
    from libcgroups.v1.hugetlb import HugeTlb
    from libcgroups.v1.manager import Manager
    from libcgroups.v1.memory import Memory
    from libcgroups.v1.mounts import (
        get_subsystem_mount_point,
        get_subsystem_mount_points,
        list_subsystem_mount_points,
        list_supported_mount_points,
    )
    from libcgroups.v1.net_cls import NetworkClassifier
    from libcgroups.v1.net_prio import NetworkPriority
    from libcgroups.v1.perf_event import PerfEvent
    from libcgroups.v1.pids import Pids
    from libcgroups.v1.rdma import Rdma

_HOME = {
    "Blkio": "blkio",
    "CONTROLLERS": "controllers",
    "Controller": "controllers",
    "ControllerType": "controllers",
    "Cpu": "cpu",
    "CpuAcct": "cpuacct",
    "CpuSet": "cpuset",
    "Devices": "devices",
    "Freezer": "freezer",
    "HugeTlb": "hugetlb",
    "Manager": "manager",
    "Memory": "memory",
    "NetworkClassifier": "net_cls",
    "NetworkPriority": "net_prio",
    "PerfEvent": "perf_event",
    "Pids": "pids",
    "Rdma": "rdma",
    "get_subsystem_mount_point": "mounts",
    "get_subsystem_mount_points": "mounts",
    "list_subsystem_mount_points": "mounts",
    "list_supported_mount_points": "mounts",
}

__all__ = [
    "CONTROLLERS",
    "Blkio",
    "Controller",
    "ControllerType",
    "Cpu",
    "CpuAcct",
    "CpuSet",
    "Devices",
    "Freezer",
    "HugeTlb",
    "Manager",
    "Memory",
    "NetworkClassifier",
    "NetworkPriority",
    "PerfEvent",
    "Pids",
    "Rdma",
    "get_subsystem_mount_point",
    "get_subsystem_mount_points",
    "list_subsystem_mount_points",
    "list_supported_mount_points",
]


def __getattr__(name: str) -> object:
    """Import the module that defines a public name (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = __import__(f"{__name__}.{_HOME[name]}", fromlist=("*",))
    value: object = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
