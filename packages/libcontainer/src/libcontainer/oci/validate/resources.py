"""Rules of ``linux.resources`` that hold for every version of cgroups; what a host has is for libcgroups."""

from __future__ import annotations

from libcontainer.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from libcgroups.resources import LinuxBlockIO, LinuxCPU, LinuxDeviceCgroup, LinuxMemory, LinuxResources

_MAX_SWAPPINESS = 100
_WEIGHTS = range(10, 1001)


def faults(resources: LinuxResources, at: str) -> Iterator[SpecError]:
    """Find every fault of the resources, whose path in the document is ``at``."""
    at = at and f"{at}."
    if resources.devices:
        yield from _devices(resources.devices, f"{at}devices")
    if resources.memory is not None:
        yield from _memory(resources.memory, f"{at}memory")
    if resources.cpu is not None:
        yield from _cpu(resources.cpu, f"{at}cpu")
    if resources.block_io is not None:
        yield from _block_io(resources.block_io, f"{at}blockIO")
    for index, limit in enumerate(resources.hugepage_limits):
        if not _is_page_size(limit.page_size):
            yield SpecError(
                f"{at}hugepageLimits[{index}].pageSize", f"expected a size such as '2MB', got {limit.page_size[:80]!r}"
            )
    for name, rdma in resources.rdma.items():
        if rdma.hca_handles is None and rdma.hca_objects is None:
            yield SpecError(f"{at}rdma", f"device {name!r} needs hcaHandles or hcaObjects")
    for name in resources.unified:
        if not name or "/" in name or name in (".", ".."):
            yield SpecError(f"{at}unified", f"expected the name of a file of the cgroup, got {name[:80]!r}")


def _devices(devices: Sequence[LinuxDeviceCgroup], at: str) -> Iterator[SpecError]:
    for index, rule in enumerate(devices):
        if rule.type and rule.type not in ("a", "b", "c"):
            yield SpecError(f"{at}[{index}].type", f"expected one of a, b, c, got {rule.type[:80]!r}")
        access = rule.access or ""
        if not access or access.strip("rwm"):
            yield SpecError(f"{at}[{index}].access", f"expected some of r, w, m, got {access[:80]!r}")
        for name, number in (("major", rule.major), ("minor", rule.minor)):
            if number is not None and number < -1:
                yield SpecError(f"{at}[{index}].{name}", f"expected a number or -1 for all, got {number}")


def _memory(memory: LinuxMemory, at: str) -> Iterator[SpecError]:
    if memory.swappiness is not None and memory.swappiness > _MAX_SWAPPINESS:
        yield SpecError(f"{at}.swappiness", f"expected at most {_MAX_SWAPPINESS}, got {memory.swappiness}")
    for name in ("limit", "reservation", "swap"):
        value: int | None = getattr(memory, name)
        if value is not None and value < -1:
            yield SpecError(f"{at}.{name}", f"expected a number of bytes or -1 for unlimited, got {value}")
    limit, swap = memory.limit or 0, memory.swap or 0
    if swap > 0 and limit == -1:
        yield SpecError(f"{at}.swap", "memory is unlimited, so memory and swap together cannot be limited")
    elif swap > 0 and limit > swap:
        yield SpecError(f"{at}.swap", "memory+swap limit should be >= memory limit")


def _cpu(cpu: LinuxCPU, at: str) -> Iterator[SpecError]:
    for name in ("cpus", "mems"):
        value: str | None = getattr(cpu, name)
        if value:
            from libcontainer.oci.validate.lists import is_list

            if is_list(value.strip("\n")):
                continue
            yield SpecError(f"{at}.{name}", f"expected a list such as '0-3,7', got {value[:80]!r}")
    if cpu.burst and cpu.quota is not None and 0 < cpu.quota < cpu.burst:
        yield SpecError(f"{at}.burst", f"expected at most the quota, {cpu.quota}, got {cpu.burst}")
    if cpu.idle is not None and cpu.idle not in (0, 1):
        yield SpecError(f"{at}.idle", f"expected 0 or 1, got {cpu.idle}")
    if cpu.idle and cpu.shares:
        yield SpecError(f"{at}.idle", "an idle cgroup cannot have shares")


def _block_io(block_io: LinuxBlockIO, at: str) -> Iterator[SpecError]:
    weights = [("weight", block_io.weight), ("leafWeight", block_io.leaf_weight)]
    for index, device in enumerate(block_io.weight_device):
        if device.weight is None and device.leaf_weight is None:
            yield SpecError(f"{at}.weightDevice[{index}]", "weight or leafWeight is needed")
        weights.append((f"weightDevice[{index}].weight", device.weight))
        weights.append((f"weightDevice[{index}].leafWeight", device.leaf_weight))
    for name, weight in weights:
        # 0 is what engines send for "none".
        if weight and weight not in _WEIGHTS:
            yield SpecError(f"{at}.{name}", f"expected 10 to 1000, got {weight}")


def _is_page_size(text: str) -> bool:
    digits, unit = text[:-2], text[-2:]
    return digits.isascii() and digits.isdigit() and digits[0] != "0" and unit in ("KB", "MB", "GB")
