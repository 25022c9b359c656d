"""Hide the host's procfs and sysfs from a container whose root was moved, not pivoted; used without pivot_root only."""

from __future__ import annotations

import errno

from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.rootfs.context import Context


def hide_kernel_mounts(context: Context, rootfs: str) -> None:
    """Unmount, or cover by a tmpfs, each procfs and sysfs outside the container's root.

    Without pivot_root the host's mounts stay in the namespace, where a complete procfs allows a user namespace in the
    container to mount another one without our masks.
    """
    with open("/proc/self/mountinfo", "rb") as file:
        mount_points = list(kernel_mounts(file.read(), rootfs))
    for mount_point in reversed(mount_points):
        try:
            context.syscall.umount2(mount_point, flags.MNT_DETACH)
        except OSError as error:
            # Locked together with other mounts: it can only be covered.
            if error.errno not in (errno.EINVAL, errno.EPERM):
                raise
            context.syscall.mount("tmpfs", mount_point, "tmpfs", 0, None)


def kernel_mounts(mountinfo: bytes, rootfs: str) -> list[str]:
    """List the mount points of procfs and sysfs that are not below rootfs, in the order of proc_pid_mountinfo(5)."""
    found = []
    for line in mountinfo.splitlines():
        fields = line.split(b" ")
        mount_point = fields[4].decode("utf-8", "surrogateescape")
        for escape, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
            mount_point = mount_point.replace(escape, character)
        fstype = fields[fields.index(b"-", 6) + 1]
        if fstype in (b"proc", b"sysfs") and mount_point != rootfs and not mount_point.startswith(f"{rootfs}/"):
            found.append(mount_point)
    return found
