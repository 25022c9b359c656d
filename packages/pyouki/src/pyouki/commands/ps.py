"""ps: show the processes of a container."""

from __future__ import annotations

import os
import sys

from libcontainer import cgroups
from libcontainer.container import status
from libcontainer.container.store import ContainerDirectory
from libcontainer.errors import ArgumentError, ContainerStatusError, LibcontainerError, SyscallError
from libcontainer.oci import json_text
from pyouki import table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from liboci_cli.ps import Ps
    from pyouki.main import Environment


def run(options: Ps, environment: Environment) -> int:
    """Print the container's processes, by their pids on the host: as JSON, or those lines of ps(1) that show them."""
    directory = ContainerDirectory(environment.root, options.container_id)
    state = directory.load()
    if status.current(state, directory) in ("stopped", "creating"):
        raise ContainerStatusError("container not running", object=state.id)
    with cgroups.translated("ps"):
        pids = sorted(cgroups.of_container(state).get_all_pids())
    if options.format == "json":
        sys.stdout.write(json_text.dumps(pids) + "\n")
        return 0
    header, *lines = _ps(options.ps_options or ("-ef",))
    titles = header.split()
    if "PID" not in titles:
        raise ArgumentError(
            "couldn't find PID field in ps output", object=" ".join(options.ps_options), hint="let ps print the PID"
        )
    column = titles.index("PID")
    wanted = {str(pid) for pid in pids}
    shown = [line for line in lines if len(line.split()) > column and line.split()[column] in wanted]
    sys.stdout.write("".join(f"{line}\n" for line in (header, *shown)))
    return 0


def _ps(arguments: Sequence[str]) -> list[str]:
    """Return the lines that ps(1) of the host prints, cut as it would cut them if it saw our terminal."""
    width = table.terminal_width()
    environment = {**os.environ, "COLUMNS": str(width)} if width else os.environ
    reader, writer = os.pipe2(os.O_CLOEXEC)
    try:
        child = os.posix_spawnp("ps", ["ps", *arguments], environment, file_actions=[(os.POSIX_SPAWN_DUP2, writer, 1)])
    except OSError as error:
        os.close(reader)
        raise SyscallError("execute ps", error.errno, object="ps", hint="install procps") from None
    finally:
        os.close(writer)
    with open(reader, "rb") as stream:
        lines = stream.read().decode(errors="replace").splitlines()
    _, end = os.waitpid(child, 0)
    if end or not lines:
        raise LibcontainerError(f"ps {' '.join(arguments)}: exit status {os.waitstatus_to_exitcode(end)}", object="ps")
    return lines
