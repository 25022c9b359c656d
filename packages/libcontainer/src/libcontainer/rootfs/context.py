"""What the operations of one container share, and the few ways in which they mount; not what is mounted where.

Mounts are made detached, get their attributes, and are then attached to a target that is held open: nothing is
resolved twice and nothing is ever visible with weaker attributes. Kernels without those calls (fsopen and open_tree
since Linux 5.2, mount_setattr since 5.12), and filters that refuse them, get mount(2) by the descriptor's name in
procfs.
"""

from __future__ import annotations

import errno
import os

from libcontainer.rootfs import inside, options
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Protocol

    from libcontainer.syscall import Syscall

    class Operation(Protocol):
        """One step towards the container's file system tree; ``apply`` raises OSError or SyscallError."""

        @property
        def property(self) -> str | None:
            """The property of config.json that asked for it."""
            ...

        def describe(self) -> str:
            """Say in a few words what ``apply`` does."""
            ...

        def apply(self, context: Context) -> None:
            """Do it."""
            ...


EMPTY = flags.AT_EMPTY_PATH
NO_NEW_CALLS = (errno.ENOSYS, errno.EPERM)
"""What an old kernel, or a seccomp filter around us, answers for the new mount calls."""

_ST_RELATIME = 0x1000
_SAME_AS_STATVFS = (
    flags.MS_RDONLY | flags.MS_NOSUID | flags.MS_NODEV | flags.MS_NOEXEC | flags.MS_NOATIME | flags.MS_NODIRATIME
)
_VERIFIABLE = (
    (flags.MS_RDONLY, "read-only"),
    (flags.MS_NOSUID, "nosuid"),
    (flags.MS_NODEV, "nodev"),
    (flags.MS_NOEXEC, "noexec"),
)


class OptionError(OSError):
    """A file system has refused one of the words for it, ``option``."""

    def __init__(self, error: OSError, option: str) -> None:
        super().__init__(error.errno, error.strerror)
        self.syscall = getattr(error, "syscall", None)
        self.option = option


class Context:
    """What the operations of one container share while init applies them; ``close`` it when done.

    Attributes:
        syscall: the kernel.
        root_fd: the root of the container's tree, -1 until it is mounted.
        enter_cgroup_namespace: called before each cgroup mount; afterwards the cgroup of the container must exist and,
            if it gets a cgroup namespace of its own, init must be in both.
        outside: mounts by index in ``mounts`` that main prepared before the clone, detached; the context owns them.
        read_only_later: attached mounts that stay writable until everything is in place, by property.
        mask_fd: the empty directory that hides others, -1 until it is needed.
    """

    def __init__(
        self,
        syscall: Syscall,
        *,
        enter_cgroup_namespace: Callable[[], None] = lambda: None,
        outside: Mapping[int, int] | None = None,
    ) -> None:
        self.syscall = syscall
        self.root_fd = -1
        self.enter_cgroup_namespace = enter_cgroup_namespace
        self.outside = dict(outside or {})
        self.read_only_later: dict[str, int] = {}
        self.mask_fd = -1
        # Opened before anything of the container is mounted, so it is the host's; read by old kernels only.
        self._procfs_fd = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def mount_by_path(
        self, source: str | None, target_fd: int, fstype: str | None, mount_flags: int, data: str | None
    ) -> None:
        """Call mount(2), which takes paths only, for a target that is held open.

        The path starts at a procfs that is ours, so nobody can have put something else in between. This changes the
        working directory, on which nothing here depends.
        """
        if self.syscall.fstatfs_type(self._procfs_fd) != flags.PROC_SUPER_MAGIC:
            raise OSError(errno.EINVAL, "not procfs", "/proc")
        self.syscall.fchdir(self._procfs_fd)
        self.syscall.mount(source, f"self/fd/{target_fd}", fstype, mount_flags, data)

    def close(self) -> None:
        """Close every descriptor that is still open, the root's too."""
        later, outside = self.read_only_later, self.outside
        for fd in (self.root_fd, self.mask_fd, self._procfs_fd, *later.values(), *outside.values()):
            if fd >= 0:
                os.close(fd)
        self.root_fd = self.mask_fd = self._procfs_fd = -1
        later.clear()
        outside.clear()


def attach(syscall: Syscall, mount_fd: int, target_fd: int) -> None:
    """Attach a detached mount where target_fd points to."""
    syscall.move_mount(mount_fd, "", target_fd, "", flags.MOVE_MOUNT_F_EMPTY_PATH | flags.MOVE_MOUNT_T_EMPTY_PATH)


def bind(
    context: Context, source: int | str, target_fd: int, path: str, *, recursive: bool = False, to_set: int = 0
) -> None:
    """Mount a file or directory on target_fd, with the flags that its mount has and some more.

    Args:
        context: of the container.
        source: descriptor, or path on the host.
        target_fd: one of the same kind in the container.
        path: the container's path of the target.
        recursive: take the mounts below the source along.
        to_set: MS_* flags for the new mount, not for those below it.
    """
    how = flags.OPEN_TREE_CLONE | (flags.AT_RECURSIVE if recursive else 0)
    try:
        if isinstance(source, str):
            clone = context.syscall.open_tree(flags.AT_FDCWD, source, how)
        else:
            clone = context.syscall.open_tree(source, "", how | EMPTY)
    except OSError as error:
        if error.errno not in NO_NEW_CALLS:
            raise
        mount_flags = flags.MS_BIND | (flags.MS_REC if recursive else 0)
        name = source if isinstance(source, str) else f"self/fd/{source}"
        context.mount_by_path(name, target_fd, None, mount_flags, None)
        if to_set:
            change_by_path(context, path, to_set)
        return
    try:
        attach_changed(context, clone, target_fd, to_set)
    finally:
        os.close(clone)


def attach_changed(context: Context, mount_fd: int, target_fd: int, to_set: int, to_clear: int = 0) -> None:
    """Change MS_* flags of a detached mount, leave the others as they are, read them back, and attach it."""
    syscall = context.syscall
    if to_set or to_clear:
        attributes, cleared = options.changes(to_set, to_clear)
        try:
            syscall.mount_setattr(mount_fd, "", EMPTY, attributes, cleared)
        except OSError as error:
            if error.errno not in NO_NEW_CALLS:
                raise
            # A detached mount cannot be remounted.
            attach(syscall, mount_fd, target_fd)
            _remount(context, mount_fd, to_set, to_clear)
            return
        require_flags(mount_fd, to_set)
    attach(syscall, mount_fd, target_fd)


def change_by_path(context: Context, path: str, to_set: int, to_clear: int = 0) -> None:
    """Change MS_* flags of the mount that a path of the container leads to, by a remount that keeps the others."""
    fd = inside.open_path(context.syscall, context.root_fd, path)
    try:
        _remount(context, fd, to_set, to_clear)
    finally:
        os.close(fd)


def set_read_only(context: Context, mount_fd: int) -> None:
    """Make an attached mount read-only, keep its other flags, and read back that it is."""
    try:
        context.syscall.mount_setattr(mount_fd, "", EMPTY, flags.MOUNT_ATTR_RDONLY)
    except OSError as error:
        if error.errno not in NO_NEW_CALLS:
            raise
        _remount(context, mount_fd, flags.MS_RDONLY, 0)
    else:
        require_flags(mount_fd, flags.MS_RDONLY)


def _remount(context: Context, mount_fd: int, to_set: int, to_clear: int) -> None:
    # A remount sets all flags anew; in a user namespace it is refused when one that is locked is not named.
    kept = (mount_flags(mount_fd) & ~to_clear) | to_set
    context.mount_by_path(None, mount_fd, None, kept | flags.MS_REMOUNT | flags.MS_BIND, None)
    require_flags(mount_fd, to_set)


def mount_flags(fd: int) -> int:
    """Return the MS_* flags of the mount that fd is on, statvfs(3)."""
    found = os.fstatvfs(fd).f_flag
    if found & _ST_RELATIME:
        return found & _SAME_AS_STATVFS | flags.MS_RELATIME
    return found & _SAME_AS_STATVFS | (0 if found & flags.MS_NOATIME else flags.MS_STRICTATIME)


def require_flags(fd: int, wanted: int) -> None:
    """Check that the mount behind fd has these of its MS_* flags: what could not be applied must be an error.

    Raises:
        OSError: EPERM, naming what is missing.
    """
    found = os.fstatvfs(fd).f_flag
    missing = [name for flag, name in _VERIFIABLE if wanted & flag and not found & flag]
    if missing:
        raise OSError(errno.EPERM, f"the mount did not become {' '.join(missing)}")


def create_filesystem(
    syscall: Syscall,
    fstype: str,
    source: str,
    data: Sequence[str],
    *,
    super_flags: Sequence[str] = (),
    attributes: int = 0,
) -> int:
    """Make a file system and a detached mount of it.

    Args:
        syscall: the kernel.
        fstype: such as ``tmpfs``.
        source: the device, or any name.
        data: words such as ``size=64k``.
        super_flags: flags of the file system, such as ``ro``.
        attributes: MOUNT_ATTR_* of the mount.

    Returns:
        The descriptor of the mount's root, O_PATH.

    Raises:
        OptionError: one of the words is refused.
        OSError: it cannot be made. Both have the file system's own words about it as a note, where it has any.
    """
    fs = syscall.fsopen(fstype)
    try:
        syscall.fsconfig(fs, flags.FSCONFIG_SET_STRING, "source", source)
        for word in super_flags:
            syscall.fsconfig(fs, flags.FSCONFIG_SET_FLAG, word)
        for word in data:
            _configure(syscall, fs, word)
        syscall.fsconfig(fs, flags.FSCONFIG_CMD_CREATE)
        return syscall.fsmount(fs, attributes)
    except OSError as error:
        log = _kernel_log(fs)
        if log:
            error.add_note(f"the kernel says: {log}")
        raise
    finally:
        os.close(fs)


def _configure(syscall: Syscall, fs: int, word: str) -> None:
    name, equals, value = word.partition("=")
    try:
        if equals:
            # Quotes protect a comma in the text that mount(2) takes; here nothing needs them.
            syscall.fsconfig(fs, flags.FSCONFIG_SET_STRING, name, value.strip('"'))
        else:
            syscall.fsconfig(fs, flags.FSCONFIG_SET_FLAG, name)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise OptionError(error, word) from None


def mount_tmpfs(context: Context, target_fd: int, path: str, source: str, data: Sequence[str], to_set: int) -> int:
    """Mount a tmpfs of ours with these MS_* flags and return the descriptor of its root."""
    super_flags = ("ro",) if to_set & flags.MS_RDONLY else ()
    try:
        mount = create_filesystem(
            context.syscall, "tmpfs", source, data, super_flags=super_flags, attributes=options.attributes(to_set)
        )
    except OSError as error:
        if error.errno not in NO_NEW_CALLS:
            raise
        context.mount_by_path(source, target_fd, "tmpfs", to_set, ",".join(data))
        return inside.open_directory(context.syscall, context.root_fd, path)
    attach(context.syscall, mount, target_fd)
    return mount


def _kernel_log(fs: int) -> str | None:
    """Read what the file system wrote about its refusal, such as "tmpfs: Unknown parameter 'foo'"."""
    try:
        text = os.read(fs, 1024).decode("utf-8", "replace").strip()
    except OSError:
        return None
    return text[2:] if text[:2] in ("e ", "w ", "i ") else text or None
