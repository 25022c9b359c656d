"""The priority of packets by network interface, net_prio.rst."""

from __future__ import annotations

from libcgroups.v1.controllers import Controller, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.resources import LinuxResources


class NetworkPriority(Controller):
    """The net_prio controller."""

    name = "net_prio"

    @classmethod
    def plan(cls, resources: LinuxResources, directory: str) -> list[Write]:
        """Return one write per interface, as the file takes one line a write.

        Raises:
            ResourceError: the name of an interface is none.
        """
        writes = []
        for index, entry in enumerate(() if resources.network is None else resources.network.priorities):
            if len(entry.name.split()) != 1:
                from libcgroups import errors

                raise errors.ResourceError(
                    f"linux.resources.network.priorities[{index}].name: not an interface name: {entry.name!r}",
                    controller="net_prio",
                )
            writes.append(Write("net_prio.ifpriomap", f"{entry.name} {entry.priority}"))
        return writes
