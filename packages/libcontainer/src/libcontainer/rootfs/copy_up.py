"""Fill a fresh tmpfs with what its mount point held (``tmpcopyup``), by descriptors only; imported when asked for."""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libcontainer.syscall import Syscall

_CHUNK = 1 << 20
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def copy(syscall: Syscall, source_fd: int, target_fd: int, asked: Sequence[str] = ()) -> None:
    """Copy the content of a directory into another, with owner, mode, times and extended attributes.

    No link is followed, so nothing outside the source is read. Sockets are left out. The mode and owner of the
    source itself are given to the target, unless the mount's options ask for others.

    Args:
        syscall: the kernel.
        source_fd: the directory to read.
        target_fd: the empty directory to fill.
        asked: options of the target's file system; its ``mode=``, ``uid=`` and ``gid=`` stay as they are.
    """
    source = os.open(".", _DIRECTORY, dir_fd=source_fd)
    try:
        target = os.open(".", _DIRECTORY, dir_fd=target_fd)
        try:
            before = os.fstat(target)
            _copy_directory(syscall, source, target)
            names = {word.partition("=")[0] for word in asked}
            if not names.isdisjoint(("uid", "gid")):
                uid = before.st_uid if "uid" in names else -1
                syscall.fchown(target, uid, before.st_gid if "gid" in names else -1)
            if "mode" in names:
                syscall.fchmod(target, stat.S_IMODE(before.st_mode))
        finally:
            os.close(target)
    finally:
        os.close(source)


def _copy_directory(syscall: Syscall, source: int, target: int) -> None:
    with os.scandir(source) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        _copy_entry(syscall, source, target, name)
    _copy_attributes(syscall, source, target)


def _copy_entry(syscall: Syscall, source: int, target: int, name: str) -> None:
    found = os.stat(name, dir_fd=source, follow_symlinks=False)
    kind = stat.S_IFMT(found.st_mode)
    if kind == stat.S_IFDIR:
        syscall.mkdir(name, 0o700, dir_fd=target)
        _copy_opened(syscall, source, target, name, _DIRECTORY, _DIRECTORY)
    elif kind == stat.S_IFREG:
        readable = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        syscall.mknod(name, stat.S_IFREG | 0o600, 0, dir_fd=target)
        _copy_opened(syscall, source, target, name, readable, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    elif kind == stat.S_IFLNK:
        syscall.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
        syscall.chown(name, found.st_uid, found.st_gid, dir_fd=target)
    elif kind != stat.S_IFSOCK:
        syscall.mknod(name, found.st_mode, found.st_rdev, dir_fd=target)
        syscall.chown(name, found.st_uid, found.st_gid, dir_fd=target)


def _copy_opened(syscall: Syscall, source: int, target: int, name: str, read_flags: int, write_flags: int) -> None:
    old = os.open(name, read_flags, dir_fd=source)
    try:
        new = os.open(name, write_flags, dir_fd=target)
        try:
            if stat.S_ISDIR(os.fstat(old).st_mode):
                _copy_directory(syscall, old, new)
                return
            while os.sendfile(new, old, None, _CHUNK):
                pass
            _copy_attributes(syscall, old, new)
        finally:
            os.close(new)
    finally:
        os.close(old)


def _copy_attributes(syscall: Syscall, source: int, target: int) -> None:
    found = os.fstat(source)
    syscall.fchown(target, found.st_uid, found.st_gid)
    syscall.fchmod(target, stat.S_IMODE(found.st_mode))
    for name in os.listxattr(source):
        try:
            os.setxattr(target, name, os.getxattr(source, name))
        except OSError:
            # tmpfs knows fewer attributes than most file systems; none of them is needed to read the file.
            continue
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
