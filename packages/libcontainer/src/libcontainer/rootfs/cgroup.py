"""The mount of type ``cgroup``: what a container sees at /sys/fs/cgroup; not the cgroup itself (libcgroups)."""

from __future__ import annotations

import errno
import os

from libcgroups.record import Record
from libcontainer.rootfs import context as mounting
from libcontainer.rootfs import inside, options
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libcgroups.manager import Hierarchy
    from libcontainer.rootfs.context import Context
    from libcontainer.rootfs.options import MountOptions

# A cgroup file system has no programs and no devices, whatever was asked.
_ALWAYS = flags.MS_NOSUID | flags.MS_NODEV | flags.MS_NOEXEC
_HOST_MOUNT = "/sys/fs/cgroup"


class CgroupView(Record):
    """What a cgroup mount has to show.

    Attributes:
        hierarchies: ``CgroupManager.hierarchies()``: where the container's cgroup is; empty if it has none of its own.
        unified: the host has cgroup v2 only; False for v1 and hybrid hosts, whose v1 hierarchies are shown.
        new_namespace: the container gets a cgroup namespace of its own.
    """

    hierarchies: Sequence[Hierarchy] = ()
    unified: bool = False
    new_namespace: bool = False


class MountCgroup(Record):
    """Mount the container's own part of the cgroup hierarchies, and nothing above it."""

    destination: str
    options: MountOptions
    cgroup: CgroupView
    property: str

    def describe(self) -> str:
        """Say what is done."""
        return f"mount cgroup on {self.destination}"

    def apply(self, context: Context) -> None:
        """Wait for the cgroup (and its namespace), then mount as the host's version of cgroups wants it."""
        context.enter_cgroup_namespace()
        target = inside.make_directories(context.syscall, context.root_fd, self.destination)
        try:
            if self.cgroup.unified:
                self._mount_unified(context, target)
            else:
                self._mount_hierarchies(context, target)
        finally:
            os.close(target)

    def _flags(self) -> int:
        return self.options.flags & options.MOUNT_FLAGS | _ALWAYS

    def _mount_unified(self, context: Context, target: int) -> None:
        if self.cgroup.new_namespace:
            mount = self._new_unified(context)
            if mount >= 0:
                try:
                    mounting.attach(context.syscall, mount, target)
                finally:
                    os.close(mount)
                return
        if self.cgroup.hierarchies:
            mounting.bind(context, self.cgroup.hierarchies[0].directory, target, self.destination, to_set=self._flags())
        else:
            # No cgroup of our own is known (rootless without delegation): the host's tree, but never to be written
            # (CVE-2023-25809).
            mounting.bind(context, _HOST_MOUNT, target, self.destination, to_set=self._flags() | flags.MS_RDONLY)

    def _new_unified(self, context: Context) -> int:
        """Make a mount whose root is that of the cgroup namespace; -1 where that is not allowed."""
        attributes = options.attributes(self._flags())
        try:
            return mounting.create_filesystem(
                context.syscall, "cgroup2", "cgroup", self.options.data, attributes=attributes
            )
        except OSError as error:
            if error.errno not in (*mounting.NO_NEW_CALLS, errno.EBUSY):
                raise
            return -1

    def _mount_hierarchies(self, context: Context, target: int) -> None:
        """Mount a tmpfs with one directory for each v1 hierarchy, and links for controllers that share one."""
        # Attached before there is anything in it: mounting on a detached mount needs Linux 6.15.
        base = mounting.mount_tmpfs(context, target, self.destination, "cgroup", ("mode=755",), _ALWAYS)
        try:
            for hierarchy in self.cgroup.hierarchies:
                if hierarchy.controllers:
                    self._mount_hierarchy(context, base, hierarchy)
            if self.options.flags & flags.MS_RDONLY:
                mounting.set_read_only(context, base)
        finally:
            os.close(base)

    def _mount_hierarchy(self, context: Context, base: int, hierarchy: Hierarchy) -> None:
        syscall = context.syscall
        name = os.path.basename(hierarchy.mount_point)
        syscall.mkdir(name, 0o755, dir_fd=base)
        target = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=base)
        try:
            mounting.bind(context, hierarchy.directory, target, f"{self.destination}/{name}", to_set=self._flags())
        finally:
            os.close(target)
        for controller in hierarchy.controllers:
            if controller != name and "=" not in controller:
                syscall.symlink(name, controller, dir_fd=base)
