"""The OCI runtime-spec 1.3 as data: config.json, the state, the message to a seccomp agent; no reading, no checking.

Names follow the specification in snake_case (``noNewPrivileges`` is ``no_new_privileges``). None means that the
property was not given. Sequences and mappings are empty by default, but where an absent one means something else than
an empty one. Properties of other platforms (windows, solaris, vm, zos, freebsd) are not kept.

The annotations are the one source of truth about types, ranges and choices: ``decode`` compiles its checkers from them,
``diagnose`` its pydantic models and JSON schema. Rules about several properties are in ``validate``.

What not every container has is defined in ``spec_seccomp`` and ``spec_rare`` and loaded when it is first named.
"""

from __future__ import annotations

from libcgroups.record import Record
from libcgroups.resources import EMPTY_MAPPING, LinuxResources, uint32, uint64

TYPE_CHECKING = False
if not TYPE_CHECKING:
    from libcgroups.resources import Annotated

    _SECCOMP = ("ContainerProcessState", "LinuxSeccomp", "LinuxSeccompArg", "LinuxSyscall")

    def __getattr__(name):
        """Load what not every container has, PEP 562."""
        if name.startswith("_"):  # the import system asks for __path__
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name in _SECCOMP:
            from libcontainer.oci import spec_seccomp as home
        else:
            from libcontainer.oci import spec_rare as home
        value = globals()[name] = getattr(home, name)
        return value

    class Literal:
        """Stand-in of typing.Literal, whose import costs 10 ms: ``Literal["a", "b"]`` is ``("a", "b")``."""

        def __class_getitem__(cls, choices):
            """Return the choices as they are."""
            return choices


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Annotated, Literal, TypeAlias  # noqa: TC004 - the stand-ins above serve at run time

    # isort: off
    from libcontainer.oci.spec_rare import (
        Box as Box,
        ExecCPUAffinity as ExecCPUAffinity,
        Hook as Hook,
        Hooks as Hooks,
        IOPriority as IOPriority,
        LinuxDevice as LinuxDevice,
        LinuxIntelRdt as LinuxIntelRdt,
        LinuxMemoryPolicy as LinuxMemoryPolicy,
        LinuxNetDevice as LinuxNetDevice,
        LinuxPersonality as LinuxPersonality,
        Scheduler as Scheduler,
        TimeOffset as TimeOffset,
        TimeOffsets as TimeOffsets,
    )
    from libcontainer.oci.spec_seccomp import (
        ContainerProcessState as ContainerProcessState,
        LinuxSeccomp as LinuxSeccomp,
        LinuxSeccompArg as LinuxSeccompArg,
        LinuxSyscall as LinuxSyscall,
    )
    # isort: on

OCI_VERSION = "1.3.0"
"""The version of the specification that we implement and write."""

uid_t: TypeAlias = Annotated[int, 0, 2**32 - 2]
"""A user id; 2**32 - 1 means "do not change" to the kernel and is refused. So for gid_t."""
gid_t: TypeAlias = Annotated[int, 0, 2**32 - 2]
mode_t: TypeAlias = Annotated[int, 0, 2**32 - 1]
"""A file mode, in decimal; engines were seen to send type bits as well, which are ignored."""
pid_t: TypeAlias = Annotated[int, 0, 2**31 - 1]
oom_score: TypeAlias = Annotated[int, -1000, 1000]

NamespaceType: TypeAlias = Literal["mount", "pid", "network", "uts", "ipc", "user", "cgroup", "time"]
RootfsPropagation: TypeAlias = Literal[
    "private", "shared", "slave", "unbindable", "rprivate", "rshared", "rslave", "runbindable"
]
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


class LinuxNamespace(Record):
    """A namespace: a new one, or the existing one that path names."""

    type: NamespaceType
    path: str | None = None


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
