"""The cgroup of a container that is to be created: its manager, its limits, and what a mount of it shows."""

from __future__ import annotations

import os

from libcgroups import detect
from libcgroups.manager import CgroupConfig, Hierarchy, create_cgroup_manager
from libcgroups.resources import LinuxDeviceCgroup, LinuxResources
from libcontainer import cgroups, user_ns
from libcontainer.rootfs.cgroup import CgroupView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.manager import CgroupManager
    from libcontainer.oci.spec import Spec


def choose(
    spec: Spec, container_id: str, *, rootless: bool, systemd_cgroup: bool = False, disabled: bool = False
) -> CgroupManager:
    """Choose the manager of a container that is to be created; nothing is touched.

    Args:
        spec: the configuration.
        container_id: names the cgroup when ``linux.cgroupsPath`` does not.
        rootless: missing rights are forgiven.
        systemd_cgroup: systemd manages the cgroup.
        disabled: the container stays in the caller's cgroup.
    """
    with cgroups.translated("cgroup create"):
        return create_cgroup_manager(
            CgroupConfig(
                container_name=container_id,
                cgroup_path=spec.linux.cgroups_path or "",
                systemd_cgroup=systemd_cgroup,
                rootless=rootless,
                disabled=disabled,
                owner_uid=_owner(spec),
                annotations=tuple(spec.annotations.items()),
            )
        )


def resources_of(spec: Spec, *, rootless: bool) -> LinuxResources | None:
    """Return the limits of a new container.

    Without any rule for devices, all but the usual ones are forbidden, as runc does. A rootless user cannot make device
    nodes, and may not write rules either.
    """
    resources = spec.linux.resources
    if rootless or (resources is not None and resources.devices):
        return resources
    forbidden = (LinuxDeviceCgroup(allow=False, access="rwm"),)
    return LinuxResources(devices=forbidden) if resources is None else resources.replace(devices=forbidden)


def view(manager: CgroupManager, *, new_namespace: bool) -> CgroupView:
    """Return what a mount of type cgroup shows of the container's cgroup."""
    hierarchies = manager.hierarchies()
    if not any(hierarchy.controllers for hierarchy in hierarchies):
        mounts = detect.read_mounts()
        if mounts.setup == detect.CgroupSetup.UNIFIED:
            return CgroupView(hierarchies, True, new_namespace)
        hierarchies = _own(mounts)
    return CgroupView(hierarchies, False, new_namespace)


def _own(mounts: detect.Mounts) -> tuple[Hierarchy, ...]:
    """Return where this very process is in the v1 hierarchies: what a container without a cgroup of its own sees."""
    paths = mounts.own_paths()
    places = [(mount, detect.below_mount(mount, paths.get(mount.controllers[0], "/"))) for mount in mounts.v1]
    return tuple(
        Hierarchy(mount.controllers, mount.mount_point, path, os.path.normpath(mount.mount_point + path))
        for mount, path in places
    )


def _owner(spec: Spec) -> int | None:
    """Return who is given the cgroup: the container's user, if it sees and may write its cgroup (config-linux.md)."""
    linux = spec.linux
    if not any(namespace.type == "cgroup" and not namespace.path for namespace in linux.namespaces):
        return None
    for mount in spec.mounts:
        if mount.type in ("cgroup", "cgroup2") and os.path.normpath(mount.destination) == "/sys/fs/cgroup":
            if "ro" in mount.options:
                return None
            uid = spec.process.user.uid if spec.process is not None else 0
            owner = user_ns.host_id(linux.uid_mappings, uid)
            return owner if owner >= 0 else None
    return None
