"""What few containers have: hooks, scheduling, devices, other properties of Linux; ``spec`` has all by name."""

from __future__ import annotations

from libcgroups.record import Record
from libcgroups.resources import int64, uint32, uint64
from libcontainer.oci.spec import gid_t, mode_t, uid_t

TYPE_CHECKING = False
if not TYPE_CHECKING:
    from libcontainer.oci.spec import Annotated, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Annotated, Literal, TypeAlias  # noqa: TC004 - the stand-ins serve at run time

int32: TypeAlias = Annotated[int, -(2**31), 2**31 - 1]
seconds: TypeAlias = Annotated[int, 1, 2**31 - 1]
io_level: TypeAlias = Annotated[int, 0, 7]
DeviceType: TypeAlias = Literal["c", "b", "u", "p"]
SchedulerPolicy: TypeAlias = Literal[
    "SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE"
]
SchedulerFlag: TypeAlias = Literal[
    "SCHED_FLAG_RESET_ON_FORK",
    "SCHED_FLAG_RECLAIM",
    "SCHED_FLAG_DL_OVERRUN",
    "SCHED_FLAG_KEEP_POLICY",
    "SCHED_FLAG_KEEP_PARAMS",
    "SCHED_FLAG_UTIL_CLAMP_MIN",
    "SCHED_FLAG_UTIL_CLAMP_MAX",
]
IOPriorityClass: TypeAlias = Literal["IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"]
PersonalityDomain: TypeAlias = Literal["LINUX", "LINUX32"]
MemoryPolicyMode: TypeAlias = Literal[
    "MPOL_DEFAULT",
    "MPOL_BIND",
    "MPOL_INTERLEAVE",
    "MPOL_WEIGHTED_INTERLEAVE",
    "MPOL_PREFERRED",
    "MPOL_PREFERRED_MANY",
    "MPOL_LOCAL",
]
MemoryPolicyFlag: TypeAlias = Literal["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"]


class Box(Record):
    """The size of a terminal, in characters (``consoleSize``)."""

    height: uint64
    width: uint64


class Scheduler(Record):
    """How the process is scheduled, sched_setattr(2); runtime, deadline and period in nanoseconds."""

    policy: SchedulerPolicy
    nice: int32 | None = None
    priority: int32 | None = None
    flags: Sequence[SchedulerFlag] = ()
    runtime: uint64 | None = None
    deadline: uint64 | None = None
    period: uint64 | None = None


class IOPriority(Record):
    """The I/O priority of the process, ioprio_set(2); 0 is the highest priority of a class."""

    class_: IOPriorityClass
    priority: io_level = 0


class ExecCPUAffinity(Record):
    """Processors, such as "0-3,7", for an exec process before (initial) and after (final) it joins the cgroup."""

    initial: str | None = None
    final: str | None = None


class Hook(Record):
    """A program run at a point of the life cycle; args includes argv[0], timeout is in seconds."""

    path: str
    args: Sequence[str] | None = None
    env: Sequence[str] | None = None
    timeout: seconds | None = None


class Hooks(Record):
    """The hooks by the point at which they run; prestart is deprecated but in wide use."""

    prestart: Sequence[Hook] = ()
    create_runtime: Sequence[Hook] = ()
    create_container: Sequence[Hook] = ()
    start_container: Sequence[Hook] = ()
    poststart: Sequence[Hook] = ()
    poststop: Sequence[Hook] = ()


class LinuxDevice(Record):
    """A device node in the container; major and minor are needed but for a FIFO ("p")."""

    type: DeviceType
    path: str
    major: int64 | None = None
    minor: int64 | None = None
    file_mode: mode_t | None = None
    uid: uid_t | None = None
    gid: gid_t | None = None


class LinuxNetDevice(Record):
    """A network device moved into the container; name is its name there, the same one by default."""

    name: str | None = None


class TimeOffset(Record):
    """The offset of one clock of a time namespace."""

    secs: int64 = 0
    nanosecs: uint32 = 0


class TimeOffsets(Record):
    """The offsets of the clocks that a time namespace can shift, time_namespaces(7)."""

    boottime: TimeOffset | None = None
    monotonic: TimeOffset | None = None


class LinuxIntelRdt(Record):
    """The class of service of Intel's Resource Director Technology, resctrl."""

    clos_id: str | None = None
    schemata: Sequence[str] | None = None
    l3_cache_schema: str | None = None
    mem_bw_schema: str | None = None
    enable_monitoring: bool = False


class LinuxPersonality(Record):
    """The execution domain, personality(2)."""

    domain: PersonalityDomain
    flags: Sequence[str] = ()


class LinuxMemoryPolicy(Record):
    """The NUMA memory policy, set_mempolicy(2); nodes is a list such as "0-1,3"."""

    mode: MemoryPolicyMode
    nodes: str | None = None
    flags: Sequence[MemoryPolicyFlag] = ()
