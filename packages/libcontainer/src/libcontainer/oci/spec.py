"""The OCI runtime-spec 1.3 as data: config.json, the state, the message to a seccomp agent; no reading, no checking.

Names follow the specification in snake_case (``noNewPrivileges`` is ``no_new_privileges``). None means that the
property was not given. Sequences and mappings are empty by default, but where an absent one means something else than
an empty one. Properties of other platforms (windows, solaris, vm, zos, freebsd) are not kept.

The annotations are the one source of truth about types, ranges and choices: ``decode`` compiles its checkers from them,
``diagnose`` its pydantic models and JSON schema. Rules about several properties are in ``validate``.
"""

from __future__ import annotations

from libcgroups.record import Record
from libcgroups.resources import EMPTY_MAPPING, LinuxResources, int64, uint32, uint64

TYPE_CHECKING = False
if not TYPE_CHECKING:
    from libcgroups.resources import Annotated

    class Literal:
        """Stand-in of typing.Literal, whose import costs 10 ms: ``Literal["a", "b"]`` is ``("a", "b")``."""

        def __class_getitem__(cls, choices):
            """Return the choices as they are."""
            return choices


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Annotated, Literal, TypeAlias  # noqa: TC004 - the stand-ins above serve at run time

OCI_VERSION = "1.3.0"
"""The version of the specification that we implement and write."""

int32: TypeAlias = Annotated[int, -(2**31), 2**31 - 1]
uid_t: TypeAlias = Annotated[int, 0, 2**32 - 2]
"""A user id; 2**32 - 1 means "do not change" to the kernel and is refused. So for gid_t."""
gid_t: TypeAlias = Annotated[int, 0, 2**32 - 2]
mode_t: TypeAlias = Annotated[int, 0, 2**32 - 1]
"""A file mode, in decimal; engines were seen to send type bits as well, which are ignored."""
seconds: TypeAlias = Annotated[int, 1, 2**31 - 1]
pid_t: TypeAlias = Annotated[int, 0, 2**31 - 1]
oom_score: TypeAlias = Annotated[int, -1000, 1000]
io_level: TypeAlias = Annotated[int, 0, 7]

NamespaceType: TypeAlias = Literal["mount", "pid", "network", "uts", "ipc", "user", "cgroup", "time"]
RootfsPropagation: TypeAlias = Literal[
    "private", "shared", "slave", "unbindable", "rprivate", "rshared", "rslave", "runbindable"
]
DeviceType: TypeAlias = Literal["c", "b", "u", "p"]
RlimitType: TypeAlias = Literal[
    "RLIMIT_AS",
    "RLIMIT_CORE",
    "RLIMIT_CPU",
    "RLIMIT_DATA",
    "RLIMIT_FSIZE",
    "RLIMIT_LOCKS",
    "RLIMIT_MEMLOCK",
    "RLIMIT_MSGQUEUE",
    "RLIMIT_NICE",
    "RLIMIT_NOFILE",
    "RLIMIT_NPROC",
    "RLIMIT_RSS",
    "RLIMIT_RTPRIO",
    "RLIMIT_RTTIME",
    "RLIMIT_SIGPENDING",
    "RLIMIT_STACK",
]
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
SeccompAction: TypeAlias = Literal[
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_TRAP",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_TRACE",
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_LOG",
    "SCMP_ACT_NOTIFY",
]
SeccompFlag: TypeAlias = Literal[
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
]
SeccompOperator: TypeAlias = Literal[
    "SCMP_CMP_NE",
    "SCMP_CMP_LT",
    "SCMP_CMP_LE",
    "SCMP_CMP_EQ",
    "SCMP_CMP_GE",
    "SCMP_CMP_GT",
    "SCMP_CMP_MASKED_EQ",
]
SeccompArch: TypeAlias = Literal[
    "SCMP_ARCH_X86",
    "SCMP_ARCH_X86_64",
    "SCMP_ARCH_X32",
    "SCMP_ARCH_ARM",
    "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_LOONGARCH64",
    "SCMP_ARCH_M68K",
    "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32",
    "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE",
    "SCMP_ARCH_S390",
    "SCMP_ARCH_S390X",
    "SCMP_ARCH_SH",
    "SCMP_ARCH_SHEB",
    "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64",
    "SCMP_ARCH_RISCV64",
]


class Root(Record):
    """The root filesystem; path is absolute or relative to the bundle."""

    path: str
    readonly: bool = False


class LinuxIDMapping(Record):
    """A range of ids inside a user namespace, or of an idmapped mount, and where it lies outside."""

    container_id: uint32
    host_id: uint32
    size: uint32


class Mount(Record):
    """A mount besides the root; the mappings make it an idmapped one."""

    destination: str
    source: str | None = None
    type: str | None = None
    options: Sequence[str] = ()
    uid_mappings: Sequence[LinuxIDMapping] = ()
    gid_mappings: Sequence[LinuxIDMapping] = ()


class Box(Record):
    """The size of a terminal, in characters (``consoleSize``)."""

    height: uint64
    width: uint64


class User(Record):
    """Who the process is, in ids of the container; umask None means that none was asked for."""

    uid: uid_t = 0
    gid: gid_t = 0
    umask: mode_t | None = None
    additional_gids: Sequence[gid_t] = ()


class LinuxCapabilities(Record):
    """The five sets of capabilities(7), by names such as CAP_KILL; unknown names are allowed and merit a warning."""

    bounding: Sequence[str] | None = None
    effective: Sequence[str] | None = None
    permitted: Sequence[str] | None = None
    inheritable: Sequence[str] | None = None
    ambient: Sequence[str] | None = None


class Rlimit(Record):
    """A resource limit, getrlimit(2); 2**64 - 1 is RLIM_INFINITY."""

    type: RlimitType
    soft: uint64
    hard: uint64


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


class Process(Record):
    """The process to be started in the container."""

    cwd: str
    args: Sequence[str] | None = None
    env: Sequence[str] = ()
    terminal: bool = False
    console_size: Box | None = None
    user: User = User()
    capabilities: LinuxCapabilities | None = None
    rlimits: Sequence[Rlimit] = ()
    no_new_privileges: bool | None = None
    apparmor_profile: str | None = None
    selinux_label: str | None = None
    oom_score_adj: oom_score | None = None
    scheduler: Scheduler | None = None
    io_priority: IOPriority | None = None
    exec_cpu_affinity: ExecCPUAffinity | None = None


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


class LinuxNamespace(Record):
    """A namespace: a new one, or the existing one that path names."""

    type: NamespaceType
    path: str | None = None


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


class LinuxSeccompArg(Record):
    """A condition on one argument of a system call; value_two is the compared value of SCMP_CMP_MASKED_EQ."""

    index: uint32
    value: uint64
    op: SeccompOperator
    value_two: uint64 = 0


class LinuxSyscall(Record):
    """What is done on some system calls when all conditions hold."""

    names: Sequence[str]
    action: SeccompAction
    errno_ret: uint32 | None = None
    args: Sequence[LinuxSeccompArg] = ()


class LinuxSeccomp(Record):
    """The seccomp filter; flags None means the runtime's default, an empty sequence means none."""

    default_action: SeccompAction
    default_errno_ret: uint32 | None = None
    architectures: Sequence[SeccompArch] = ()
    flags: Sequence[SeccompFlag] | None = None
    listener_path: str | None = None
    listener_metadata: str | None = None
    syscalls: Sequence[LinuxSyscall] = ()


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


class Linux(Record):
    """What is special to Linux."""

    namespaces: Sequence[LinuxNamespace] = ()
    uid_mappings: Sequence[LinuxIDMapping] = ()
    gid_mappings: Sequence[LinuxIDMapping] = ()
    time_offsets: TimeOffsets | None = None
    devices: Sequence[LinuxDevice] = ()
    net_devices: Mapping[str, LinuxNetDevice] = EMPTY_MAPPING
    cgroups_path: str | None = None
    resources: LinuxResources | None = None
    rootfs_propagation: RootfsPropagation | None = None
    seccomp: LinuxSeccomp | None = None
    sysctl: Mapping[str, str] = EMPTY_MAPPING
    masked_paths: Sequence[str] = ()
    readonly_paths: Sequence[str] = ()
    mount_label: str | None = None
    intel_rdt: LinuxIntelRdt | None = None
    memory_policy: LinuxMemoryPolicy | None = None
    personality: LinuxPersonality | None = None


class Spec(Record):
    """The whole of config.json; no ``linux`` is the same as an empty one."""

    oci_version: str
    root: Root
    process: Process | None = None
    hostname: str | None = None
    domainname: str | None = None
    mounts: Sequence[Mount] = ()
    hooks: Hooks | None = None
    annotations: Mapping[str, str] = EMPTY_MAPPING
    linux: Linux = Linux()


class State(Record):
    """The state of a container, as ``state`` prints it and as hooks get it on stdin.

    Attributes:
        status: creating, created, running or stopped; runtimes may add others, such as paused.
        pid: None when no process exists.
    """

    oci_version: str
    id: str
    status: str
    bundle: str
    pid: pid_t | None = None
    annotations: Mapping[str, str] = EMPTY_MAPPING


class ContainerProcessState(Record):
    """What a seccomp agent is told on listenerPath, beside the descriptors; fds names these in order."""

    oci_version: str
    fds: Sequence[str]
    pid: pid_t
    state: State
    metadata: str | None = None
