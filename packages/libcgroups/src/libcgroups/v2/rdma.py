"""The rdma controller of cgroup v2: how many handles and objects of an RDMA device may be held."""

from __future__ import annotations

from libcgroups import files
from libcgroups.v2.controllers import Controller, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from libcgroups.resources import LinuxResources
    from libcgroups.stats import RdmaEntry, RdmaStats


class Rdma(Controller):
    """rdma.max."""

    name = "rdma"

    @classmethod
    def is_needed(cls, resources: LinuxResources) -> bool:
        """Tell whether any device is limited."""
        return bool(resources.rdma)

    @classmethod
    def plan(cls, resources: LinuxResources, directory: str) -> list[Write]:
        """Return the writes, one for each device.

        Raises:
            ResourceError: a device without any limit, or a name that is none.
        """
        writes = []
        for device, limit in resources.rdma.items():
            words = [device]
            if limit.hca_handles is not None:
                words.append(f"hca_handle={limit.hca_handles}")
            if limit.hca_objects is not None:
                words.append(f"hca_object={limit.hca_objects}")
            if not files.is_single_component(device) or device.split() != [device]:
                _refuse(device, "is not the name of a device")
            if len(words) == 1:
                _refuse(device, "needs hcaHandles or hcaObjects")
            writes.append(Write("rdma.max", " ".join(words)))
        return writes

    @classmethod
    def stats(cls, directory: str) -> RdmaStats:
        """Read rdma.current and rdma.max."""
        from libcgroups import stats

        def entries(file: str) -> dict[str, RdmaEntry]:
            return {
                device: stats.RdmaEntry(
                    stats.parse_value(values.get("hca_handle", "0")), stats.parse_value(values.get("hca_object", "0"))
                )
                for device, values in stats.parse_nested_keyed_data(f"{directory}/{file}").items()
            }

        return stats.RdmaStats(current=entries("rdma.current"), limit=entries("rdma.max"))


def _refuse(device: str, reason: str) -> NoReturn:
    from libcgroups import errors

    raise errors.ResourceError(f"linux.resources.rdma: {device!r} {reason}", controller="rdma")
