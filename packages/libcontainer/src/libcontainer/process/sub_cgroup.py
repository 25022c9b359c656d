"""Join cgroups below the container's own, named by ``exec --cgroup`` or init's; they exist and never lead out of it."""

from __future__ import annotations

import os

from libcgroups import files
from libcontainer.errors import CgroupsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libcgroups.manager import CgroupManager, Hierarchy


def join(manager: CgroupManager, paths: Sequence[str], pid: int) -> None:
    """Put a process into the container's cgroup, or into the sub-cgroups that were named for some hierarchies.

    Args:
        manager: of the container.
        paths: ``[controller[,controller]:]path``; without controllers it is meant for all hierarchies.
        pid: the process.

    Raises:
        CgroupsError: a path is not below the container's cgroup, does not exist, or a controller has no hierarchy.
    """
    chosen = _choose(manager.hierarchies(), paths)
    for hierarchy in manager.hierarchies():
        directory = files.join_safely(hierarchy.directory, chosen.get(hierarchy.mount_point, ""))
        if not os.path.isdir(directory):
            if hierarchy.mount_point not in chosen:
                continue
            raise CgroupsError(
                f"exec --cgroup: no cgroup {directory}", object=directory, hint="make the sub-cgroup before exec"
            )
        files.write_cgroup_file(f"{directory}/cgroup.procs", pid)


def join_init(manager: CgroupManager, init: int, pid: int) -> bool:
    """Put a process into the cgroup that init is in, if that is below the container's; False if it is not.

    The container's own takes no process once it hands controllers down (cgroups(7), "no internal processes"). An init
    that does so, systemd for one, has gone to a cgroup further below before.

    Args:
        manager: of the container.
        init: pid of the container's init.
        pid: the process.

    Raises:
        FileError: the kernel refused.
    """
    for hierarchy in manager.hierarchies():
        for directory in files.walk(hierarchy.directory)[1:]:
            if init in files.read_pids(directory):
                files.write_cgroup_file(f"{directory}/cgroup.procs", pid)
                return True
    return False


def _choose(hierarchies: Sequence[Hierarchy], paths: Sequence[str]) -> dict[str, str]:
    """Return the path below the container's cgroup by mount point."""
    chosen: dict[str, str] = {}
    for text in paths:
        controllers, colon, path = text.rpartition(":")
        if any(part == ".." for part in path.split("/")):
            raise CgroupsError(f"exec --cgroup {text!r}: the path leads out of the container's cgroup", object=text)
        if not colon:
            chosen.update((hierarchy.mount_point, path) for hierarchy in hierarchies)
            continue
        for controller in controllers.split(","):
            places = [each.mount_point for each in hierarchies if controller in each.controllers]
            if not places:
                raise CgroupsError(f"exec --cgroup {text!r}: no hierarchy of controller {controller!r}", object=text)
            chosen[places[0]] = path
    return chosen
