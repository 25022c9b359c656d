"""Memory limits of cgroup v1, memory.rst; ``memsw`` files count memory and swap together."""

from __future__ import annotations

import os

from libcgroups import files
from libcgroups.v1.controllers import Controller, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libcgroups.manager import ControllerOpt
    from libcgroups.resources import LinuxMemory, LinuxResources
    from libcgroups.stats import MemoryData, MemoryStats

_LIMIT = "memory.limit_in_bytes"
_SWAP = "memory.memsw.limit_in_bytes"
_EBUSY = 16


class Memory(Controller):
    """The memory controller.

    Limits of kernel memory are not written: the kernel has refused them since 5.16, and the specification discourages
    them. 0 leaves a limit alone.
    """

    name = "memory"

    @classmethod
    def plan(cls, resources: LinuxResources, directory: str) -> list[Write]:
        """Return the writes, limit and swap in the order the kernel accepts."""
        memory = resources.memory
        if memory is None:
            return []
        _check(memory)
        writes = _plan_limits(memory, directory)
        if memory.reservation:
            writes.append(Write("memory.soft_limit_in_bytes", str(memory.reservation)))
        if memory.swappiness is not None:
            writes.append(Write("memory.swappiness", str(memory.swappiness)))
        if memory.disable_oom_killer or (memory.disable_oom_killer is False and _is_oom_killer_disabled(directory)):
            writes.append(Write("memory.oom_control", str(int(memory.disable_oom_killer))))
        return writes

    @classmethod
    def apply(cls, controller_opt: ControllerOpt, directory: str) -> None:
        """Write the limits, and disable the OOM killer if that is asked beside the resources."""
        writes = [] if controller_opt.resources is None else cls.plan(controller_opt.resources, directory)
        if controller_opt.disable_oom_killer and Write("memory.oom_control", "1") not in writes:
            writes.append(Write("memory.oom_control", "1"))
        cls.write(writes, directory)

    @classmethod
    def write(cls, writes: Sequence[Write], directory: str) -> None:
        """Carry out a plan; a limit below what is in use and cannot be reclaimed is explained."""
        for write in writes:
            try:
                files.write_cgroup_file(f"{directory}/{write.file}", write.text)
            except Exception as error:
                # Not by class: importing the errors costs something even when there is none.
                raise _explain(error, directory) from error

    @classmethod
    def stats(cls, directory: str) -> MemoryStats:
        """Read all kinds of memory."""
        from libcgroups.stats import MemoryStats, parse_flat_keyed_data, parse_optional_value

        stats = parse_flat_keyed_data(f"{directory}/memory.stat")
        oom_control = parse_flat_keyed_data(f"{directory}/memory.oom_control")
        return MemoryStats(
            memory=_data(f"{directory}/memory"),
            memswap=_data(f"{directory}/memory.memsw"),
            kernel=_data(f"{directory}/memory.kmem"),
            kernel_tcp=_data(f"{directory}/memory.kmem.tcp"),
            cache=stats.get("cache", 0),
            hierarchy=parse_optional_value(f"{directory}/memory.use_hierarchy") == 1,
            stats=stats,
            oom_kills=oom_control.get("oom_kill", 0),
        )


def _plan_limits(memory: LinuxMemory, directory: str) -> list[Write]:
    """Order limit and swap: at no time may memory and swap together be less than memory alone."""
    limit, swap = memory.limit, memory.swap
    if limit == -1 and not swap and os.path.exists(f"{directory}/{_SWAP}"):
        swap = -1
    writes = [Write(_LIMIT, str(limit))] if limit else []
    if not swap:
        return writes
    if not limit:
        return [Write(_SWAP, str(swap))]
    is_growing = swap == -1 or swap > int(files.read_cgroup_file(f"{directory}/{_LIMIT}"))
    writes.insert(0 if is_growing else 1, Write(_SWAP, str(swap)))
    return writes


def _check(memory: LinuxMemory) -> None:
    limit, swap = memory.limit or 0, memory.swap or 0
    fault = ""
    if swap > 0 and limit == -1:
        fault = "swap: cannot be limited while memory.limit is unlimited"
    elif 0 < swap < limit:
        fault = f"swap: memory+swap limit should be >= memory limit, got {swap} < {limit}"
    elif memory.swappiness is not None and memory.swappiness > 100:
        fault = f"swappiness: expected 0 to 100, got {memory.swappiness}"
    if fault:
        from libcgroups import errors

        raise errors.ResourceError(f"linux.resources.memory.{fault}", controller="memory")


def _is_oom_killer_disabled(directory: str) -> bool:
    return "oom_kill_disable 1" in files.read_cgroup_file(f"{directory}/memory.oom_control")


def _explain(error: Exception, directory: str) -> Exception:
    """Add to a refused limit what is in use, and what was at most."""
    from libcgroups import errors

    name = error.path.rpartition("/")[2] if isinstance(error, errors.FileError) else ""
    if not isinstance(error, errors.FileError) or not name.endswith("limit_in_bytes"):
        return error
    prefix = f"{directory}/{name.removesuffix('.limit_in_bytes').removesuffix('.soft_limit_in_bytes')}"
    usage = files.read_optional_cgroup_file(f"{prefix}.usage_in_bytes")
    peak = files.read_optional_cgroup_file(f"{prefix}.max_usage_in_bytes")
    hint = error.hint
    if error.errno == _EBUSY:
        hint = "more is in use than the new limit and cannot be reclaimed; choose a higher one, or end processes first"
    elif name == _SWAP:
        hint = "memory+swap may not be less than memory: set memory.limit too"
    return errors.FileError(
        f"{error.message} (in use: {(usage or '?').strip()} bytes, peak: {(peak or '?').strip()} bytes)",
        path=error.path,
        value=error.value,
        errno=error.errno,
        hint=hint,
        controller="memory",
    )


def _data(prefix: str) -> MemoryData:
    from libcgroups.stats import MemoryData, parse_optional_value

    return MemoryData(
        usage=parse_optional_value(f"{prefix}.usage_in_bytes"),
        max_usage=parse_optional_value(f"{prefix}.max_usage_in_bytes"),
        fail_count=parse_optional_value(f"{prefix}.failcnt"),
        limit=parse_optional_value(f"{prefix}.limit_in_bytes"),
    )
