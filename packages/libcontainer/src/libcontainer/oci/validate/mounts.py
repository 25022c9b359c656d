"""Rules of ``mounts`` that can be told from the configuration alone; where a destination really leads is rootfs's."""

from __future__ import annotations

import os

from libcontainer.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from libcontainer.oci.spec import Mount, Spec

ALLOWED_IN_PROC = (
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/slabinfo",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/crypto/fips_enabled",
)
"""What lxcfs and its like may replace. Anything else below /proc could stand in for what the runtime writes to."""


def faults(spec: Spec) -> Iterator[SpecError]:
    """Find every fault of the mounts."""
    has_user_namespace = any(namespace.type == "user" for namespace in spec.linux.namespaces)
    for index, mount in enumerate(spec.mounts):
        if not mount.destination:
            yield SpecError(f"mounts[{index}].destination", "must not be empty")
            continue
        # The destination is resolved in the rootfs later, and checked again; this catches what is plain to see.
        destination = os.path.normpath("/" + mount.destination.lstrip("/"))
        if destination == "/":
            yield SpecError(f"mounts[{index}].destination", "nothing can be mounted over the root of the container")
        elif destination == "/proc" or destination.startswith("/proc/"):
            yield from _over_proc(mount, destination, f"mounts[{index}].destination")
        if mount.uid_mappings or mount.gid_mappings or "idmap" in mount.options or "ridmap" in mount.options:
            yield from _idmapped(mount, f"mounts[{index}]", has_user_namespace)


def is_bind(mount: Mount) -> bool:
    """Tell whether a mount is a bind mount: the options say so, the type does not matter."""
    return "bind" in mount.options or "rbind" in mount.options


def _over_proc(mount: Mount, destination: str, at: str) -> Iterator[SpecError]:
    if destination == "/proc":
        if mount.type != "proc" and not is_bind(mount):
            yield SpecError(at, f'"{destination}" cannot be mounted because it is not of type proc')
    elif destination not in ALLOWED_IN_PROC:
        yield SpecError(at, f'"{destination}" cannot be mounted because it is inside /proc')


def _idmapped(mount: Mount, at: str, has_user_namespace: bool) -> Iterator[SpecError]:
    if bool(mount.uid_mappings) != bool(mount.gid_mappings):
        missing = "gidMappings" if mount.uid_mappings else "uidMappings"
        yield SpecError(f"{at}.{missing}", "uidMappings and gidMappings are needed together")
    elif not mount.uid_mappings and not has_user_namespace:
        yield SpecError(
            f"{at}.options", "an idmapped mount needs uidMappings and gidMappings, or a user namespace whose it can use"
        )
    if not is_bind(mount):
        yield SpecError(
            f"{at}.options", "only bind mounts can be idmapped", hint='add "bind" or "rbind" to the options'
        )
    from libcontainer.oci.validate import ids

    yield from ids.faults(mount.uid_mappings, f"{at}.uidMappings")
    yield from ids.faults(mount.gid_mappings, f"{at}.gidMappings")
