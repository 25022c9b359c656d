"""Rules of ``linux``: namespaces and what needs them, paths, devices, sysctls; groups of properties have modules."""

from __future__ import annotations

from libcontainer.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from libcontainer.oci.spec import Linux, LinuxDevice, LinuxNamespace, Spec

    Namespaces = Mapping[str, str | None]

_OF_IPC = (
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
)
_SWAP = {ord("/"): ".", ord("."): "/"}
_MAX_MAJOR = 2**12 - 1
_MAX_MINOR = 2**20 - 1
_NANOSECONDS = 10**9


def faults(spec: Spec) -> Iterator[SpecError]:
    """Find every fault of the Linux part."""
    linux = spec.linux
    namespaces: Namespaces = {namespace.type: namespace.path or None for namespace in linux.namespaces}
    yield from _namespaces(linux.namespaces)
    if "user" in namespaces or linux.uid_mappings or linux.gid_mappings:
        yield from _user_namespace(linux, namespaces)
    if linux.time_offsets is not None:
        yield from _time_offsets(linux, namespaces)
    if linux.devices:
        yield from _devices(linux.devices)
    if linux.masked_paths or linux.readonly_paths:
        yield from _paths(linux, namespaces)
    if namespaces.get("mount", "not listed") is not None:
        yield from _needs_of_mounts(spec)
    if linux.cgroups_path is not None and ".." in linux.cgroups_path.split("/"):
        yield SpecError("linux.cgroupsPath", f"must not hold '..', got {linux.cgroups_path[:80]!r}")
    if linux.personality is not None and linux.personality.flags:
        yield SpecError("linux.personality.flags", "no flag is supported, the specification reserves them")
    yield from _groups(spec, namespaces)


def _groups(spec: Spec, namespaces: Namespaces) -> Iterator[SpecError]:
    """Import and ask the modules of the groups that the Spec has."""
    linux = spec.linux
    if linux.sysctl:
        yield from _sysctls(spec, namespaces)
    if linux.seccomp is not None:
        from libcontainer.oci.validate import seccomp

        yield from seccomp.faults(linux.seccomp)
    if linux.resources is not None:
        from libcontainer.oci.validate import resources

        yield from resources.faults(linux.resources, "linux.resources")
    if linux.net_devices:
        from libcontainer.oci.validate import net_devices

        yield from net_devices.faults(linux.net_devices, namespaces)
    if linux.intel_rdt is not None:
        from libcontainer.oci.validate import intel_rdt

        yield from intel_rdt.faults(linux.intel_rdt)
    if linux.memory_policy is not None:
        from libcontainer.oci.validate import memory_policy

        yield from memory_policy.faults(linux.memory_policy)


def _namespaces(namespaces: Sequence[LinuxNamespace]) -> Iterator[SpecError]:
    seen: set[str] = set()
    for index, namespace in enumerate(namespaces):
        at = f"linux.namespaces[{index}]"
        path = namespace.path or ""
        if namespace.type in seen:
            yield SpecError(at, f'malformed spec file: duplicated ns {{"{namespace.type}" "{path}"}}')
        seen.add(namespace.type)
        if path and not path.startswith("/"):
            yield SpecError(f"{at}.path", f"expected an absolute path, got {path[:80]!r}")


def _user_namespace(linux: Linux, namespaces: Namespaces) -> Iterator[SpecError]:
    for name, mappings in (("uidMappings", linux.uid_mappings), ("gidMappings", linux.gid_mappings)):
        if mappings and "user" not in namespaces:
            yield SpecError(
                f"linux.{name}",
                "user namespace mappings specified, but user namespace isn't enabled in the config",
                hint='add {"type": "user"} to linux.namespaces',
            )
        elif not mappings and "user" in namespaces and namespaces["user"] is None:
            yield SpecError(f"linux.{name}", f"user namespaces enabled, but no namespace path or {name} given")
    if linux.uid_mappings or linux.gid_mappings:
        from libcontainer.oci.validate import ids

        yield from ids.faults(linux.uid_mappings, "linux.uidMappings")
        yield from ids.faults(linux.gid_mappings, "linux.gidMappings")


def _time_offsets(linux: Linux, namespaces: Namespaces) -> Iterator[SpecError]:
    offsets = linux.time_offsets
    if offsets is None or (offsets.boottime is None and offsets.monotonic is None):
        return
    if "time" not in namespaces:
        yield SpecError(
            "linux.timeOffsets",
            "time namespace offsets specified, but time namespace isn't enabled in the config",
            hint='add {"type": "time"} to linux.namespaces',
        )
    elif namespaces["time"] is not None:
        yield SpecError("linux.timeOffsets", "offsets of an existing time namespace cannot be changed")
    for name in ("boottime", "monotonic"):
        offset = getattr(offsets, name)
        if offset is not None and offset.nanosecs >= _NANOSECONDS:
            yield SpecError(f"linux.timeOffsets.{name}.nanosecs", f"expected less than a second, got {offset.nanosecs}")


def _devices(devices: Sequence[LinuxDevice]) -> Iterator[SpecError]:
    for index, device in enumerate(devices):
        at = f"linux.devices[{index}]"
        if not device.path.startswith("/"):
            yield SpecError(f"{at}.path", f"expected an absolute path, got {device.path[:80]!r}")
        if device.type == "p":
            continue
        for name, number, most in (("major", device.major, _MAX_MAJOR), ("minor", device.minor, _MAX_MINOR)):
            if number is None:
                yield SpecError(f"{at}.{name}", f"a device of type {device.type} needs a {name} number")
            elif not 0 <= number <= most:
                yield SpecError(f"{at}.{name}", f"expected 0 to {most}, got {number}")


def _paths(linux: Linux, namespaces: Namespaces) -> Iterator[SpecError]:
    for name, paths in (("maskedPaths", linux.masked_paths), ("readonlyPaths", linux.readonly_paths)):
        if paths and "mount" not in namespaces:
            yield SpecError(
                f"linux.{name}",
                "unable to restrict sys entries without a private MNT namespace",
                hint='add {"type": "mount"} to linux.namespaces',
            )
        for index, path in enumerate(paths):
            if not path.startswith("/"):
                yield SpecError(f"linux.{name}[{index}]", f"expected an absolute path, got {path[:80]!r}")


def _needs_of_mounts(spec: Spec) -> Iterator[SpecError]:
    """Find what would be mounted into the namespace of others, and stay there after the container is gone."""
    for name, is_asked in (
        ("mounts", bool(spec.mounts)),
        ("root.readonly", spec.root.readonly),
        ("process.terminal", spec.process is not None and spec.process.terminal),
        ("linux.rootfsPropagation", spec.linux.rootfs_propagation is not None),
    ):
        if is_asked:
            yield SpecError(
                name,
                "needs a mount namespace of the container's own",
                hint='add {"type": "mount"} to linux.namespaces, without a path',
            )


def _sysctls(spec: Spec, namespaces: Namespaces) -> Iterator[SpecError]:
    for key in spec.linux.sysctl:
        name = _dotted(key)
        reason = _why_not(name, spec, namespaces)
        if reason is not None:
            yield SpecError("linux.sysctl", f'sysctl "{key[:80]}" {reason}')


def _dotted(key: str) -> str:
    # The first separator decides which one the key is written with, sysctl(8).
    dot, slash = key.find("."), key.find("/")
    return key.translate(_SWAP) if slash >= 0 and (dot < 0 or slash < dot) else key


def _why_not(name: str, spec: Spec, namespaces: Namespaces) -> str | None:
    if not all(part and part not in (".", "..") and "\0" not in part for part in name.translate(_SWAP).split("/")):
        return "is not a name of a parameter"
    if name == "kernel.hostname":
        return 'conflicts with the OCI "hostname" field'
    if name == "kernel.domainname":
        if spec.domainname:
            return 'conflicts with the OCI "domainname" field'
        needed = "uts"
    elif name in _OF_IPC or name.startswith("fs.mqueue."):
        needed = "ipc"
    elif name.startswith("net."):
        needed = "network"
    elif name.startswith("user."):
        needed = "user"
    else:
        return "is not in a separate kernel namespace"
    return None if needed in namespaces else f"is not in a separate kernel namespace: it needs one of type {needed}"
