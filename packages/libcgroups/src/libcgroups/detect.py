"""Which cgroup hierarchies are mounted and where; not which cgroup a container gets.

Everything comes from /proc/self/mountinfo (proc_pid_mountinfo(5)), read once, and /proc/self/cgroup (cgroups(7)).
"""

from __future__ import annotations

from libcgroups import files
from libcgroups.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Setup = Literal["legacy", "hybrid", "unified"]

#: Where cgroups are mounted on every distribution.
DEFAULT_CGROUP_ROOT = "/sys/fs/cgroup"

# Mount options that are no controller. Everything else a v1 mount names is one.
_NO_CONTROLLERS = {"rw", "ro", "xattr", "noprefix", "clone_children", "cpuset_v2_mode", "all", "none", "favordynmods"}


class CgroupSetup:
    """How a machine mounts its hierarchies: all v1, v1 and v2 side by side, or v2 alone."""

    LEGACY: Setup = "legacy"
    HYBRID: Setup = "hybrid"
    UNIFIED: Setup = "unified"


class Mount(Record):
    """One mounted hierarchy.

    Attributes:
        controllers: as Hierarchy.controllers; empty for cgroup2.
        mount_point: where.
        root: which cgroup of the hierarchy appears there, ``/`` for all of it; seen from our cgroup namespace.
    """

    controllers: tuple[str, ...]
    mount_point: str
    root: str = "/"


class Mounts(Record):
    """All hierarchies of this machine.

    Attributes:
        v1: the version 1 hierarchies in mount order, named ones included.
        v2: the version 2 hierarchy, None if it is not mounted.
        proc: where the process information is; a fake hierarchy has its own.
    """

    v1: tuple[Mount, ...]
    v2: Mount | None
    proc: str = "/proc/self"

    @property
    def setup(self) -> Setup:
        """Legacy, hybrid or unified; see CgroupSetup."""
        if self.v1:
            return CgroupSetup.LEGACY if self.v2 is None else CgroupSetup.HYBRID
        return CgroupSetup.UNIFIED

    def own_paths(self) -> dict[str, str]:
        """Read the caller's own cgroup in each hierarchy, from the root of the hierarchy.

        Returns:
            The path per controller, per ``name=…`` for named hierarchies, and under the empty string for cgroup2.
        """
        paths = {}
        for line in files.read_cgroup_file(f"{self.proc}/cgroup").splitlines():
            _, controllers, path = line.split(":", 2)
            for controller in controllers.split(","):
                paths[controller] = path
        return paths


def below_mount(mount: Mount, own_path: str) -> str:
    """Turn a path of /proc/self/cgroup into one below the mount point.

    They differ where only a part of the hierarchy is mounted: in a container without a cgroup namespace, the root of
    the mount is the container's own cgroup.
    """
    if mount.root == "/":
        return own_path
    if own_path == mount.root or own_path.startswith(mount.root + "/"):
        return own_path[len(mount.root) :] or "/"
    return "/"


def read_mounts(root: str | None = None, proc: str = "/proc/self") -> Mounts:
    """Read the mount table.

    Args:
        root: only hierarchies mounted at or below it; None prefers /sys/fs/cgroup and accepts any other place, since
            containers that carry bind mounts of the same hierarchies must not confuse us.
        proc: directory with ``mountinfo`` and ``cgroup``.

    Raises:
        NotMountedError: there is none.
    """
    found = _parse(files.read_cgroup_file(f"{proc}/mountinfo"))
    wanted = root or DEFAULT_CGROUP_ROOT
    chosen = [
        mount for mount in found if mount[1].mount_point == wanted or mount[1].mount_point.startswith(wanted + "/")
    ]
    if not chosen:
        if root is not None or not found:
            from libcgroups import errors

            raise errors.NotMountedError(
                f"detect cgroups: no cgroup hierarchy is mounted{f' below {root}' if root else ''}",
                path=wanted,
                hint=f"mount -t cgroup2 none {wanted}",
            )
        chosen = found
    v1: dict[tuple[str, ...], Mount] = {}
    v2 = None
    for version, mount in chosen:
        if version == 2:
            v2 = v2 or mount
        else:
            v1.setdefault(mount.controllers, mount)
    return Mounts(v1=tuple(v1.values()), v2=v2, proc=proc)


def _parse(mountinfo: str) -> list[tuple[int, Mount]]:
    """Return version and mount of each visible hierarchy, in mount order.

    A mount made later over the same place, or over a directory above, hides the earlier one.
    """
    found: list[tuple[int, Mount]] = []
    places = "\n"
    # Nothing before the first one matters: only a later mount hides an earlier one.
    start = mountinfo.rfind("\n", 0, max(mountinfo.find(" - cgroup"), 0)) + 1
    for line in mountinfo[start:].splitlines():
        fields = line.split(" ", 5)
        if len(fields) < 6:
            continue
        mount_point = _unescape(fields[4])
        covered = mount_point.rstrip("/") + "/"
        if f"\n{covered}" in places:
            found = [item for item in found if not f"{item[1].mount_point}/".startswith(covered)]
            places = "\n" + "".join(f"{item[1].mount_point}/\n" for item in found)
        if " - cgroup" in fields[5]:
            kind, _, rest = fields[5].partition(" - ")[2].partition(" ")
            controllers = _controllers(rest.rpartition(" ")[2]) if kind == "cgroup" else ()
            found.append((2 if kind == "cgroup2" else 1, Mount(controllers, mount_point, _unescape(fields[3]))))
            places += f"{mount_point}/\n"
    return found


def _controllers(options: str) -> tuple[str, ...]:
    """Pick the controllers, or the name, out of the options of a v1 mount."""
    return tuple(
        option
        for option in options.split(",")
        if option not in _NO_CONTROLLERS and not option.startswith("release_agent=")
    )


def _unescape(field: str) -> str:
    r"""Undo the octal escapes of the mount table (``\040`` is a blank)."""
    if "\\" not in field:
        return field
    head, *parts = field.split("\\")
    return head + "".join(chr(int(part[:3], 8)) + part[3:] for part in parts)


def get_cgroup_setup() -> Setup:
    """Tell how this machine mounts its cgroups; a value of CgroupSetup."""
    return read_mounts().setup


def get_cgroup_setup_with_root(root: str) -> Setup:
    """Tell how the hierarchies at or below ``root`` are mounted."""
    return read_mounts(root=root).setup


def get_mount_points() -> list[str]:
    """List where the hierarchies of this machine are mounted, version 1 first."""
    mounts = read_mounts()
    return [mount.mount_point for mount in (*mounts.v1, *((mounts.v2,) if mounts.v2 else ()))]
