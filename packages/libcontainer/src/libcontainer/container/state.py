"""What is kept of a container between two commands, ``ROOT/ID/state.json``; not what ``state`` prints, but its source.

The file is written before the first cgroup, process or mount exists, and again by rename after each stage: whatever
happens to the runtime, the disk names everything that must be removed.
"""

from __future__ import annotations

from libcgroups.record import Record
from libcontainer.errors import StateFileError
from libcontainer.oci import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

CREATING = "creating"
CREATED = "created"
RUNNING = "running"
PAUSED = "paused"
STOPPED = "stopped"

EMPTY: Mapping[str, object] = {}


class ContainerState(Record):
    """A container as the disk knows it.

    Attributes:
        id: the container's name.
        status: the last stage that was completed; see ``status.current`` for the present one.
        bundle: absolute path of the bundle.
        rootfs: absolute path of the root filesystem on the host.
        created: when, RFC 3339 in UTC.
        owner: user id of the creator.
        oci_version: of the configuration.
        annotations: of the configuration.
        pid: the container's init, seen from the runtime; 0 before it exists.
        pid_start_time: of init, see ``pidfd``.
        cgroup: state of the cgroup manager.
        freezer: file that tells whether the container is frozen, "" if nothing can.
        namespaces: the namespaces that are the container's own, new or joined, by the spec's names.
        has_private_pids: init is the init of a pid namespace of its own, so that all processes end with it.
        hooks: kinds of hooks, among poststart and poststop, that the configuration has.
        rootless: the creator was not root of the host.
        intel_rdt: resctrl group directory to remove on delete, "" if none.
        executable: path in the container of the program that init will execute, "" until it is known.
    """

    id: str
    status: str
    bundle: str
    rootfs: str
    created: str
    owner: int
    oci_version: str
    annotations: Mapping[str, str] = EMPTY  # type: ignore[assignment]  # one shared empty mapping
    pid: int = 0
    pid_start_time: int = 0
    cgroup: Mapping[str, object] = EMPTY
    freezer: str = ""
    namespaces: list[str] = []  # never changed: the record is frozen
    has_private_pids: bool = False
    hooks: list[str] = []
    rootless: bool = False
    intel_rdt: str = ""
    executable: str = ""


_KINDS: dict[str, type] = {
    "id": str, "status": str, "bundle": str, "rootfs": str, "created": str, "owner": int, "oci_version": str,
    "annotations": dict, "pid": int, "pid_start_time": int, "cgroup": dict, "freezer": str, "namespaces": list,
    "has_private_pids": bool, "hooks": list, "rootless": bool, "intel_rdt": str, "executable": str,
}  # fmt: skip


def to_json(state: ContainerState) -> str:
    """Write the state as text."""
    return json_text.dumps({name: getattr(state, name) for name in ContainerState.__fields__})


def from_json(text: bytes, path: str) -> ContainerState:
    """Read the state back.

    Raises:
        StateFileError: the text is not what ``to_json`` wrote.
    """
    try:
        values = json_text.loads(text)
    except ValueError as error:
        raise StateFileError(
            f"read {path}: {error}", object=path, hint="delete --force removes the container"
        ) from None
    if not isinstance(values, dict) or not values.keys() <= _KINDS.keys():
        raise StateFileError(f"read {path}: not a container's state", object=path)
    for name, value in values.items():
        if type(value) is not _KINDS[name]:
            raise StateFileError(f"read {path}: {name} is no {_KINDS[name].__name__}", object=path)
    try:
        return ContainerState(**values)
    except TypeError as error:
        raise StateFileError(f"read {path}: {error}", object=path) from None


def oci_state(state: ContainerState, status: str, *, pid: int | None = None) -> dict[str, object]:
    """Return the OCI state (runtime.md, State) that hooks and agents get; pid None leaves the pid out."""
    value: dict[str, object] = {"ociVersion": state.oci_version, "id": state.id, "status": status}
    if pid is not None:
        value["pid"] = pid
    value["bundle"] = state.bundle
    if state.annotations:
        value["annotations"] = dict(state.annotations)
    return value
