"""Where the unified hierarchy is mounted; which hierarchies there are at all is told by ``libcgroups.detect``."""

from __future__ import annotations

from libcgroups import detect


def get_unified_mount_point() -> str:
    """Return the mount point of the cgroup v2 hierarchy.

    Raises:
        NotMountedError: there is none.
    """
    mount = detect.read_mounts().v2
    if mount is None:
        from libcgroups import errors

        raise errors.NotMountedError("find cgroup v2: no cgroup2 file system is mounted")
    return mount.mount_point
