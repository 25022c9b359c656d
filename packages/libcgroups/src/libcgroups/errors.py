"""The errors of this package; imported only when something goes wrong.

::

    CgroupError
    ├── FileError            a cgroup file could not be read, written, made or removed
    │   └── BpfError         v2.bpf.load: the kernel refused a command of bpf(2)
    ├── FormatError          a kernel file holds what we do not understand
    ├── PathError            the requested cgroup path cannot be used
    │   └── CgroupsPathError systemd.names: it is not of the form SLICE:PREFIX:NAME
    ├── NotMountedError      the hierarchy or controller that is needed is not there
    ├── ResourceError        a limit is invalid by itself, or contradicts another
    ├── DelegationError      limits or a path were asked for, and the cgroups are not ours to write
    ├── NotEmptyError        the cgroup already holds processes
    ├── FrozenError          the cgroup is frozen, or does not freeze or thaw in time
    ├── BusyError            the cgroup cannot be removed, processes remain
    ├── StateError           a saved manager state is not one of ours
    └── DbusError            systemd.dbus_native: the bus or systemd refused, see its own errors
"""

from __future__ import annotations

import os


class CgroupError(Exception):
    """Anything that went wrong with a cgroup.

    Attributes:
        message: one line, lower case: action, object, reason.
        path: the file or directory, empty if none is at fault.
        value: what was to be written, None if nothing was.
        errno: the kernel's error number, None if it was not the kernel who refused.
        hint: the remedy, if we know one.
        controller: the controller concerned, if one is.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str = "",
        value: str | None = None,
        errno: int | None = None,
        hint: str = "",
        controller: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.value = value
        self.errno = errno
        self.hint = hint
        self.controller = controller


class FileError(CgroupError):
    """A cgroup file could not be read, written, made or removed."""


class FormatError(CgroupError):
    """A kernel file holds what we do not understand."""


class PathError(CgroupError):
    """The requested cgroup path cannot be used."""


class NotMountedError(CgroupError):
    """The hierarchy or controller that is needed is not there."""


class ResourceError(CgroupError):
    """A limit is invalid by itself, or contradicts another; ``message`` begins with the OCI property.

    Attributes:
        property: JSON path of what is wrong where that is an annotation, empty otherwise.
    """

    property = ""


class DelegationError(CgroupError):
    """Limits or a path were asked for, and the cgroups are not ours to write."""


class FrozenError(CgroupError):
    """The cgroup is frozen, or does not freeze or thaw in time."""


class StateError(CgroupError):
    """A saved manager state is not one of ours."""


class NotEmptyError(CgroupError):
    """The cgroup already holds processes.

    Attributes:
        pids: the processes found.
    """

    def __init__(self, pids: list[int], *, path: str) -> None:
        super().__init__(
            f"container's cgroup is not empty: {len(pids)} process(es) found",
            path=path,
            hint="choose another cgroupsPath, or end the processes listed in cgroup.procs",
        )
        self.pids = pids


class BusyError(CgroupError):
    """The cgroup cannot be removed, processes remain.

    Attributes:
        pids: the processes found, none if it is busy for another reason.
    """

    def __init__(self, path: str, pids: list[int], error: OSError) -> None:
        reason = f"still holds {describe_pids(pids)}" if pids else describe_errno(error.errno)
        super().__init__(f"remove cgroup {path}: {reason}", path=path, errno=error.errno)
        self.pids = pids


def describe_errno(errno: int | None) -> str:
    """Return the system's words for an error number, in lower case, as they continue a sentence."""
    words = os.strerror(errno or 0)
    return words[:1].lower() + words[1:]


def describe_pids(pids: list[int]) -> str:
    """Name processes for an error message: number and command, the first ten."""
    named = []
    for pid in pids[:10]:
        try:
            with open(f"/proc/{pid}/comm", errors="replace") as file:
                named.append(f"{pid} ({file.read().strip()})")
        except OSError:
            named.append(str(pid))
    more = f" and {len(pids) - 10} more" if len(pids) > 10 else ""
    return f"{len(pids)} process(es): {', '.join(named)}{more}"


def from_os_error(action: str, path: str, error: OSError, value: str | None = None) -> FileError:
    """Make a FileError of a refused system call, with a remedy if the situation is a known one.

    Args:
        action: ``read``, ``write``, ``make`` …
        path: the file or directory.
        error: what the kernel said.
        value: what was to be written.
    """
    what = path if value is None else f"{value!r} to {path}"
    name = path.rpartition("/")[2]
    controller = name.split(".", 1)[0] if "." in name else ""
    return FileError(
        f"{action} {what}: {describe_errno(error.errno)}",
        path=path,
        value=value,
        errno=error.errno,
        hint=_HINTS.get((action, error.errno or 0)) or _HINTS.get((controller, error.errno or 0), ""),
        controller="" if controller == "cgroup" else controller,
    )


_NO_DISK = "no disk has this number; a partition has no limits of its own, its disk has"
_NO_WEIGHTS = "this disk has no weights: write bfq to /sys/dev/block/MAJOR:MINOR/queue/scheduler"

# By action or controller, and by number, since the errno module has nothing to add: ENOENT, EACCES, ENODEV, EROFS,
# EOPNOTSUPP.
_HINTS = {
    ("write", 2): "the kernel was built without this file, or the controller is not enabled for this cgroup",
    ("write", 13): "run as root, or have the cgroup delegated to this user",
    ("make", 13): "run as root, or have a cgroup delegated to this user (cgroup v2)",
    ("make", 30): "the cgroup file system is mounted read-only here; remount it read-write",
    ("write", 30): "the cgroup file system is mounted read-only here; remount it read-write",
    ("blkio", 19): _NO_DISK,
    ("blkio", 95): _NO_WEIGHTS,
    ("io", 19): _NO_DISK,
    ("io", 95): f"{_NO_WEIGHTS}, or enable iocost with io.cost.qos of the root cgroup",
    ("rdma", 19): "the names of the devices are those in /sys/class/infiniband",
}
