"""state: print the state of a container as JSON."""

from __future__ import annotations

import sys

from libcontainer.container import status
from libcontainer.container.store import ContainerDirectory
from libcontainer.oci import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.container.state import ContainerState
    from liboci_cli.state import State
    from pyouki.main import Environment


def run(options: State, environment: Environment) -> int:
    """Print the state."""
    directory = ContainerDirectory(environment.root, options.container_id)
    state = directory.load()
    sys.stdout.write(json_text.indented(describe(state, status.current(state, directory))) + "\n")
    return 0


def describe(state: ContainerState, present: str) -> dict[str, object]:
    """Return the OCI state with what runc adds to it: rootfs, time of creation, owner."""
    value: dict[str, object] = {
        "ociVersion": state.oci_version,
        "id": state.id,
        "pid": 0 if present == "stopped" else state.pid,
        "status": present,
        "bundle": state.bundle,
        "rootfs": state.rootfs,
        "created": state.created,
    }
    if state.annotations:
        value["annotations"] = dict(state.annotations)
    value["owner"] = ""
    return value
