"""list: show the containers under the root directory."""

from __future__ import annotations

import os
import sys

from libcontainer import log
from libcontainer.container import status, store
from libcontainer.errors import ArgumentError, LibcontainerError
from libcontainer.oci import json_text
from pyouki import table
from pyouki.commands import state as state_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.list import List
    from pyouki.main import Environment

_HEADER = ("ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER")
_BUNDLE = _HEADER.index("BUNDLE")


def run(options: List, environment: Environment) -> int:
    """Print the containers as a table, as JSON, or their ids only."""
    if environment.globals.root is not None and not os.path.isdir(environment.root):
        raise ArgumentError(
            f"list {environment.root}", 2, object=environment.root, hint="--root names a directory that does not exist"
        )
    if options.quiet:
        sys.stdout.write("".join(f"{container_id}\n" for container_id in store.list_ids(environment.root)))
        return 0
    containers = _containers(environment.root)
    if options.format == "json":
        sys.stdout.write(json_text.dumps(containers) + "\n")
    else:
        _print_table(containers)
    return 0


def _containers(root: str) -> list[dict[str, object]]:
    """Describe all containers; one whose state cannot be read is a warning, not the end of the list."""
    found = []
    for container_id in store.list_ids(root):
        try:
            directory = store.ContainerDirectory(root, container_id)
            state = directory.load()
        except LibcontainerError as error:
            if error.code != "container-not-found":
                log.warning("%s: %s", container_id, error)
            continue
        description = state_command.describe(state, status.current(state, directory))
        description["owner"] = _user_name(state.owner)
        found.append(description)
    return found


def _print_table(containers: list[dict[str, object]]) -> None:
    rows = [_HEADER, *(tuple(str(each[name.lower()]) for name in _HEADER) for each in containers)]
    sys.stdout.write(table.render(rows, table.terminal_width(), ends_first=(_BUNDLE,)))


def _user_name(uid: int) -> str:
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):
        return f"#{uid}"
