"""Handles and objects of RDMA devices, rdma.rst."""

from __future__ import annotations

from libcgroups.v1.controllers import Controller, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.resources import LinuxResources
    from libcgroups.stats import RdmaEntry, RdmaStats


class Rdma(Controller):
    """The rdma controller."""

    name = "rdma"

    @classmethod
    def plan(cls, resources: LinuxResources, directory: str) -> list[Write]:
        """Return one write per device.

        Raises:
            ResourceError: a device has no limit, or its name is none.
        """
        from libcgroups import errors

        writes = []
        for device, limits in resources.rdma.items():
            where = f"linux.resources.rdma[{device!r}]"
            if len(device.split()) != 1:
                raise errors.ResourceError(f"{where}: not a device name", controller="rdma")
            parts = [device]
            if limits.hca_handles is not None:
                parts.append(f"hca_handle={limits.hca_handles}")
            if limits.hca_objects is not None:
                parts.append(f"hca_object={limits.hca_objects}")
            if len(parts) == 1:
                raise errors.ResourceError(f"{where}: needs hcaHandles or hcaObjects", controller="rdma")
            writes.append(Write("rdma.max", " ".join(parts)))
        return writes

    @classmethod
    def stats(cls, directory: str) -> RdmaStats:
        """Read what each device has given out, and may."""
        from libcgroups.stats import RdmaStats

        return RdmaStats(current=_entries(f"{directory}/rdma.current"), limit=_entries(f"{directory}/rdma.max"))


def _entries(path: str) -> dict[str, RdmaEntry]:
    from libcgroups.stats import RdmaEntry, parse_nested_keyed_data, parse_value

    return {
        device: RdmaEntry(
            hca_handles=parse_value(values.get("hca_handle", "0")),
            hca_objects=parse_value(values.get("hca_object", "0")),
        )
        for device, values in parse_nested_keyed_data(path).items()
    }
