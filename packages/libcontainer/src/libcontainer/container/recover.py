"""What a container was when its state.json is missing or garbled; used by ``delete --force`` alone.

The configuration's copy names the cgroup, and the cgroup knows the processes.
"""

from __future__ import annotations

import os

from libcgroups.systemd import booted
from libcontainer import cgroups, new_cgroup, pidfd
from libcontainer.container import store
from libcontainer.container.state import CREATING, ContainerState
from libcontainer.errors import CgroupsError, LibcontainerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from libcgroups.manager import CgroupManager
    from libcontainer.container.store import ContainerDirectory
    from libcontainer.oci.spec import Spec


def state_of(
    directory: ContainerDirectory,
    *,
    choose: Callable[..., CgroupManager] = new_cgroup.choose,
    has_systemd: Callable[[], bool] = booted,
) -> ContainerState:
    """Return a state that names everything of the container that can be found.

    Args:
        directory: the container's.
        choose: gives the cgroup manager for a configuration, as ``new_cgroup.choose`` does.
        has_systemd: tells whether systemd may have made the cgroup.
    """
    spec = _spec(directory)
    state = ContainerState(
        id=directory.id, status=CREATING, bundle="/", rootfs="", created="", owner=os.geteuid(), oci_version=""
    )
    if spec is None:
        return state
    manager = _manager(spec, directory.id, choose, has_systemd)
    pids = manager.get_all_pids()
    hooks = ["poststop"] if spec.hooks is not None and spec.hooks.poststop else []
    pid = pids[0] if pids else 0
    return state.replace(
        cgroup=manager.state(),
        freezer=cgroups.freezer_file(manager),
        oci_version=spec.oci_version,
        annotations=dict(spec.annotations),
        pid=pid,
        pid_start_time=pidfd.start_time(pid) or 0,
        hooks=hooks,
    )


def _manager(
    spec: Spec, container_id: str, choose: Callable[..., CgroupManager], has_systemd: Callable[[], bool]
) -> CgroupManager:
    """Return the manager that has made the cgroup; the configuration does not say whether that was systemd's.

    ``slice:prefix:name`` is a directory's name to the other manager, and without a path each has its own: where no
    directory is, it was systemd's. The unit's cgroup may be gone and the unit still be remembered as failed.
    """
    rootless = os.geteuid() != 0
    manager = choose(spec, container_id, rootless=rootless)
    if manager.exists() or not has_systemd():
        return manager
    try:
        return choose(spec.replace(annotations={}), container_id, rootless=rootless, systemd_cgroup=True)
    except CgroupsError:
        return manager  # a path that names no unit, or systemd does not answer


def _spec(directory: ContainerDirectory) -> Spec | None:
    from libcontainer.oci import load

    try:
        return load.parse(directory.read(store.CONFIG_FILE))
    except LibcontainerError:
        return None
