"""The io controller of cgroup v2: weights and rates of block devices, and what passed through them."""

from __future__ import annotations

import os

from libcgroups import files
from libcgroups.v2.controllers import Controller, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.resources import LinuxBlockIO, LinuxResources
    from libcgroups.stats import BlkioDeviceStat, BlkioStats

MIN_WEIGHT, MAX_WEIGHT = 10, 1000

#: The file of the BFQ scheduler, there while its module is loaded.
BFQ_WEIGHT = "io.bfq.weight"


def convert_weight_to_cgroup2(weight: int) -> int:
    """Convert blkio.weight of v1 (10 to 1000) to io.weight of v2 (1 to 10000)."""
    return 1 + (weight - MIN_WEIGHT) * 9999 // (MAX_WEIGHT - MIN_WEIGHT)


class Io(Controller):
    """io.weight or io.bfq.weight, io.max."""

    name = "io"

    @classmethod
    def is_needed(cls, resources: LinuxResources) -> bool:
        """Tell whether a limit is asked for that only this controller can give."""
        block_io = resources.block_io
        return block_io is not None and bool(block_io.weight or block_io.weight_device or _rates(block_io))

    @classmethod
    def plan(cls, resources: LinuxResources, directory: str) -> list[Write]:
        """Return the writes; the rates of a device are one. A weight of 0 is unset, a rate of 0 is unlimited.

        Weights go to the BFQ scheduler's file where the kernel has it, on the scale of v1, else to io.weight.

        Raises:
            ResourceError: weight out of range, or a leaf weight, which v2 does not have.
        """
        block_io = resources.block_io
        if block_io is None:
            return []
        writes = []
        if block_io.leaf_weight:
            _refuse("leafWeight", "cgroup v2 has no leaf weights")
        if block_io.weight or block_io.weight_device:
            is_bfq = os.path.exists(f"{directory}/{BFQ_WEIGHT}")
            file = BFQ_WEIGHT if is_bfq else "io.weight"
            if block_io.weight:
                writes.append(Write(file, _weight("weight", block_io.weight, is_bfq)))
            for index, device in enumerate(block_io.weight_device):
                where = f"weightDevice[{index}]"
                if device.leaf_weight:
                    _refuse(f"{where}.leafWeight", "cgroup v2 has no leaf weights")
                weight = _weight(f"{where}.weight", device.weight or 0, is_bfq)
                writes.append(Write(file, f"{device.major}:{device.minor} {weight}"))
        for device_number, rates in _rates(block_io).items():
            writes.append(Write("io.max", f"{device_number} {' '.join(rates)}"))
        return writes

    @classmethod
    def stats(cls, directory: str) -> BlkioStats:
        """Read io.stat and io.pressure; other numbers than bytes and operations exist with v1 only."""
        from libcgroups import stats

        entries = stats.parse_nested_keyed_data(f"{directory}/io.stat")

        def numbers(keys: dict[str, str]) -> tuple[BlkioDeviceStat, ...]:
            return tuple(
                stats.BlkioDeviceStat(*stats.parse_device_number(device), operation, stats.parse_value(values[key]))
                for device, values in entries.items()
                for key, operation in keys.items()
                if key in values and device != stats.UNKNOWN_DEVICE
            )

        return stats.BlkioStats(
            service_bytes=numbers({"rbytes": "Read", "wbytes": "Write"}),
            serviced=numbers({"rios": "Read", "wios": "Write"}),
            psi=stats.psi_stats(f"{directory}/io.pressure"),
        )


def keep_device_weights(writes: list[Write], directory: str) -> list[Write]:
    """Return writes with which the weights of devices stay: BFQ forgets them when it is given a default weight.

    The default goes first, and what the cgroup has for other devices is written again.
    """
    of_devices = [write for write in writes if write.file == BFQ_WEIGHT and ":" in write.text]
    others = [write for write in writes if write not in of_devices]
    if any(write.file == BFQ_WEIGHT for write in others):
        lines = (files.read_optional_cgroup_file(f"{directory}/{BFQ_WEIGHT}") or "").splitlines()
        of_devices = [*(Write(BFQ_WEIGHT, line) for line in lines if ":" in line), *of_devices]
    return [*others, *{write.text.split()[0]: write for write in of_devices}.values()]


def _weight(where: str, weight: int, is_bfq: bool) -> str:
    if not MIN_WEIGHT <= weight <= MAX_WEIGHT:
        _refuse(where, f"expected {MIN_WEIGHT} to {MAX_WEIGHT}, got {weight}")
    return str(weight if is_bfq else convert_weight_to_cgroup2(weight))


def _rates(block_io: LinuxBlockIO) -> dict[str, list[str]]:
    """Collect the words for io.max by device number."""
    rates: dict[str, list[str]] = {}
    for key, devices in (
        ("rbps", block_io.throttle_read_bps_device),
        ("wbps", block_io.throttle_write_bps_device),
        ("riops", block_io.throttle_read_iops_device),
        ("wiops", block_io.throttle_write_iops_device),
    ):
        for device in devices:
            rate = device.rate or "max"
            rates.setdefault(f"{device.major}:{device.minor}", []).append(f"{key}={rate}")
    return rates


def _refuse(where: str, reason: str) -> None:
    from libcgroups import errors

    raise errors.ResourceError(f"linux.resources.blockIO.{where}: {reason}", controller="io")
