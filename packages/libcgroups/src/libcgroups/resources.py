"""The resources of a container as data, ``linux.resources`` of the OCI runtime-spec 1.3; not how they are applied.

Names follow the specification in snake_case; what a property means to the kernel is told by the module of its
controller. None, and an empty sequence or mapping, mean that the property was not given and is to be left alone.

The annotations are the one source of truth about types and ranges: libcontainer compiles its decoder from them.

What few containers have is defined in ``resources_rare`` and loaded when it is first named: each class costs a command
that does not use it 10 microseconds and 3 KiB.
"""

from __future__ import annotations

from libcgroups.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Annotated, Never, TypeAlias

    # isort: off
    from libcgroups.resources_rare import (
        LinuxBlockIO as LinuxBlockIO,
        LinuxHugepageLimit as LinuxHugepageLimit,
        LinuxInterfacePriority as LinuxInterfacePriority,
        LinuxNetwork as LinuxNetwork,
        LinuxRdma as LinuxRdma,
        LinuxThrottleDevice as LinuxThrottleDevice,
        LinuxWeightDevice as LinuxWeightDevice,
    )
    # isort: on
else:

    def __getattr__(name):
        """Load what few containers have, PEP 562."""
        if name.startswith("_"):  # the import system asks for __path__
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from libcgroups import resources_rare

        value = globals()[name] = getattr(resources_rare, name)
        return value

    class Annotated:
        """Stand-in of typing.Annotated, whose import costs 10 ms: ``Annotated[int, 0, 9]`` is ``(int, 0, 9)``."""

        def __class_getitem__(cls, parts):
            """Return the parts as they are: the type, the least and the greatest value."""
            return parts


uint16: TypeAlias = Annotated[int, 0, 2**16 - 1]
"""An integer of 16 bits, as the schema of the specification calls it; so for the others."""
uint32: TypeAlias = Annotated[int, 0, 2**32 - 1]
uint64: TypeAlias = Annotated[int, 0, 2**64 - 1]
int64: TypeAlias = Annotated[int, -(2**63), 2**63 - 1]

# The type of ``type.__dict__`` is types.MappingProxyType; importing types for it would cost more.
EMPTY_MAPPING: Mapping[str, Never] = type(type.__dict__)({})
"""The default of every optional mapping: empty, and safe to share as nobody can change it."""


class LinuxDeviceCgroup(Record):
    """A rule of the device cgroup; rules are applied in order, the last match wins.

    Attributes:
        type: "a" (all), "b" (block) or "c" (character); None means all.
        major: None means every major number; so for minor.
        access: letters out of r (read), w (write) and m (mknod).
    """

    allow: bool
    type: str | None = None
    major: int64 | None = None
    minor: int64 | None = None
    access: str | None = None


class LinuxMemory(Record):
    """Limits of memory, in bytes; -1 means unlimited.

    Attributes:
        swap: memory and swap together, as memory.memsw.limit_in_bytes of cgroup v1 counts.
        swappiness: 0 to 100.
        check_before_update: refuse a new limit that is below the present use.
    """

    limit: int64 | None = None
    reservation: int64 | None = None
    swap: int64 | None = None
    kernel: int64 | None = None
    kernel_tcp: int64 | None = None
    swappiness: uint64 | None = None
    disable_oom_killer: bool | None = None
    use_hierarchy: bool | None = None
    check_before_update: bool | None = None


class LinuxCPU(Record):
    """Shares and limits of processor time; quotas, bursts and periods in microseconds.

    Attributes:
        shares: relative weight, 2 to 262144; 0 leaves it alone.
        quota: time per period; -1 means unlimited.
        cpus: list of processors as cpuset(7) writes it, such as "0-3,7"; so for mems, the memory nodes.
        idle: 1 makes it SCHED_IDLE for cgroups.
    """

    shares: uint64 | None = None
    quota: int64 | None = None
    burst: uint64 | None = None
    period: uint64 | None = None
    realtime_runtime: int64 | None = None
    realtime_period: uint64 | None = None
    cpus: str | None = None
    mems: str | None = None
    idle: int64 | None = None


class LinuxPids(Record):
    """The limit of the number of tasks; a negative one means unlimited."""

    limit: int64


class LinuxResources(Record):
    """Everything under ``linux.resources``.

    Attributes:
        rdma: limits by the name of the device.
        unified: what to write into which file of a cgroup v2, after all the rest.
    """

    devices: Sequence[LinuxDeviceCgroup] = ()
    memory: LinuxMemory | None = None
    cpu: LinuxCPU | None = None
    pids: LinuxPids | None = None
    block_io: LinuxBlockIO | None = None
    hugepage_limits: Sequence[LinuxHugepageLimit] = ()
    network: LinuxNetwork | None = None
    rdma: Mapping[str, LinuxRdma] = EMPTY_MAPPING
    unified: Mapping[str, str] = EMPTY_MAPPING
