"""The class of outgoing packets, net_cls.rst; traffic control (tc-cgroup(8)) acts upon it."""

from __future__ import annotations

from libcgroups.v1.controllers import Controller, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.resources import LinuxResources


class NetworkClassifier(Controller):
    """The net_cls controller."""

    name = "net_cls"

    @classmethod
    def plan(cls, resources: LinuxResources, directory: str) -> list[Write]:
        """Return the write of the class; 0 means none and is the default."""
        if resources.network is None or not resources.network.class_id:
            return []
        return [Write("net_cls.classid", str(resources.network.class_id))]
