"""Weights and limits of block devices, blkio-controller.rst."""

from __future__ import annotations

import os

from libcgroups import files
from libcgroups.v1.controllers import Controller, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libcgroups.resources import LinuxBlockIO, LinuxResources, LinuxThrottleDevice
    from libcgroups.stats import BlkioDeviceStat, BlkioStats

#: The file of the BFQ scheduler; that of devices has another suffix.
BFQ_WEIGHT = "blkio.bfq.weight"

# Who counts depends on the I/O scheduler: BFQ, CFQ (until Linux 5.0), or only the throttling layer.
_SOURCES = ("blkio.bfq.", "blkio.", "blkio.throttle.")


class Blkio(Controller):
    """The blkio controller."""

    name = "blkio"

    @classmethod
    def plan(cls, resources: LinuxResources, directory: str) -> list[Write]:
        """Return the writes; devices one by one, as the files take one line a write."""
        block_io = resources.block_io
        if block_io is None:
            return []
        return [
            *_plan_weights(block_io, directory),
            *_throttle("blkio.throttle.read_bps_device", block_io.throttle_read_bps_device),
            *_throttle("blkio.throttle.write_bps_device", block_io.throttle_write_bps_device),
            *_throttle("blkio.throttle.read_iops_device", block_io.throttle_read_iops_device),
            *_throttle("blkio.throttle.write_iops_device", block_io.throttle_write_iops_device),
        ]

    @classmethod
    def stats(cls, directory: str) -> BlkioStats:
        """Read the counters of every device, from the first source that has any."""
        from libcgroups.stats import BlkioStats

        return BlkioStats(
            service_bytes=_counters(directory, "io_service_bytes_recursive"),
            serviced=_counters(directory, "io_serviced_recursive"),
            queued=_counters(directory, "io_queued_recursive"),
            service_time=_counters(directory, "io_service_time_recursive"),
            wait_time=_counters(directory, "io_wait_time_recursive"),
            merged=_counters(directory, "io_merged_recursive"),
            time=_counters(directory, "time_recursive"),
            sectors=_counters(directory, "sectors_recursive"),
        )


def _plan_weights(block_io: LinuxBlockIO, directory: str) -> list[Write]:
    if not (block_io.weight or block_io.leaf_weight or block_io.weight_device):
        return []
    # BFQ has files of its own, CFQ had these; leaf weights went with CFQ.
    is_bfq = not os.path.exists(f"{directory}/blkio.weight")
    prefix = BFQ_WEIGHT if is_bfq else "blkio.weight"
    writes = []
    if block_io.weight:
        _check_weight("weight", block_io.weight)
        writes.append(Write(prefix, str(block_io.weight)))
        if is_bfq:
            writes += device_weights(directory)
    if block_io.leaf_weight:
        _check_weight("leafWeight", block_io.leaf_weight)
        writes.append(Write("blkio.leaf_weight", str(block_io.leaf_weight)))
    for index, device in enumerate(block_io.weight_device):
        number = f"{device.major}:{device.minor}"
        if device.weight:
            _check_weight(f"weightDevice[{index}].weight", device.weight)
            writes.append(Write(f"{prefix}_device", f"{number} {device.weight}"))
        if device.leaf_weight:
            _check_weight(f"weightDevice[{index}].leafWeight", device.leaf_weight)
            writes.append(Write("blkio.leaf_weight_device", f"{number} {device.leaf_weight}"))
    return writes


def device_weights(directory: str) -> list[Write]:
    """Return the writes that give devices their present weights again: BFQ forgets them with every default weight."""
    text = files.read_optional_cgroup_file(f"{directory}/{BFQ_WEIGHT}_device") or ""
    return [Write(f"{BFQ_WEIGHT}_device", line) for line in text.splitlines() if ":" in line]


def _throttle(file: str, devices: Sequence[LinuxThrottleDevice]) -> list[Write]:
    return [Write(file, f"{device.major}:{device.minor} {device.rate}") for device in devices]


def _check_weight(name: str, weight: int) -> None:
    if not 10 <= weight <= 1000:
        from libcgroups import errors

        raise errors.ResourceError(
            f"linux.resources.blockIO.{name}: expected 10 to 1000, got {weight}", controller="blkio"
        )


def _counters(directory: str, name: str) -> tuple[BlkioDeviceStat, ...]:
    for source in _SOURCES:
        text = files.read_optional_cgroup_file(f"{directory}/{source}{name}")
        found = parse_counters(text or "")
        if found:
            return found
    return ()


def parse_counters(text: str) -> tuple[BlkioDeviceStat, ...]:
    """Parse lines ``major:minor operation value`` or ``major:minor value``.

    Left out are the line ``Total value`` and devices without a number.

    Raises:
        FormatError: a line has another form.
    """
    from libcgroups.stats import UNKNOWN_DEVICE, BlkioDeviceStat, parse_device_number, parse_value

    found = []
    for line in filter(str.strip, text.splitlines()):
        number, *rest = line.split()
        if number in ("Total", UNKNOWN_DEVICE):
            continue
        major, minor = parse_device_number(number)
        operation = rest[0] if len(rest) == 2 else ""
        found.append(BlkioDeviceStat(major, minor, operation, parse_value(rest[-1] if rest else "")))
    return tuple(found)
