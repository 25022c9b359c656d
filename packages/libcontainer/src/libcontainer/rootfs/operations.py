"""The root itself: propagation, its mount, entering it, read-only and masked paths; not the mounts in it.

Operations are values: ``describe()`` says what one will do, ``apply(context)`` does it. A failure is an OSError of the
system call, to which ``RootfsPlan`` adds what was tried and which property asked for it.
"""

from __future__ import annotations

import errno
import os
import stat

from libcgroups.record import Record
from libcontainer.errors import SyscallError
from libcontainer.rootfs import context as mounting
from libcontainer.rootfs import inside
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from libcontainer.rootfs.context import Context
    from libcontainer.syscall import Syscall

NULL_DEVICE = os.makedev(1, 3)


class SetPropagation(Record):
    """Set how mounts travel to and from ``/`` and everything below it, mount_namespaces(7)."""

    flags: int
    word: str
    property: str | None = None

    def describe(self) -> str:
        """Say what is done."""
        return f"make / {self.word}"

    def apply(self, context: Context) -> None:
        """Change the propagation type by mount(2)."""
        context.syscall.mount(None, "/", None, self.flags, None)


class MountRoot(Record):
    """Mount the root directory onto itself: it must be a mount to become ``/``, with flags apart from the host's.

    Attributes:
        path: absolute path of the directory on the host.
        private_parent: keep what is mounted below from showing up elsewhere; needed when the host's mounts stay shared.
    """

    path: str
    private_parent: bool = False
    property: str | None = "root.path"

    def describe(self) -> str:
        """Say what is done."""
        return f"bind {self.path} on itself"

    def apply(self, context: Context) -> None:
        """Clone the tree, attach the clone, keep its root open as the context's."""
        syscall = context.syscall
        target = syscall.openat2(flags.AT_FDCWD, self.path, os.O_PATH | os.O_DIRECTORY)
        try:
            if self.private_parent:
                _make_parent_private(syscall, target)
            try:
                # Recursive: in a user namespace a part of a tree that hides what is below must not be cloned alone.
                context.root_fd = syscall.open_tree(
                    target, "", flags.OPEN_TREE_CLONE | flags.AT_RECURSIVE | mounting.EMPTY
                )
            except OSError as error:
                if error.errno not in mounting.NO_NEW_CALLS:
                    raise
                context.mount_by_path(self.path, target, None, flags.MS_BIND | flags.MS_REC, None)
                context.root_fd = syscall.openat2(flags.AT_FDCWD, self.path, os.O_PATH | os.O_DIRECTORY)
            else:
                mounting.attach(syscall, context.root_fd, target)
        finally:
            os.close(target)


def _make_parent_private(syscall: Syscall, directory_fd: int) -> None:
    """Make the mount that a directory is in private; only the root of a mount can be named, so parents are tried."""
    fd = os.dup(directory_fd)
    try:
        while True:
            try:
                syscall.mount_setattr(fd, "", mounting.EMPTY, propagation=flags.MS_PRIVATE)
                return
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                parent = os.open("..", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd)
                is_root = os.path.samestat(os.fstat(parent), os.fstat(fd))
                os.close(fd)
                fd = parent
                if is_root:
                    raise
    finally:
        os.close(fd)


class PivotRoot(Record):
    """Make the container's root ``/`` and let go of the host's tree, pivot_root(2)."""

    property: str | None = None

    def describe(self) -> str:
        """Say what is done."""
        return "pivot_root to the container's root and unmount the host's"

    def apply(self, context: Context) -> None:
        """Stack the old root over the new one, then unmount it: no directory for it is needed."""
        syscall = context.syscall
        syscall.fchdir(context.root_fd)
        old_root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            syscall.pivot_root(".", ".")
            syscall.fchdir(old_root)
        finally:
            os.close(old_root)
        # Slave first: unmounting must not travel to the host where "/" was left shared with it.
        syscall.mount(None, ".", None, flags.MS_SLAVE | flags.MS_REC, None)
        syscall.umount2(".", flags.MNT_DETACH)
        syscall.chdir("/")


class Chroot(Record):
    """Make the container's root ``/`` where pivot_root cannot, such as on an initramfs: move its mount, chroot(2)."""

    rootfs: str
    property: str | None = None

    def describe(self) -> str:
        """Say what is done."""
        return "move the container's root to / and chroot there"

    def apply(self, context: Context) -> None:
        """Hide the host's procfs and sysfs, which stay reachable, then move and enter the root."""
        from libcontainer.rootfs import no_pivot

        no_pivot.hide_kernel_mounts(context, self.rootfs)
        syscall = context.syscall
        syscall.fchdir(context.root_fd)
        syscall.mount(".", "/", None, flags.MS_MOVE, None)
        syscall.chroot(".")
        syscall.chdir("/")


class MakeReadOnly(Record):
    """Make a mount read-only that had to stay writable until everything was in place."""

    destination: str
    property: str

    def describe(self) -> str:
        """Say what is done."""
        return f"make {self.destination} read-only"

    def apply(self, context: Context) -> None:
        """Change the mount itself, by the descriptor that it was made with."""
        if self.destination == "/":
            mounting.set_read_only(context, context.root_fd)
            return
        fd = context.read_only_later.pop(self.property)
        try:
            mounting.set_read_only(context, fd)
        finally:
            os.close(fd)


class ReadonlyPath(Record):
    """Make a file or directory read-only by mounting it onto itself; one that does not exist is left out."""

    path: str
    property: str | None

    def describe(self) -> str:
        """Say what is done."""
        return f"make {self.path} read-only"

    def apply(self, context: Context) -> None:
        """Cover exactly what the path is now by a read-only mount of it, and look whether the path leads there."""
        target = _open_if_exists(context, self.path)
        if target is None:
            return
        try:
            mounting.bind(context, target, target, self.path, recursive=True, to_set=flags.MS_RDONLY)
        finally:
            os.close(target)
        _verify(context, self.path, lambda fd: mounting.mount_flags(fd) & flags.MS_RDONLY != 0)


class MaskPath(Record):
    """Hide a file behind /dev/null, a directory behind an empty read-only tmpfs; what does not exist is left out.

    Attributes:
        path: absolute path in the container.
        label: SELinux label of the empty directory.
    """

    path: str
    property: str | None
    label: str | None = None

    def describe(self) -> str:
        """Say what is done."""
        return f"mask {self.path}"

    def apply(self, context: Context) -> None:
        """Mount over exactly what the path is now, and look whether the path leads to the mask."""
        target = _open_if_exists(context, self.path)
        if target is None:
            return
        try:
            if stat.S_ISDIR(os.fstat(target).st_mode):
                self._mask_directory(context, target)
            else:
                self._mask_file(context, target)
        finally:
            os.close(target)

    def _mask_file(self, context: Context, target: int) -> None:
        null = inside.open_path(context.syscall, context.root_fd, "/dev/null")
        try:
            if not inside.is_device(null, stat.S_IFCHR, NULL_DEVICE):
                raise OSError(errno.ENODEV, "the container's /dev/null is not the null device", "/dev/null")
            mounting.bind(context, null, target, self.path)
        finally:
            os.close(null)
        _verify(context, self.path, lambda fd: inside.is_device(fd, stat.S_IFCHR, NULL_DEVICE))

    def _mask_directory(self, context: Context, target: int) -> None:
        if context.mask_fd < 0:
            label = (f'context="{self.label}"',) if self.label else ()
            context.mask_fd = mounting.mount_tmpfs(
                context, target, self.path, "tmpfs", ("nr_blocks=1", "nr_inodes=1", *label), flags.MS_RDONLY
            )
        else:
            # One file system serves all: making one costs more than another mount of it.
            mounting.bind(context, context.mask_fd, target, self.path)
        mask = os.fstat(context.mask_fd)
        _verify(context, self.path, lambda fd: os.path.samestat(os.fstat(fd), mask))


def _open_if_exists(context: Context, path: str) -> int | None:
    """Open a path of the container; None for ENOENT and nothing else: no other error may leave a mask out."""
    try:
        return inside.open_path(context.syscall, context.root_fd, path)
    except FileNotFoundError:
        return None


def _verify(context: Context, path: str, is_covered: Callable[[int], bool]) -> None:
    """Resolve the path again and check what is found: another mount may have got in between."""
    fd = inside.open_path(context.syscall, context.root_fd, path)
    try:
        if not is_covered(fd):
            raise SyscallError(f"{path} does not lead to what was mounted on it", errno.EXDEV, object=path)
    finally:
        os.close(fd)
