"""cgroup version 2: the unified hierarchy; what systemd does with it is ``libcgroups.systemd``.

Everything is imported on first use.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.v2.controllers import CONTROLLERS, Controller, ControllerType, PseudoControllerType
    from libcgroups.v2.cpu import Cpu
    from libcgroups.v2.cpuset import CpuSet
    from libcgroups.v2.delegation import get_available_controllers
    from libcgroups.v2.devices import Devices
    from libcgroups.v2.freezer import Freezer
    from libcgroups.v2.hugetlb import HugeTlb
    from libcgroups.v2.io import Io
    from libcgroups.v2.manager import CGROUP_KILL, Manager
    from libcgroups.v2.memory import Memory
    from libcgroups.v2.mounts import get_unified_mount_point
    from libcgroups.v2.pids import Pids
    from libcgroups.v2.rdma import Rdma
    from libcgroups.v2.unified import Unified

_HOME = {
    "CGROUP_KILL": "manager",
    "CONTROLLERS": "controllers",
    "Controller": "controllers",
    "ControllerType": "controllers",
    "Cpu": "cpu",
    "CpuSet": "cpuset",
    "Devices": "devices",
    "Freezer": "freezer",
    "HugeTlb": "hugetlb",
    "Io": "io",
    "Manager": "manager",
    "Memory": "memory",
    "Pids": "pids",
    "PseudoControllerType": "controllers",
    "Rdma": "rdma",
    "Unified": "unified",
    "get_available_controllers": "delegation",
    "get_unified_mount_point": "mounts",
}

__all__ = [
    "CGROUP_KILL",
    "CONTROLLERS",
    "Controller",
    "ControllerType",
    "Cpu",
    "CpuSet",
    "Devices",
    "Freezer",
    "HugeTlb",
    "Io",
    "Manager",
    "Memory",
    "Pids",
    "PseudoControllerType",
    "Rdma",
    "Unified",
    "get_available_controllers",
    "get_unified_mount_point",
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
    return sorted(__all__)
