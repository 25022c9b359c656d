"""What a container was when its state.json is missing or garbled; used by ``delete --force`` alone.

The configuration's copy names the cgroup, and the cgroup knows the processes.
"""

from __future__ import annotations

import os

from libcontainer import cgroups, new_cgroup, pidfd
from libcontainer.container import store
from libcontainer.container.state import CREATING, ContainerState
from libcontainer.errors import LibcontainerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.container.store import ContainerDirectory
    from libcontainer.oci.spec import Spec


def state_of(directory: ContainerDirectory) -> ContainerState:
    """Return a state that names everything of the container that can be found."""
    spec = _spec(directory)
    state = ContainerState(
        id=directory.id, status=CREATING, bundle="/", rootfs="", created="", owner=os.geteuid(), oci_version=""
    )
    if spec is None:
        return state
    manager = new_cgroup.choose(spec, directory.id, rootless=os.geteuid() != 0)
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


def _spec(directory: ContainerDirectory) -> Spec | None:
    from libcontainer.oci import load

    try:
        return load.parse(directory.read(store.CONFIG_FILE))
    except LibcontainerError:
        return None
