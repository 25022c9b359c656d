"""Cgroups that systemd makes for us: transient units; which cgroup files they consist of is for v1 and v2.

Everything is imported on first use.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.systemd.client import AsyncSystemdClient, SystemdClient
    from libcgroups.systemd.dbus_native.dbus import DbusConnection
    from libcgroups.systemd.dbus_native.proxy import Proxy
    from libcgroups.systemd.dbus_native.serialize import Variant
    from libcgroups.systemd.manager import PROCESS_IN_CGROUP_TIMEOUT_S, Manager

_HOME = {
    "AsyncSystemdClient": "client",
    "DbusConnection": "dbus_native.dbus",
    "Manager": "manager",
    "PROCESS_IN_CGROUP_TIMEOUT_S": "manager",
    "Proxy": "dbus_native.proxy",
    "SystemdClient": "client",
    "Variant": "dbus_native.serialize",
}

__all__ = [
    "PROCESS_IN_CGROUP_TIMEOUT_S",
    "AsyncSystemdClient",
    "DbusConnection",
    "Manager",
    "Proxy",
    "SystemdClient",
    "Variant",
    "booted",
]


def booted() -> bool:
    """Tell whether systemd is the init system of this machine, sd_booted(3)."""
    return os.path.isdir("/run/systemd/system")


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
