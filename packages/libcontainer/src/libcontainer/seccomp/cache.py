"""A directory of compiled filters on disk; knows nothing of what is in them.

An entry is a file named by a hash of the section it was compiled from. It also names the libseccomp that compiled it,
with the file's inode, size and time of change: so an update of the library makes the entry stale, and finding that out
takes one stat(2) and no import. Files are written under another name and renamed; a hash over the whole finds a
damaged one. Only what the calling user wrote, and nobody else could, is believed.
"""

from __future__ import annotations

import os
import stat

try:
    from _sha256 import sha256  # type: ignore[import-not-found]  # a module of CPython that typeshed leaves out
except ImportError:
    try:
        from _sha2 import sha256  # type: ignore[import-not-found]  # its name since Python 3.12
    except ImportError:
        from hashlib import sha256  # the public one, 2 ms slower to import

try:
    import _struct as struct  # all of the public one, whose file would have to be found first
except ImportError:
    import struct  # type: ignore[no-redef]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.record import Record

# To be increased whenever the same section shall give another program: then older entries are not found any more.
_FORMAT = 1

_MAGIC = b"pyoukibp"
_DIGEST_SIZE = 32
# Inode, size, time of change in ns, length of the library's path.
_LIBRARY = struct.Struct("=QQQH")
_BODY = len(_MAGIC) + _DIGEST_SIZE

_MAX_ENTRIES = 64
# Twice the largest program (4096 instructions) leaves room for names.
_MAX_SIZE = 64 * 1024


def key(section: Record) -> str:
    """Return the name of a section's entry on this machine: equal sections have equal names, and only they."""
    text = repr((_FORMAT, os.uname().machine, section))
    return _digest(text.encode("utf-8", "surrogatepass")).hex()


def read(directory: str, name: str) -> bytes | None:
    """Return what was stored under a name; None if nothing, or nothing that can be believed, is there."""
    try:
        directory_fd = _open_directory(directory)
    except OSError:
        return None
    try:
        data = _read_file(directory_fd, name)
    except OSError:
        return None
    finally:
        os.close(directory_fd)
    return None if data is None else _verify(data)


def write(directory: str, name: str, payload: bytes, library: str) -> bool:
    """Store a payload and drop the entries that were not used for longest when there are too many.

    Args:
        directory: made if absent, and its parent, for this user alone.
        name: what `key` returned.
        payload: up to 64 KiB.
        library: the file that compiled it.

    Returns:
        Whether it was stored: it is not on a full or read-only disk, or where others may write.
    """
    try:
        for path in (os.path.dirname(directory), directory):
            _make_private(path)
        entry = _wrap(payload, library)
        directory_fd = _open_directory(directory)
    except OSError:
        return False
    try:
        _write_file(directory_fd, name, entry)
        _evict(directory_fd)
    except OSError:
        return False
    finally:
        os.close(directory_fd)
    return True


def _digest(data: bytes) -> bytes:
    return bytes(sha256(data).digest())


def _open_directory(path: str) -> int:
    """Open a directory that belongs to us and that nobody else may change; EPERM otherwise."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not _is_ours(os.fstat(fd)):
        os.close(fd)
        raise PermissionError(path)
    return fd


def _is_ours(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _make_private(path: str) -> None:
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return


def _read_file(directory_fd: int, name: str) -> bytes | None:
    # Non-blocking, lest a FIFO under that name makes us wait.
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory_fd)
    try:
        status = os.fstat(fd)
        if not (stat.S_ISREG(status.st_mode) and _is_ours(status) and status.st_size <= _MAX_SIZE):
            return None
        return os.read(fd, _MAX_SIZE)
    finally:
        os.close(fd)


def _wrap(payload: bytes, library: str) -> bytes:
    path = os.fsencode(library)
    status = os.stat(path)
    body = _LIBRARY.pack(status.st_ino, status.st_size, status.st_mtime_ns, len(path)) + path + payload
    return _MAGIC + _digest(body) + body


def _verify(data: bytes) -> bytes | None:
    """Return the payload of an intact entry whose library is still the same."""
    body = data[_BODY:]
    if data[:_BODY] != _MAGIC + _digest(body) or len(body) < _LIBRARY.size:
        return None
    inode, size, changed_ns, length = _LIBRARY.unpack_from(body)
    payload_at = _LIBRARY.size + length
    try:
        status = os.stat(body[_LIBRARY.size : payload_at])
    except (OSError, ValueError):
        return None
    if (status.st_ino, status.st_size, status.st_mtime_ns) != (inode, size, changed_ns):
        return None
    return body[payload_at:]


def _write_file(directory_fd: int, name: str, data: bytes) -> None:
    temporary = f".{os.getpid()}-{name}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, 0o600, dir_fd=directory_fd)
    try:
        # A short write is found by the hash when the entry is read.
        os.write(fd, data)
        os.rename(temporary, name, src_dir_fd=directory_fd, dst_dir_fd=directory_fd)
    except OSError:
        os.unlink(temporary, dir_fd=directory_fd)
        raise
    finally:
        os.close(fd)


def _evict(directory_fd: int) -> None:
    """Keep the number of files bounded: entries, and what a killed writer left."""
    names = os.listdir(directory_fd)
    if len(names) <= _MAX_ENTRIES:
        return
    used = sorted((_last_use(directory_fd, name), name) for name in names)
    for _, name in used[: len(names) - _MAX_ENTRIES]:
        # Somebody else may have evicted it just now.
        try:
            os.unlink(name, dir_fd=directory_fd)
        except FileNotFoundError:
            continue


def _last_use(directory_fd: int, name: str) -> int:
    try:
        return os.stat(name, dir_fd=directory_fd, follow_symlinks=False).st_atime_ns
    except FileNotFoundError:
        return 0
