"""The container's cgroup manager, made from its configuration or its state, with this package's errors."""

from __future__ import annotations

import os

from libcgroups import detect
from libcgroups.manager import CgroupConfig, Hierarchy, create_cgroup_manager, restore_cgroup_manager
from libcgroups.resources import LinuxDeviceCgroup, LinuxResources

from libcontainer import user_ns
from libcontainer.errors import CgroupsError
from libcontainer.rootfs.cgroup import CgroupView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from libcgroups.manager import CgroupManager

    from libcontainer.container.state import ContainerState
    from libcontainer.oci.spec import Spec
    from libcontainer.process.plan import CreateOptions


class translated:  # noqa: N801 - used as a statement, like contextlib.suppress
    """Turn an error of libcgroups in the block into a CgroupsError; ``step`` says what was done."""

    def __init__(self, step: str) -> None:
        self.step = step

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # libcgroups.errors is imported by whoever raises, and not paid for by anybody else.
        if kind is not None and kind.__module__ == "libcgroups.errors":
            raise translate(error, self.step) from error


def translate(error: BaseException | None, step: str) -> CgroupsError:
    """Return the error of libcgroups as one of ours."""
    return CgroupsError(
        str(error),
        None,
        step=step,
        property="linux.cgroupsPath" if step == "cgroup create" else "linux.resources",
        object=getattr(error, "path", None) or None,
        hint=getattr(error, "hint", None) or None,
    )


def of_new_container(options: CreateOptions, spec: Spec) -> CgroupManager:
    """Choose the manager of a container that is to be created; nothing is touched."""
    with translated("cgroup create"):
        return create_cgroup_manager(
            CgroupConfig(
                container_name=options.container_id,
                cgroup_path=spec.linux.cgroups_path or "",
                systemd_cgroup=options.systemd_cgroup,
                rootless=options.rootless,
                disabled=options.no_cgroup,
                owner_uid=_owner(spec),
                annotations=tuple(spec.annotations.items()),
            )
        )


def resources_of(spec: Spec, *, rootless: bool) -> LinuxResources | None:
    """Return the limits of a new container: without any rule for devices, all but the usual ones are forbidden, as runc does.

    A rootless user cannot make device nodes, and may not write rules either.
    """
    resources = spec.linux.resources
    if rootless or (resources is not None and resources.devices):
        return resources
    forbidden = (LinuxDeviceCgroup(allow=False, access="rwm"),)
    return LinuxResources(devices=forbidden) if resources is None else resources.replace(devices=forbidden)


def of_container(state: ContainerState) -> CgroupManager:
    """Return the manager of an existing container."""
    with translated("cgroup"):
        return restore_cgroup_manager(dict(state.cgroup))


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


def freezer_file(manager: CgroupManager) -> str:
    """Return the file that tells whether the cgroup is frozen, "" if there is none."""
    for hierarchy in manager.hierarchies():
        if "freezer" in hierarchy.controllers:
            return f"{hierarchy.directory}/freezer.state"
    if manager.kind in ("v2", "systemd"):
        for hierarchy in manager.hierarchies():
            if not hierarchy.controllers:
                return f"{hierarchy.directory}/cgroup.freeze"
    return ""


def _owner(spec: Spec) -> int | None:
    """Return who is given the cgroup: the container's user, if it gets to see and write its cgroup (config-linux.md)."""
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
