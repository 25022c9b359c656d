"""Where each v1 controller is mounted, under the names youki's interface gives these look-ups; not how it is found."""

from __future__ import annotations

from libcgroups import detect


def get_subsystem_mount_points(mounts: detect.Mounts | None = None) -> dict[str, str]:
    """Return the mount point of each controller; named hierarchies under ``name=…``."""
    mounts = mounts or detect.read_mounts()
    return {controller: mount.mount_point for mount in mounts.v1 for controller in mount.controllers}


def list_subsystem_mount_points(mounts: detect.Mounts | None = None) -> list[str]:
    """List the mount points of all v1 hierarchies, in mount order."""
    return [mount.mount_point for mount in (mounts or detect.read_mounts()).v1]


def list_supported_mount_points(mounts: detect.Mounts | None = None) -> dict[str, str]:
    """Return the mount points of the controllers this package has limits or statistics for."""
    from libcgroups.v1.controllers import CONTROLLERS

    found = get_subsystem_mount_points(mounts)
    return {name: found[name] for name in CONTROLLERS if name in found}


def get_subsystem_mount_point(controller: str, mounts: detect.Mounts | None = None) -> str:
    """Return the mount point of one controller.

    Raises:
        NotMountedError: it is not mounted as v1.
    """
    found = get_subsystem_mount_points(mounts)
    if controller not in found:
        from libcgroups import errors

        raise errors.NotMountedError(
            f"find {controller}: the controller is not mounted as a cgroup v1 hierarchy", controller=controller
        )
    return found[controller]
