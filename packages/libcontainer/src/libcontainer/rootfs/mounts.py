"""The entries of ``mounts``: file systems and bind mounts, attached inside the container's root; not cgroup mounts."""

from __future__ import annotations

import errno
import os
import stat

from libcgroups.record import Record
from libcontainer.errors import SyscallError, syscall_error
from libcontainer.oci import validate
from libcontainer.rootfs import context as mounting
from libcontainer.rootfs import inside, options
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.rootfs.context import Context
    from libcontainer.rootfs.options import MountOptions
    from libcontainer.syscall import Syscall

# Flags of the file system itself that fsconfig(2) takes, and their names there.
_SUPER_FLAGS = (
    (flags.MS_RDONLY, "ro"),
    (flags.MS_SYNCHRONOUS, "sync"),
    (flags.MS_DIRSYNC, "dirsync"),
    (flags.MS_LAZYTIME, "lazytime"),
)
# Flags that only mount(2) takes.
_BY_PATH_FLAGS = flags.MS_REMOUNT | flags.MS_MANDLOCK | flags.MS_SILENT | flags.MS_I_VERSION
_MAX_FSCONFIG_VALUE = 255

# Where the kernel shows things about a whole namespace: a link there would make us write into somebody else's file.
_ORDINARY_DIRECTORY = ("proc", "sysfs")


class MountFilesystem(Record):
    """Mount a file system.

    Attributes:
        fstype: such as ``tmpfs``.
        source: device or any name.
        destination: absolute path in the container.
        options: what config.json asked for.
        data: words for the file system.
        label: SELinux label of everything in it.
        fallback: host path bound instead when the container's user namespace may not mount this file system.
        read_only_later: leave the mount writable; a later ``MakeReadOnly`` of the same property ends that.
    """

    fstype: str
    source: str
    destination: str
    options: MountOptions
    property: str
    data: tuple[str, ...] = ()
    label: str | None = None
    fallback: str | None = None
    read_only_later: bool = False

    def describe(self) -> str:
        """Say what is done."""
        return f"mount {self.fstype} on {self.destination}"

    def apply(self, context: Context) -> None:
        """Make the file system detached, attach it, set its propagation."""
        target, data = self._open_target(context)
        try:
            _refuse_procfs(context, target, self.destination, self.fstype)
            mount = self._mount(context, target, data)
        finally:
            os.close(target)
        try:
            finish_mount(context, mount, self.options)
            if self.read_only_later:
                context.read_only_later[self.property] = os.dup(mount)
        finally:
            os.close(mount)

    def _open_target(self, context: Context) -> tuple[int, tuple[str, ...]]:
        """Open the destination, made if missing; an existing one gives its mode to a tmpfs that has none of its own."""
        syscall, root_fd = context.syscall, context.root_fd
        if self.fstype == "tmpfs" and not any(word.startswith("mode=") for word in self.data):
            try:
                target = inside.open_directory(syscall, root_fd, self.destination)
            except FileNotFoundError:
                pass
            else:
                return target, (*self.data, f"mode={stat.S_IMODE(os.fstat(target).st_mode):o}")
        ordinary = self.fstype in _ORDINARY_DIRECTORY
        try:
            return inside.make_directories(syscall, root_fd, self.destination, no_symlinks=ordinary), self.data
        except OSError as error:
            if ordinary:
                error.add_note(f"{self.fstype} must be mounted on an ordinary directory")
            raise

    def _mount(self, context: Context, target: int, data: tuple[str, ...]) -> int:
        """Mount on target and return a descriptor of the mount's root."""
        mount_flags = self.options.flags & ~(flags.MS_RDONLY if self.read_only_later else 0)
        by_path = _needs_mount2(mount_flags, data)
        if self.label:
            data = (*data, f'context="{self.label}"')
        mount = -1
        if not by_path:
            mount = self._create(context, mount_flags, data)
        if mount < 0:
            return self._mount_by_path(context, target, mount_flags, data)
        try:
            mounting.require_flags(mount, mount_flags)
            if "tmpcopyup" in self.options.special:
                from libcontainer.rootfs import copy_up

                copy_up.copy(context.syscall, target, mount, self.data)
            mounting.attach(context.syscall, mount, target)
        except OSError:
            os.close(mount)
            raise
        return mount

    def _create(self, context: Context, mount_flags: int, data: tuple[str, ...]) -> int:
        """Make the detached mount; -1 if only mount(2) may do it here."""
        attributes = options.attributes(mount_flags)
        super_flags = [name for flag, name in _SUPER_FLAGS if mount_flags & flag]
        try:
            return mounting.create_filesystem(
                context.syscall, self.fstype, self.source, data, super_flags=super_flags, attributes=attributes
            )
        except mounting.OptionError as error:
            if error.option not in self.options.data:
                raise  # of ours
            raise self._option_error(error) from error
        except OSError as error:
            if error.errno == errno.EPERM and self.fallback is not None:
                return self._clone_fallback(context, attributes)
            if error.errno not in mounting.NO_NEW_CALLS:
                raise
            return -1

    def _option_error(self, error: mounting.OptionError) -> SyscallError:
        """Name the option; what else is said is the same as of other refusals, which clients may know."""
        hint = next(iter(getattr(error, "__notes__", ())), None)
        reason = "unknown option" if hint is not None and "Unknown parameter" in hint else "refused option"
        name = f"{self.property}.options"
        error.filename = self.destination
        return syscall_error(
            error, f"{name}: {reason} {error.option!r}: {self.describe()}", step="mount", property=name, hint=hint
        )

    def _clone_fallback(self, context: Context, attributes: int) -> int:
        assert self.fallback is not None
        syscall = context.syscall
        mount = syscall.open_tree(flags.AT_FDCWD, self.fallback, flags.OPEN_TREE_CLONE | flags.AT_RECURSIVE)
        if attributes:
            syscall.mount_setattr(mount, "", mounting.EMPTY | flags.AT_RECURSIVE, attributes)
        return mount

    def _mount_by_path(self, context: Context, target: int, mount_flags: int, data: tuple[str, ...]) -> int:
        if "tmpcopyup" in self.options.special:
            raise OSError(errno.EOPNOTSUPP, "tmpcopyup needs fsopen(2) of Linux 5.2")
        context.mount_by_path(self.source, target, self.fstype, mount_flags, ",".join(data) or None)
        mount = inside.open_directory(context.syscall, context.root_fd, self.destination)
        mounting.require_flags(mount, mount_flags)
        return mount


class BindMount(Record):
    """Show a file or directory of the host in the container.

    Attributes:
        source: absolute path on the host.
        destination: absolute path in the container.
        options: what config.json asked for.
        index: position in ``mounts``, by which main passes a mount that it prepared.
    """

    source: str
    destination: str
    options: MountOptions
    index: int
    property: str

    def describe(self) -> str:
        """Say what is done."""
        return f"bind {self.source} on {self.destination}"

    def apply(self, context: Context) -> None:
        """Clone the source, set what is asked on the clone, attach it."""
        if "copy-symlink" in self.options.special and os.path.islink(self.source):
            self._copy_symlink(context)
            return
        mount = context.outside.pop(self.index, -1)
        if mount < 0:
            mount = self._open_source(context)
        if mount < 0:
            self._bind_by_path(context)
            return
        try:
            self._attach(context, mount)
            finish_mount(context, mount, self.options)
        finally:
            os.close(mount)

    def _open_source(self, context: Context) -> int:
        try:
            return clone_source(context.syscall, self.source, self.options)
        except OSError as error:
            if error.errno in mounting.NO_NEW_CALLS:
                return -1
            raise self.source_error(error) from error

    def source_error(self, error: OSError) -> SyscallError:
        """Say which source could not be opened; engines look for "no such file or directory" in it."""
        return syscall_error(
            error,
            f"{self.property}.source: open {self.source}",
            step="mount",
            property=f"{self.property}.source",
            hint="the source of a bind mount must exist" if error.errno == errno.ENOENT else None,
        )

    def _attach(self, context: Context, mount: int) -> None:
        if self.destination == "/proc" and context.syscall.fstatfs_type(mount) != flags.PROC_SUPER_MAGIC:
            raise OSError(errno.EINVAL, "only a procfs may be mounted on /proc")
        target = self._open_target(context, stat.S_ISDIR(os.fstat(mount).st_mode))
        try:
            _refuse_procfs(context, target, self.destination, "bind")
            mounting.attach_changed(context, mount, target, *self._changes())
        except OSError as error:
            if error.errno == errno.EPERM and self.options.cleared:
                error.add_note(
                    "a user namespace may not clear flags of the host's mount: leave out suid, dev, exec, rw, atime"
                )
            raise
        finally:
            os.close(target)

    def _changes(self) -> tuple[int, int]:
        """Return the MS_* flags to set and to clear on the new mount."""
        return self.options.flags & options.MOUNT_FLAGS, self.options.cleared & options.MOUNT_FLAGS

    def _open_target(self, context: Context, is_directory: bool) -> int:
        syscall, root_fd = context.syscall, context.root_fd
        if "dest-nofollow" in self.options.special:
            parent, _, name = self.destination.rpartition("/")
            directory = inside.make_directories(syscall, root_fd, parent or "/")
            try:
                return inside.open_path(syscall, directory, name, os.O_PATH | os.O_NOFOLLOW)
            finally:
                os.close(directory)
        if is_directory:
            return inside.make_directories(syscall, root_fd, self.destination)
        return inside.make_file(syscall, root_fd, self.destination)

    def _bind_by_path(self, context: Context) -> None:
        """Bind by mount(2), for kernels before Linux 5.2."""
        if self.options.recursive_set or self.options.recursive_clear:
            raise OSError(errno.EOPNOTSUPP, "recursive options need mount_setattr(2) of Linux 5.12")
        try:
            is_directory = stat.S_ISDIR(os.stat(self.source).st_mode)
        except OSError as error:
            raise self.source_error(error) from error
        target = self._open_target(context, is_directory)
        try:
            _refuse_procfs(context, target, self.destination, "bind")
            bind_flags = flags.MS_BIND | (flags.MS_REC if self.options.is_recursive_bind else 0)
            context.mount_by_path(self.source, target, None, bind_flags, None)
        finally:
            os.close(target)
        to_set, to_clear = self._changes()
        if to_set or to_clear:
            mounting.change_by_path(context, self.destination, to_set, to_clear)
        mount = inside.open_path(context.syscall, context.root_fd, self.destination)
        try:
            finish_mount(context, mount, self.options)
        finally:
            os.close(mount)

    def _copy_symlink(self, context: Context) -> None:
        parent, _, name = self.destination.rpartition("/")
        directory = inside.make_directories(context.syscall, context.root_fd, parent or "/")
        target = os.readlink(self.source)
        try:
            context.syscall.symlink(target, name, dir_fd=directory)
        except FileExistsError:
            if os.readlink(name, dir_fd=directory) != target:
                raise
        finally:
            os.close(directory)


class Remount(Record):
    """Change the options of what is mounted at a destination already (``remount`` without a bind source)."""

    fstype: str
    source: str
    destination: str
    options: MountOptions
    property: str

    def describe(self) -> str:
        """Say what is done."""
        return f"remount {self.destination}"

    def apply(self, context: Context) -> None:
        """Remount by mount(2), with the file system's own options."""
        target = inside.open_path(context.syscall, context.root_fd, self.destination)
        try:
            data = ",".join(self.options.data) or None
            context.mount_by_path(self.source, target, self.fstype, self.options.flags & ~flags.MS_REC, data)
            mounting.require_flags(target, self.options.flags)
            finish_mount(context, target, self.options)
        finally:
            os.close(target)


def clone_source(syscall: Syscall, source: str, wanted: MountOptions) -> int:
    """Clone the mount, or with ``rbind`` the tree of mounts, that a path of the host leads to; detached."""
    how = flags.OPEN_TREE_CLONE | (flags.AT_RECURSIVE if wanted.is_recursive_bind else 0)
    if "src-nofollow" in wanted.special:
        how |= flags.AT_SYMLINK_NOFOLLOW
    return syscall.open_tree(flags.AT_FDCWD, source, how)


def finish_mount(context: Context, mount: int, wanted: MountOptions) -> None:
    """Apply the recursive attributes and the propagation of an attached mount."""
    syscall = context.syscall
    if wanted.recursive_set or wanted.recursive_clear:
        syscall.mount_setattr(
            mount, "", mounting.EMPTY | flags.AT_RECURSIVE, wanted.recursive_set, wanted.recursive_clear
        )
    for propagation in wanted.propagation:
        recursive = flags.AT_RECURSIVE if propagation & flags.MS_REC else 0
        try:
            syscall.mount_setattr(mount, "", mounting.EMPTY | recursive, propagation=propagation & ~flags.MS_REC)
        except OSError as error:
            if error.errno not in mounting.NO_NEW_CALLS:
                raise
            context.mount_by_path(None, mount, None, propagation, None)


def _needs_mount2(mount_flags: int, data: tuple[str, ...]) -> bool:
    """Tell whether only mount(2) understands this: its flags, quoted or escaped words, values that are too long."""
    if mount_flags & _BY_PATH_FLAGS:
        return True
    return any('"' in word or "\\" in word or "," in word or len(word) > _MAX_FSCONFIG_VALUE for word in data)


def _refuse_procfs(context: Context, target: int, destination: str, fstype: str) -> None:
    """Refuse to hide a part of procfs, by whatever links the destination leads there."""
    if context.syscall.fstatfs_type(target) != flags.PROC_SUPER_MAGIC:
        return
    if fstype == "proc" or destination in validate.ALLOWED_IN_PROC or destination == "/proc":
        return
    raise OSError(errno.EPERM, "nothing may be mounted inside /proc", destination)
