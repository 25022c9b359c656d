"""Resources and annotations as properties of a transient unit, systemd.resource-control(5); not how they are sent.

systemd must know the limits, or it would set its own ideas again at the next ``systemctl daemon-reload``. What it has
no property for, or knows only rounded, is written to the cgroup's files as well.
"""

from __future__ import annotations

from libcgroups.systemd.dbus_native.serialize import Variant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import NoReturn

    from libcgroups.resources import LinuxBlockIO, LinuxCPU, LinuxDeviceCgroup, LinuxMemory, LinuxResources

    Property = tuple[str, Variant]
    Properties = Sequence[Property]

CPU_WEIGHT = "CPUWeight"
CPU_SHARES = "CPUShares"
CPU_QUOTA_PER_SEC_USEC = "CPUQuotaPerSecUSec"
CPU_QUOTA_PERIOD_USEC = "CPUQuotaPeriodUSec"
ALLOWED_CPUS = "AllowedCPUs"
ALLOWED_NODES = "AllowedMemoryNodes"
MEMORY_MIN = "MemoryMin"
MEMORY_LOW = "MemoryLow"
MEMORY_HIGH = "MemoryHigh"
MEMORY_MAX = "MemoryMax"
MEMORY_SWAP_MAX = "MemorySwapMax"
MEMORY_LIMIT = "MemoryLimit"
TASKS_MAX = "TasksMax"
IO_WEIGHT = "IOWeight"
IO_DEVICE_WEIGHT = "IODeviceWeight"
BLOCK_IO_WEIGHT = "BlockIOWeight"
DEVICE_POLICY = "DevicePolicy"
DEVICE_ALLOW = "DeviceAllow"
OOM_POLICY = "OOMPolicy"

#: USEC_INFINITY, CGROUP_LIMIT_MAX: what systemd takes for "no limit".
INFINITY = 2**64 - 1

ANNOTATION_PREFIX = "org.systemd.property."

#: The properties that an annotation may set: those that end at the container. systemd itself refuses to a scope what
#: would run programs, such as ExecStop, but takes others that reach the host: SuccessAction restarts it, Conflicts and
#: Wants stop and start other units, PIDs takes processes of others, User gives the cgroup away, BPFProgram and
#: IPIngressFilterPath attach programs, DeviceAllow opens devices.
ANNOTATED = frozenset(
    (
        # How it ends, and when with regard to others: systemd.scope(5), systemd.kill(5), systemd.unit(5).
        "After", "Before", "CollectMode", "DefaultDependencies", "Delegate", "Description", "Documentation",
        "FinalKillSignal", "KillMode", "KillSignal", "OOMPolicy", "RuntimeMaxUSec", "RuntimeRandomizedExtraUSec",
        "SendSIGHUP", "SendSIGKILL", "TimeoutStopUSec",
        # Its limits, below those of the slice: systemd.resource-control(5).
        "AllowedCPUs", "AllowedMemoryNodes", "BlockIOAccounting", "BlockIODeviceWeight", "BlockIOReadBandwidth",
        "BlockIOWeight", "BlockIOWriteBandwidth", "CPUAccounting", "CPUQuotaPerSecUSec", "CPUQuotaPeriodUSec",
        "CPUShares", "CPUWeight", "IOAccounting", "IODeviceLatencyTargetUSec", "IODeviceWeight", "IOReadBandwidthMax",
        "IOReadIOPSMax", "IOWeight", "IOWriteBandwidthMax", "IOWriteIOPSMax", "IPAccounting", "MemoryAccounting",
        "MemoryHigh", "MemoryLimit", "MemoryLow", "MemoryMax", "MemoryMin", "MemorySwapMax", "MemoryZSwapMax",
        "StartupCPUWeight", "StartupIOWeight", "TasksAccounting", "TasksMax",
    )
)  # fmt: skip

# The first versions of systemd that know a property, or a value of it.
SINCE_QUOTA_PERIOD = 242
SINCE_ALLOWED_CPUS = 244
SINCE_CPU_IDLE = 252
SINCE_SCOPE_OOM_POLICY = 253

_DEFAULT_PERIOD_US = 100_000
_USEC_PER_SEC = 1_000_000
# systemd keeps the quota as whole percents of a second.
_QUOTA_STEP_US = 10_000
_MAX_CPUS = 8192

_NUMBER_FILES = {
    "memory.min": MEMORY_MIN,
    "memory.low": MEMORY_LOW,
    "memory.high": MEMORY_HIGH,
    "memory.max": MEMORY_MAX,
    "memory.swap.max": MEMORY_SWAP_MAX,
    "pids.max": TASKS_MAX,
    "cpu.weight": CPU_WEIGHT,
}


def unit_properties(
    unit: str, slice_name: str, description: str, pids: Sequence[int], *, is_unified: bool
) -> list[Property]:
    """Return what every unit of a container gets.

    Args:
        unit: its name; ``.slice`` makes it a slice, anything else is a scope.
        slice_name: of the unit above it.
        description: for people, ``systemctl status`` shows it.
        pids: the first processes; a scope needs one, a slice takes none.
        is_unified: cgroup v2.
    """
    io_accounting = "IOAccounting" if is_unified else "BlockIOAccounting"
    properties = [("Description", Variant("s", description))]
    if unit.endswith(".slice"):
        properties.append(("Wants", Variant("as", [slice_name])))
    else:
        properties.append(("Slice", Variant("s", slice_name)))
        properties.append(("Delegate", Variant("b", True)))
        properties.append(("PIDs", Variant("au", list(pids))))
    accounting = ("CPUAccounting", "MemoryAccounting", "TasksAccounting", io_accounting)
    properties += [(name, Variant("b", True)) for name in accounting]
    # Otherwise a container would be ordered against the shutdown of the machine like a service.
    properties.append(("DefaultDependencies", Variant("b", False)))
    return properties


def from_resources(resources: LinuxResources, version: int, *, is_unified: bool) -> list[Property]:
    """Return the properties for limits; each name once, ``unified`` has the last word.

    Args:
        resources: the limits.
        version: of systemd; what it does not know yet is left to the cgroup's files.
        is_unified: cgroup v2.

    Raises:
        ResourceError: a value is invalid or contradicts another.
    """
    found: dict[str, Variant] = {}
    if resources.cpu is not None:
        found.update(_cpu(resources.cpu, version, is_unified=is_unified))
    if resources.memory is not None:
        found.update(_memory(resources.memory, is_unified=is_unified))
    if resources.pids is not None:
        limit = resources.pids.limit
        found[TASKS_MAX] = Variant("t", INFINITY if limit < 0 else max(limit, 1))
    if resources.block_io is not None:
        found.update(_block_io(resources.block_io, is_unified=is_unified))
    if is_unified:
        found.update(from_unified(resources.unified, version))
    return list(found.items())


def _cpu(cpu: LinuxCPU, version: int, *, is_unified: bool) -> Iterable[Property]:
    from libcgroups.v2.cpu import convert_shares_to_cgroup2

    if cpu.shares and is_unified:
        yield CPU_WEIGHT, Variant("t", convert_shares_to_cgroup2(cpu.shares))
    elif cpu.shares:
        yield CPU_SHARES, Variant("t", cpu.shares)
    if cpu.idle and is_unified and version >= SINCE_CPU_IDLE:
        yield CPU_WEIGHT, Variant("t", 0)
    if cpu.quota or cpu.period:
        yield from quota_properties(cpu.quota or 0, cpu.period or 0, version)
    if is_unified and version >= SINCE_ALLOWED_CPUS:
        if cpu.cpus:
            yield ALLOWED_CPUS, Variant("ay", to_bitmask(cpu.cpus))
        if cpu.mems:
            yield ALLOWED_NODES, Variant("ay", to_bitmask(cpu.mems))


def _block_io(block_io: LinuxBlockIO, *, is_unified: bool) -> Iterable[Property]:
    """Yield weights; rates are files only, those of devices that it knows nothing of systemd leaves alone."""
    if not is_unified:
        if block_io.weight:
            yield BLOCK_IO_WEIGHT, Variant("t", block_io.weight)
        return
    from libcgroups.v2.io import convert_weight_to_cgroup2

    if block_io.weight:
        yield IO_WEIGHT, Variant("t", convert_weight_to_cgroup2(block_io.weight))
    devices: list[object] = [
        (f"/dev/block/{device.major}:{device.minor}", convert_weight_to_cgroup2(device.weight))
        for device in block_io.weight_device
        if device.weight
    ]
    if devices:
        yield IO_DEVICE_WEIGHT, Variant("a(st)", devices)


def quota_properties(quota_us: int, period_us: int, version: int) -> Iterable[Property]:
    """Yield the properties of a bandwidth.

    Args:
        quota_us: time per period; 0 and less is unlimited.
        period_us: 0 is the kernel's default, 100 ms.
        version: of systemd.
    """
    if period_us and version >= SINCE_QUOTA_PERIOD:
        yield CPU_QUOTA_PERIOD_USEC, Variant("t", period_us)
    per_second = INFINITY
    if quota_us > 0:
        per_second = quota_us * _USEC_PER_SEC // (period_us or _DEFAULT_PERIOD_US)
        # Upwards: the file of the cgroup gets the exact number, and may not exceed what systemd set.
        per_second = -(-per_second // _QUOTA_STEP_US) * _QUOTA_STEP_US
    yield CPU_QUOTA_PER_SEC_USEC, Variant("t", per_second)


def _memory(memory: LinuxMemory, *, is_unified: bool) -> Iterable[Property]:
    if not is_unified:
        if memory.limit:
            yield MEMORY_LIMIT, _limit(memory.limit)
        return
    from libcgroups.v2.memory import convert_swap_to_cgroup2

    swap = convert_swap_to_cgroup2(memory.limit, memory.swap)
    if memory.limit:
        yield MEMORY_MAX, _limit(memory.limit)
    if memory.reservation:
        yield MEMORY_LOW, _limit(memory.reservation)
    if swap is not None:
        yield MEMORY_SWAP_MAX, _limit(swap)


def _limit(value: int) -> Variant:
    return Variant("t", INFINITY if value < 0 else value)


def from_unified(unified: Mapping[str, str], version: int) -> Iterable[Property]:
    """Yield the properties for those files of ``linux.resources.unified`` that systemd knows.

    Raises:
        ResourceError: a value that does not fit its file.
    """
    for key, text in unified.items():
        value = text.strip()
        try:
            if key in _NUMBER_FILES:
                yield _NUMBER_FILES[key], Variant("t", INFINITY if value == "max" else int(value))
            elif key == "cpu.idle" and int(value) and version >= SINCE_CPU_IDLE:
                yield CPU_WEIGHT, Variant("t", 0)
            elif key == "cpu.max":
                quota, _, period = value.partition(" ")
                yield from quota_properties(0 if quota == "max" else int(quota), int(period or 0), version)
            elif key == "cpuset.cpus" and version >= SINCE_ALLOWED_CPUS:
                yield ALLOWED_CPUS, Variant("ay", to_bitmask(value))
            elif key == "cpuset.mems" and version >= SINCE_ALLOWED_CPUS:
                yield ALLOWED_NODES, Variant("ay", to_bitmask(value))
        except ValueError:
            from libcgroups import errors

            raise errors.ResourceError(f"linux.resources.unified[{key!r}]: not a valid value: {text!r}") from None


def oom_policy(unified: Mapping[str, str], version: int) -> list[Property]:
    """Return OOMPolicy for ``memory.oom.group``: kill all or nobody else. Only while the unit is made."""
    group = unified.get("memory.oom.group", "").strip()
    if version < SINCE_SCOPE_OOM_POLICY or group not in ("0", "1"):
        return []
    return [(OOM_POLICY, Variant("s", "kill" if group == "1" else "continue"))]


def to_bitmask(numbers: str) -> bytes:
    """Convert a list of processors or nodes, ``0-2,9``, to the bit mask that systemd takes, lowest byte first.

    Raises:
        ResourceError: not such a list.
    """
    mask = 0
    for part in numbers.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        ends = (first, last if dash else first)
        if not all(end.isascii() and end.isdigit() and int(end) < _MAX_CPUS for end in ends) or int(ends[1]) < int(
            first
        ):
            from libcgroups import errors

            raise errors.ResourceError(
                f"linux.resources.cpu: list of numbers {numbers!r} is not valid at {part!r}", controller="cpuset"
            )
        mask |= (1 << int(ends[1]) + 1) - (1 << int(first))
    return mask.to_bytes(-(-mask.bit_length() // 8), "little")


def from_devices(rules: Sequence[LinuxDeviceCgroup]) -> list[Property]:
    """Return DevicePolicy and DeviceAllow for cgroup v1.

    There systemd would else allow everything again at ``daemon-reload``. On v2 it leaves our program alone as long as
    it has no rules of its own, and these could only take away what the program, exactly, allows: none are given.

    Raises:
        ResourceError: a rule is invalid, or cannot be expressed on v1.
    """
    from libcgroups import devices

    writes = devices.v1_writes(devices.complete_rules(rules))
    if ("devices.deny", "a") not in writes:
        return [(DEVICE_POLICY, Variant("s", "auto")), (DEVICE_ALLOW, Variant("a(ss)", []))]
    groups: dict[str, str] | None = None
    allowed = []
    for _, text in writes[1:]:
        kind, numbers, access = text.split(" ")
        major, _, minor = numbers.partition(":")
        prefix = "char" if kind == "c" else "block"
        if minor != "*" and major != "*":
            allowed.append((f"/dev/{prefix}/{numbers}", access))
        elif major == "*":
            allowed.append((f"{prefix}-*", access))
        else:
            groups = groups if groups is not None else read_device_groups()
            if f"{prefix}-{major}" in groups:  # no driver, no device
                allowed.append((f"{prefix}-{groups[f'{prefix}-{major}']}", access))
    return [(DEVICE_POLICY, Variant("s", "strict")), (DEVICE_ALLOW, Variant("a(ss)", allowed))]


def read_device_groups(path: str = "/proc/devices") -> dict[str, str]:
    """Return the names of drivers by ``char-MAJOR`` and ``block-MAJOR``."""
    groups: dict[str, str] = {}
    prefix = ""
    with open(path, encoding="ascii", errors="replace") as file:
        for line in file:
            words = line.split()
            if line.startswith(("Character", "Block")):
                prefix = "char" if words[0] == "Character" else "block"
            elif len(words) == 2:
                groups.setdefault(f"{prefix}-{words[0]}", words[1])
    return groups


def from_annotations(annotations: Iterable[tuple[str, str]]) -> list[Property]:
    """Return the properties that annotations ``org.systemd.property.NAME`` ask for, values in GVariant text.

    ``NAMESec`` takes seconds and becomes ``NAMEUSec``, as the manual pages and D-Bus spell it.

    Raises:
        ResourceError: a property that is not among ``ANNOTATED``, or a value that is not GVariant text.
    """
    found = []
    for key, text in annotations:
        if not key.startswith(ANNOTATION_PREFIX):
            continue
        name = key[len(ANNOTATION_PREFIX) :]
        takes_seconds = name.endswith("Sec") and not name.endswith("USec")
        property_name = f"{name[:-3]}USec" if takes_seconds else name
        if property_name not in ANNOTATED:
            hint = "for the units of all containers, a drop-in below PREFIX-.scope.d can, see systemd.unit(5)"
            _refuse(key, "not a property that an annotation may set", hint)
        from libcgroups.systemd import gvariant
        from libcgroups.systemd.dbus_native.errors import SerializeError

        try:
            value = gvariant.parse(text)
        except SerializeError as error:
            _refuse(key, error.message)
        found.append((property_name, _to_microseconds(key, value) if takes_seconds else value))
    return found


def _to_microseconds(key: str, seconds: Variant) -> Variant:
    number = seconds.value
    if seconds.signature not in tuple("ynqiuxtd") or not isinstance(number, int | float) or number < 0:
        _refuse(key, "expected a number of seconds")
    return Variant("t", min(round(number * _USEC_PER_SEC), INFINITY))


def _refuse(key: str, reason: str, hint: str = "") -> NoReturn:
    from libcgroups import errors

    error = errors.ResourceError(f"annotation {key}: {reason}", hint=hint)
    error.property = f"annotations[{key}]"
    raise error
