"""Access to device files, the v1 devices controller; the rules themselves are in ``libcgroups.devices``."""

from __future__ import annotations

from libcgroups import devices
from libcgroups.v1.controllers import Controller, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.resources import LinuxResources


class Devices(Controller):
    """The devices controller."""

    name = "devices"

    @classmethod
    def plan(cls, resources: LinuxResources, directory: str) -> list[Write]:
        """Return the writes of the user's rules completed by the runtime's own."""
        if not resources.devices:
            return []
        return [Write(file, text) for file, text in devices.v1_writes(devices.complete_rules(resources.devices))]
