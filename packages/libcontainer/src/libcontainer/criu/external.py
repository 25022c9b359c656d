"""What of a container belongs to the host, so that CRIU leaves it out of the images and gets it anew on restore.

Mounts that come from the host, namespaces that were joined by path, and the standard descriptors.
"""

from __future__ import annotations

import os

from libcontainer.oci import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from libcgroups.manager import Hierarchy
    from libcontainer.oci.spec import Mount, Spec

DESCRIPTORS_FILE = "descriptors.json"
"""Written beside the images, as other runtimes do: what descriptors 0 to 2 are, by the links of /proc/PID/fd."""

NAMESPACE_KEYS = {"network": ("net", "extRootNetNS"), "pid": ("pid", "extRootPidNS")}
"""Types of joined namespaces that CRIU must not dump: name in its notation, and the name in the images."""

_CGROUP_TYPES = ("cgroup", "cgroup2")


def mounts_to_dump(mountinfo: str, spec: Spec) -> list[str]:
    """Return the mount points, as the container sees them, of what comes from the host.

    Args:
        mountinfo: /proc/PID/mountinfo of the container's init, proc_pid_mountinfo(5).
        spec: the container's configuration.
    """
    rows = [_Row(line) for line in mountinfo.splitlines()]
    binds = [mount.destination.rstrip("/") for mount in spec.mounts if is_bind(mount)]
    others = {mount.destination.rstrip("/") for mount in spec.mounts if not is_bind(mount)}
    own: list[_Row] = []
    found = []
    for row in rows:
        below = row.point in binds or any(row.point.startswith(f"{bind}/") for bind in binds)
        if row.kind in _CGROUP_TYPES or (below and row.point not in others):
            found.append(row.point)
        elif row is rows[0] or row.root == "/":
            own.append(row)
        elif not any(row.is_part_of(other) for other in own):
            found.append(row.point)
    return found


class _Row:
    """A line of the mount table."""

    def __init__(self, line: str) -> None:
        fields = line.split(" ")
        self.device = fields[2]
        self.root = unescape(fields[3])
        self.point = unescape(fields[4])
        self.kind = fields[fields.index("-") + 1]

    def is_part_of(self, other: _Row) -> bool:
        """Tell whether the other one shows what this one shows, as is so for read-only and masked paths."""
        return self.device == other.device and f"{self.root}/".startswith(f"{other.root.rstrip('/')}/")


def mounts_to_restore(spec: Spec, bundle: str, hierarchies: Sequence[Hierarchy], mountinfo: str) -> dict[str, str]:
    """Return the host's path for each mount point that a dump may have left out.

    Args:
        spec: the configuration to restore with.
        bundle: absolute path of the bundle, for relative sources.
        hierarchies: where the container's new cgroup is.
        mountinfo: /proc/self/mountinfo, for what is mounted below the sources of recursive binds.
    """
    points = [unescape(line.split(" ")[4]) for line in mountinfo.splitlines()]
    found = {}
    for mount in spec.mounts:
        destination = mount.destination.rstrip("/")
        if is_bind(mount):
            source = os.path.realpath(os.path.join(bundle, mount.source or ""))
            found[destination] = source
            below = (point for point in points if point.startswith(f"{source.rstrip('/')}/"))
            found.update((destination + point.removeprefix(source.rstrip("/")), point) for point in below)
        elif mount.type in _CGROUP_TYPES:
            found.update(_cgroups(destination, hierarchies))
    for device in spec.linux.devices:
        found.setdefault(device.path, device.path)
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        found.setdefault(f"/dev/{name}", f"/dev/{name}")
    return found


def is_bind(mount: Mount) -> bool:
    """Tell whether the mount shows something of the host."""
    return mount.type == "bind" or "bind" in mount.options or "rbind" in mount.options


def standard_descriptors(pid: int, mountinfo: str) -> list[str]:
    """Return what descriptors 0 to 2 of a process are: ``pipe:[1234]``, ``/dev/null``, ``file[1b:20c0cc]``.

    The last form, CRIU's, is that of a file of the host: its mount, which the container does not have, and its inode.
    """
    own = {line.split(" ")[0] for line in mountinfo.splitlines()}
    found = []
    for number in range(3):
        name = os.readlink(f"/proc/{pid}/fd/{number}")
        mount = _mount_of(pid, number)
        if name.startswith("/") and mount not in own:
            inode = os.stat(f"/proc/{pid}/fd/{number}").st_ino
            name = f"file[{int(mount):x}:{inode:x}]"
        found.append(name)
    return found


def is_file(name: str) -> bool:
    """Tell whether it is the name of a file of the host, as ``standard_descriptors`` makes it."""
    return name.startswith("file[")


def inherited_descriptors(text: bytes) -> list[tuple[str, int]]:
    """Return (name in the images, descriptor of ours) for what the container gets from the caller.

    Raises:
        ValueError: the text is not what a checkpoint has written.
    """
    names = json_text.loads(text)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("expected an array of strings")
    pairs: dict[str, int] = {}
    for number, name in enumerate(names[:3]):
        if name.startswith("pipe:"):
            pairs.setdefault(name, number)
        elif is_file(name):
            # CRIU takes the name for a path, which it looks up without its slash.
            pairs.setdefault(name[1:], number)
    return list(pairs.items())


def _mount_of(pid: int, number: int) -> str:
    with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii") as file:
        return next(line.split()[1] for line in file if line.startswith("mnt_id:"))


def unescape(field: str) -> str:
    r"""Undo the octal escapes of the mount table (``\040`` is a blank)."""
    head, *parts = field.split("\\")
    return head + "".join(chr(int(part[:3], 8)) + part[3:] for part in parts)


def _cgroups(destination: str, hierarchies: Iterable[Hierarchy]) -> Iterable[tuple[str, str]]:
    for hierarchy in hierarchies:
        if hierarchy.controllers:
            yield f"{destination}/{os.path.basename(hierarchy.mount_point)}", hierarchy.directory
        else:
            yield destination, hierarchy.directory
