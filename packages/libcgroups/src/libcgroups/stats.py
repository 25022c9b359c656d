"""What a cgroup uses, and the parsers for the few formats in which the kernel says so; not which file says what.

Formats: cgroup-v2.rst, "Interface Files"; pressure: psi.rst. Times are nanoseconds, sizes bytes, unless said otherwise.
An empty value stands for what the kernel, or the controller that is not there, does not tell.
"""

from __future__ import annotations

import os

from libcgroups import files
from libcgroups.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol
else:
    Protocol = object

#: What ``max`` is read as: the largest number the kernel's counters hold.
UNLIMITED = 2**64 - 1

#: What stands for the number of a device that has none of its own, such as one of the paths to an NVMe disk.
UNKNOWN_DEVICE = "(unknown)"

# More than any kernel can be built for (NR_CPUS, MAX_NUMNODES).
_LARGEST_LISTED = 2**16


class PSIData(Record):
    """Share of time, in percent over the last 10, 60 and 300 s, in which tasks stalled; total in microseconds."""

    avg10: float = 0.0
    avg60: float = 0.0
    avg300: float = 0.0
    total: int = 0


class PSIStats(Record):
    """Pressure stall information: some tasks stalled, all tasks stalled."""

    some: PSIData = PSIData()
    full: PSIData = PSIData()


class CpuUsage(Record):
    """Processor time used, in all and per processor."""

    usage_total: int = 0
    usage_user: int = 0
    usage_kernel: int = 0
    per_core_usage_total: tuple[int, ...] = ()
    per_core_usage_user: tuple[int, ...] = ()
    per_core_usage_kernel: tuple[int, ...] = ()


class CpuThrottling(Record):
    """How often, and how long, the quota was used up; bursts on cgroup v2 only."""

    periods: int = 0
    throttled_periods: int = 0
    throttled_time: int = 0
    bursts: int = 0
    burst_time: int = 0


class CpuStats(Record):
    """Processor time; psi is None where the kernel does not measure it."""

    usage: CpuUsage = CpuUsage()
    throttling: CpuThrottling = CpuThrottling()
    psi: PSIStats | None = None


class CpuSetStats(Record):
    """Processors and memory nodes, and the flags of a v1 cpuset."""

    cpus: tuple[int, ...] = ()
    mems: tuple[int, ...] = ()
    cpu_exclusive: int = 0
    mem_exclusive: int = 0
    mem_hardwall: int = 0
    memory_migrate: int = 0
    memory_pressure: int = 0
    memory_spread_page: int = 0
    memory_spread_slab: int = 0
    sched_load_balance: int = 0
    sched_relax_domain_level: int = 0


class MemoryData(Record):
    """One kind of memory: in use, most ever in use, how often the limit was hit, the limit."""

    usage: int = 0
    max_usage: int = 0
    fail_count: int = 0
    limit: int = 0


class MemoryStats(Record):
    """Memory; on cgroup v2 ``kernel`` and ``kernel_tcp`` are empty.

    Attributes:
        memswap: memory and swap together.
        cache: page cache.
        hierarchy: whether children are counted; always so on cgroup v2.
        stats: memory.stat as it is.
        oom_kills: processes killed because memory ran out.
    """

    memory: MemoryData = MemoryData()
    memswap: MemoryData = MemoryData()
    kernel: MemoryData = MemoryData()
    kernel_tcp: MemoryData = MemoryData()
    cache: int = 0
    hierarchy: bool = False
    stats: Mapping[str, int] = {}
    psi: PSIStats | None = None
    oom_kills: int = 0


class PidStats(Record):
    """Tasks; limit 0 means there is none."""

    current: int = 0
    limit: int = 0
    peak: int = 0


class BlkioDeviceStat(Record):
    """One number of one block device; op_type is empty where the kernel does not tell reads from writes."""

    major: int
    minor: int
    op_type: str
    value: int


class BlkioStats(Record):
    """Block devices, the cgroups below included. Only service_bytes and serviced exist with every scheduler."""

    service_bytes: tuple[BlkioDeviceStat, ...] = ()
    serviced: tuple[BlkioDeviceStat, ...] = ()
    queued: tuple[BlkioDeviceStat, ...] = ()
    service_time: tuple[BlkioDeviceStat, ...] = ()
    wait_time: tuple[BlkioDeviceStat, ...] = ()
    merged: tuple[BlkioDeviceStat, ...] = ()
    time: tuple[BlkioDeviceStat, ...] = ()
    sectors: tuple[BlkioDeviceStat, ...] = ()
    psi: PSIStats | None = None


class HugeTlbStats(Record):
    """Huge pages of one size: reserved if the kernel counts reservations, else in use."""

    usage: int = 0
    max_usage: int = 0
    fail_count: int = 0


class RdmaEntry(Record):
    """Handles and objects of one RDMA device; UNLIMITED where the file says max."""

    hca_handles: int = 0
    hca_objects: int = 0


class RdmaStats(Record):
    """What each RDMA device has given out, and may."""

    current: Mapping[str, RdmaEntry] = {}
    limit: Mapping[str, RdmaEntry] = {}


class Stats(Record):
    """Everything about one cgroup at one moment; hugetlb by page size (``2MB``)."""

    cpu: CpuStats = CpuStats()
    memory: MemoryStats = MemoryStats()
    pids: PidStats = PidStats()
    blkio: BlkioStats = BlkioStats()
    hugetlb: Mapping[str, HugeTlbStats] = {}
    rdma: RdmaStats = RdmaStats()
    cpuset: CpuSetStats = CpuSetStats()


class StatsProvider(Protocol):
    """A controller that can tell what a cgroup uses."""

    @classmethod
    def stats(cls, directory: str) -> object:
        """Read the part of Stats that belongs to this controller."""


def parse_value(text: str) -> int:
    """Parse a number; ``max`` is UNLIMITED.

    Raises:
        FormatError: it is no number.
    """
    text = text.strip()
    if text == "max":
        return UNLIMITED
    try:
        return int(text)
    except ValueError:
        raise _format_error(f"expected a number or max, got {text[:100]!r}") from None


def parse_single_value(path: str) -> int:
    """Read a file that holds one number; see parse_value.

    Raises:
        FileError: the file cannot be read.
        FormatError: it holds no number.
    """
    return _with_path(path, parse_value, files.read_cgroup_file(path))


def parse_optional_value(path: str) -> int:
    """Read a file that holds one number, 0 if this kernel does not have the file."""
    text = files.read_optional_cgroup_file(path)
    return 0 if text is None else _with_path(path, parse_value, text)


def parse_flat_keyed_data(path: str) -> dict[str, int]:
    """Read a file of lines ``key value``; empty if this kernel does not have it."""
    return _with_path(path, parse_flat_keyed, files.read_optional_cgroup_file(path) or "")


def parse_flat_keyed(text: str) -> dict[str, int]:
    """Parse lines ``key value``.

    Raises:
        FormatError: a line has another form.
    """
    values = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        values[key] = parse_value(value)
    return values


def parse_nested_keyed_data(path: str) -> dict[str, dict[str, str]]:
    """Read a file of lines ``key name=value name=value``; empty if this kernel does not have it."""
    return _with_path(path, parse_nested_keyed, files.read_optional_cgroup_file(path) or "")


def parse_nested_keyed(text: str) -> dict[str, dict[str, str]]:
    """Parse lines ``key name=value name=value``.

    A line may begin with several keys: for devices without counters some kernels write no end of line into io.stat.

    Raises:
        FormatError: a line has another form.
    """
    entries: dict[str, dict[str, str]] = {}
    for line in filter(str.strip, text.splitlines()):
        key, *pairs = line.split()
        entries[key] = {}
        for pair in pairs:
            name, equals, value = pair.partition("=")
            if equals:
                entries[key][name] = value
            elif entries[key]:
                raise _format_error(f"expected name=value, got {pair[:100]!r}")
            else:
                key = name
                entries[key] = {}
    return entries


def parse_device_number(text: str) -> tuple[int, int]:
    """Parse ``major:minor``.

    Raises:
        FormatError: it is none.
    """
    major, _, minor = text.partition(":")
    if not (major.isascii() and major.isdigit() and minor.isascii() and minor.isdigit()):
        raise _format_error(f"expected a device number major:minor, got {text[:100]!r}")
    return int(major), int(minor)


def parse_number_list(text: str) -> tuple[int, ...]:
    """Parse a list such as ``0-3,7``, "List format" of cpuset(7).

    Raises:
        FormatError: it has another form.
    """
    numbers: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if part:
            low, high = parse_value(first), parse_value(last or first)
            if not 0 <= low <= high <= _LARGEST_LISTED:
                raise _format_error(f"expected a range of processors or nodes, got {part[:100]!r}")
            numbers.extend(range(low, high + 1))
    return tuple(numbers)


def supported_page_sizes(directory: str = "/sys/kernel/mm/hugepages") -> list[str]:
    """List the sizes of huge pages this kernel has, spelled as in cgroup file names (``64KB``, ``2MB``, ``1GB``)."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    sizes = sorted(int(name.removeprefix("hugepages-").removesuffix("kB")) for name in names)
    return [_page_size(size_kib) for size_kib in sizes]


def pid_stats(directory: str) -> PidStats:
    """Read the pids controller, whose files are the same in both versions."""
    limit = parse_optional_value(f"{directory}/pids.max")
    return PidStats(
        current=parse_optional_value(f"{directory}/pids.current"),
        limit=0 if limit == UNLIMITED else limit,
        peak=parse_optional_value(f"{directory}/pids.peak"),
    )


def psi_stats(path: str) -> PSIStats | None:
    """Read a pressure file; None if this kernel does not measure, or has it switched off."""
    text = files.read_optional_cgroup_file(path)
    return None if text is None else _with_path(path, parse_pressure, text)


def parse_pressure(text: str) -> PSIStats:
    """Parse a pressure file; cpu.pressure of old kernels has no line ``full``.

    Raises:
        FormatError: it has another form.
    """
    data = {}
    for kind, values in parse_nested_keyed(text).items():
        try:
            avg10, avg60, avg300 = (float(values[name]) for name in ("avg10", "avg60", "avg300"))
            data[kind] = PSIData(avg10, avg60, avg300, int(values["total"]))
        except (KeyError, ValueError):
            raise _format_error(f"expected avg10, avg60, avg300 and total, got {values!r}") from None
    return PSIStats(some=data.get("some", PSIData()), full=data.get("full", PSIData()))


def _page_size(size_kib: int) -> str:
    for unit in ("KB", "MB"):
        if size_kib < 1024 or size_kib % 1024:
            return f"{size_kib}{unit}"
        size_kib //= 1024
    return f"{size_kib}GB"


if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    _Parsed = TypeVar("_Parsed")


def _with_path(path: str, parse: Callable[[str], _Parsed], text: str) -> _Parsed:
    from libcgroups import errors

    try:
        return parse(text)
    except errors.FormatError as error:
        raise errors.FormatError(f"read {path}: {error.message}", path=path) from None


def _format_error(reason: str) -> Exception:
    from libcgroups import errors

    return errors.FormatError(reason)
