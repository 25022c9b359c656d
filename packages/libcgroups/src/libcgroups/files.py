"""Reading and writing cgroup files, each with exactly one open; not which file means what.

Errors name the file, the value and the kernel's reason. Files are never created: a cgroup file that is not there is
one the kernel does not have.
"""

from __future__ import annotations

import os

_READ_SIZE = 65536


def write_cgroup_file(path: str, value: str | int) -> None:
    """Write a value to a cgroup file in one write(2).

    Raises:
        FileError: the kernel refused; ``errno`` tells why, EINVAL mostly means the value is out of range.
    """
    text = value if isinstance(value, str) else str(value)
    try:
        _filesystem.write(path, text.encode())
    except OSError as error:
        from libcgroups import errors

        raise errors.from_os_error("write", path, error, text) from error


#: The same under the name youki gives it to the variant for strings.
write_cgroup_file_str = write_cgroup_file


def read_cgroup_file(path: str) -> str:
    """Return the whole text of a cgroup file.

    Raises:
        FileError: the file is missing or may not be read.
    """
    try:
        return _read(path)
    except OSError as error:
        from libcgroups import errors

        raise errors.from_os_error("read", path, error) from error


def read_optional_cgroup_file(path: str) -> str | None:
    """Return the text of a cgroup file, or None if this kernel or this cgroup does not have it.

    A file of a cgroup that was removed meanwhile, or one that the kernel cannot serve, is missing too (ENODEV,
    EOPNOTSUPP: pressure files with psi=0).
    """
    try:
        return _read(path)
    except OSError as error:
        if error.errno in _MISSING:
            return None
        from libcgroups import errors

        raise errors.from_os_error("read", path, error) from error


# ENOENT, ENODEV, EOPNOTSUPP; by number because importing errno only for three names is not free.
_MISSING = (2, 19, 95)


def join_safely(directory: str, path: str) -> str:
    """Join a path below a directory and refuse to leave it.

    A leading slash is no escape, it means ``directory``; empty and ``.`` components are dropped.

    Raises:
        PathError: a component is ``..``, or the path holds a NUL.
    """
    components = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in components or "\0" in path:
        from libcgroups import errors

        raise errors.PathError(f"cgroup path {path!r}: must not contain '..' or NUL", path=path)
    return "/".join([directory.rstrip("/"), *components]) or "/"


def is_single_component(name: str) -> bool:
    """Tell whether a name from outside can become part of a file name without leading elsewhere."""
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name


def make_directory(path: str) -> bool:
    """Make one cgroup; True if it is new, False if it was there.

    Raises:
        FileError: the kernel refused, or the parent is missing.
    """
    try:
        _filesystem.mkdir(path)
    except FileExistsError:
        return False
    except OSError as error:
        from libcgroups import errors

        raise errors.from_os_error("make", path, error) from error
    return True


def remove_directory(path: str) -> None:
    """Remove one cgroup, without those below it; one that is gone already is fine.

    Raises:
        OSError: EBUSY while it holds processes or cgroups; plain, since callers wait or go deeper.
    """
    try:
        _filesystem.rmdir(path)
    except FileNotFoundError:
        return


def missing_directories(directory: str, top: str) -> list[str]:
    """List which of a directory and its parents below ``top`` do not exist, deepest first."""
    missing = []
    while len(directory) > len(top) and not os.path.isdir(directory):
        missing.append(directory)
        directory = directory.rpartition("/")[0]
    return missing


def read_pids(directory: str) -> list[int]:
    """List the processes in one cgroup, without those below it; empty when it does not exist.

    Processes of other pid namespaces appear as 0 and are left out. A threaded cgroup has no list of its own
    (EOPNOTSUPP): its processes are those of the domain above.
    """
    text = read_optional_cgroup_file(f"{directory}/cgroup.procs")
    return [pid for pid in map(int, (text or "").split()) if pid]


def get_all_pids(directory: str) -> list[int]:
    """List the processes in a cgroup and in all below it; empty when it does not exist."""
    pids = []
    for below in walk(directory):
        pids += read_pids(below)
    return pids


def walk(directory: str) -> list[str]:
    """List a cgroup and all below it, parents before children; empty when it does not exist."""
    found = []
    pending = [directory]
    while pending:
        current = pending.pop()
        try:
            with os.scandir(current) as entries:
                pending += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            continue
        except OSError as error:
            from libcgroups import errors

            raise errors.from_os_error("list", current, error) from error
        found.append(current)
    return found


def _read(path: str) -> str:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while part := os.read(fd, _READ_SIZE):
            parts.append(part)
    finally:
        os.close(fd)
    return b"".join(parts).decode(errors="replace")


class Filesystem:
    """The three ways of changing a cgroup file system, as the kernel does them.

    The one seam for libcgroups.testing: a fake hierarchy on an ordinary file system must fill new directories,
    truncate, record and refuse. Errors are plain OSErrors.
    """

    def write(self, path: str, data: bytes) -> None:
        """Write to an existing file. Neither O_CREAT nor O_TRUNC: the kernel would lock the whole hierarchy for it."""
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, data)
        finally:
            os.close(fd)

    def mkdir(self, path: str) -> None:
        """Make a cgroup."""
        os.mkdir(path, 0o755)

    def rmdir(self, path: str) -> None:
        """Remove a cgroup."""
        os.rmdir(path)


_filesystem = Filesystem()


def use_filesystem(filesystem: Filesystem | None) -> None:
    """Let a fake hierarchy take the changes of this process; None gives them back to the kernel."""
    global _filesystem
    _filesystem = filesystem or Filesystem()
