"""Open and create files below a directory that an attacker may write to; not for paths of the host.

Every function takes the descriptor of the tree's root and a path inside it. Links and ``..`` are resolved as if that
root were ``/``, never outside it, and what is created is created by (directory descriptor, single name). Each returned
descriptor is owned by the caller. Failures are OSErrors that name the path as the container sees it.
"""

from __future__ import annotations

import errno
import os
import stat

from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.syscall import Syscall

_RESOLVE = flags.RESOLVE_IN_ROOT | flags.RESOLVE_NO_MAGICLINKS
_MAX_LINKS = 40
# openat2(2) answers EAGAIN when a rename or a mount anywhere on the machine raced with "..": it must be asked again.
_MAX_RACES = 128


def open_path(
    syscall: Syscall, root_fd: int, path: str, open_flags: int = os.O_PATH, *, no_symlinks: bool = False
) -> int:
    """Open what exists at a path of the tree.

    Args:
        syscall: the kernel.
        root_fd: directory that is the tree's root.
        path: path inside the tree, absolute or not.
        open_flags: of open(2), without O_CREAT.
        no_symlinks: refuse every symbolic link on the way with ELOOP.

    Raises:
        OSError: ENOENT, ENOTDIR, ELOOP, EACCES as of open(2).
    """
    relative = path.lstrip("/") or "."
    resolve = _RESOLVE | flags.RESOLVE_NO_SYMLINKS if no_symlinks else _RESOLVE
    for _ in range(_MAX_RACES):
        try:
            return syscall.openat2(root_fd, relative, open_flags, 0, resolve)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                continue
            # openat2(2) since Linux 5.6; a seccomp filter around us may answer EPERM for it.
            if error.errno not in (errno.ENOSYS, errno.EPERM):
                error.filename = path
                raise
            break
    return _Walk(syscall, root_fd, path, no_symlinks=no_symlinks).open(open_flags)


def open_directory(syscall: Syscall, root_fd: int, path: str, *, no_symlinks: bool = False) -> int:
    """Open an existing directory of the tree, O_PATH."""
    return open_path(syscall, root_fd, path, os.O_PATH | os.O_DIRECTORY, no_symlinks=no_symlinks)


def make_directories(syscall: Syscall, root_fd: int, path: str, mode: int = 0o755, *, no_symlinks: bool = False) -> int:
    """Open a directory of the tree, O_PATH, after making it and its parents where they are missing.

    A dangling link is followed inside the tree, and what it points to is made. The mode is subject to the umask.
    """
    try:
        return open_directory(syscall, root_fd, path, no_symlinks=no_symlinks)
    except FileNotFoundError:
        fd = _make_last(syscall, root_fd, path, mode, no_symlinks)
        if fd >= 0:
            return fd
        walk = _Walk(syscall, root_fd, path, make=stat.S_IFDIR | mode, no_symlinks=no_symlinks)
        return walk.open(os.O_PATH | os.O_DIRECTORY)


def _make_last(syscall: Syscall, root_fd: int, path: str, mode: int, no_symlinks: bool) -> int:
    """Make a directory whose parent exists, as most do; -1 if it is not that simple."""
    parent, _, name = path.rpartition("/")
    if name in ("", ".", ".."):
        return -1
    try:
        parent_fd = open_directory(syscall, root_fd, parent, no_symlinks=no_symlinks)
    except FileNotFoundError:
        return -1
    try:
        syscall.mkdir(name, mode, dir_fd=parent_fd)
        return os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent_fd)
    except FileExistsError:
        return -1
    finally:
        os.close(parent_fd)


def make_file(syscall: Syscall, root_fd: int, path: str, mode: int = 0o644) -> int:
    """Open a file of the tree of any kind, O_PATH, after making an empty regular one if there is none."""
    try:
        return open_path(syscall, root_fd, path)
    except FileNotFoundError:
        return _Walk(syscall, root_fd, path, make=stat.S_IFREG | mode).open(os.O_PATH)


def is_device(fd: int, kind: int, device: int) -> bool:
    """Tell whether fd refers to the device node of the given file type (stat.S_IFCHR, S_IFBLK) and number."""
    found = os.fstat(fd)
    return stat.S_IFMT(found.st_mode) == kind and found.st_rdev == device


class _Walk:
    """One resolution by hand, component by component, which can also create what is missing.

    ``..`` leads back to the directory that we came from, so no rename can lead it out of the tree.
    """

    def __init__(
        self, syscall: Syscall, root_fd: int, path: str, *, make: int | None = None, no_symlinks: bool = False
    ) -> None:
        self._syscall = syscall
        self._root_fd = root_fd
        self._path = path
        self._make = make
        self._links_left = 0 if no_symlinks else _MAX_LINKS
        self._waiting = path.split("/")[::-1]
        self._opened: list[int] = []
        self._name = "."

    def open(self, open_flags: int) -> int:
        """Walk and open the last component; nothing but the returned descriptor stays open."""
        try:
            while self._waiting:
                self._step(self._waiting.pop())
            at = self._opened[-1] if self._opened else self._root_fd
            if open_flags & ~os.O_DIRECTORY == os.O_PATH:
                if open_flags & os.O_DIRECTORY and not stat.S_ISDIR(os.fstat(at).st_mode):
                    raise self._error(errno.ENOTDIR)
                return os.dup(at)
            return self._reopen(at, open_flags)
        finally:
            for fd in self._opened:
                os.close(fd)

    def _step(self, name: str) -> None:
        if name in ("", "."):
            return
        if name == "..":
            if self._opened:
                os.close(self._opened.pop())
            return
        parent = self._opened[-1] if self._opened else self._root_fd
        try:
            fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        except FileNotFoundError:
            if self._make is None:
                raise self._error(errno.ENOENT) from None
            self._create(name, parent)
            fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        self._opened.append(fd)
        self._name = name
        kind = stat.S_IFMT(os.fstat(fd).st_mode)
        if kind == stat.S_IFLNK:
            self._follow(self._opened.pop())
        elif kind != stat.S_IFDIR and self._waiting:
            raise self._error(errno.ENOTDIR)

    def _create(self, name: str, parent: int) -> None:
        assert self._make is not None
        is_last = not any(name not in ("", ".") for name in self._waiting)
        try:
            if is_last and stat.S_ISREG(self._make):
                self._syscall.mknod(name, self._make, 0, dir_fd=parent)
            else:
                mode = stat.S_IMODE(self._make) if stat.S_ISDIR(self._make) else 0o755
                self._syscall.mkdir(name, mode, dir_fd=parent)
        except FileExistsError:
            pass  # Somebody was faster; what is there now is opened and looked at like anything found.

    def _follow(self, link: int) -> None:
        """Put the text of a link before what is left to resolve; a magic link of procfs is only its text, too."""
        try:
            if self._links_left == 0:
                raise self._error(errno.ELOOP)
            self._links_left -= 1
            target = os.readlink("", dir_fd=link)
        finally:
            os.close(link)
        if target.startswith("/"):
            while self._opened:
                os.close(self._opened.pop())
        self._waiting.extend(target.split("/")[::-1])

    def _reopen(self, fd: int, open_flags: int) -> int:
        """Open what an O_PATH descriptor refers to; without procfs only a directory can be, others by their name."""
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            return os.open(".", open_flags | os.O_CLOEXEC, dir_fd=fd)
        parent = self._opened[-2] if len(self._opened) > 1 else self._root_fd
        return os.open(self._name, open_flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)

    def _error(self, number: int) -> OSError:
        return OSError(number, os.strerror(number), self._path)
