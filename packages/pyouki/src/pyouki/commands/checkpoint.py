"""checkpoint: save a running container to files."""

from __future__ import annotations

import os

from libcontainer.container.checkpoint import CheckpointOptions, checkpoint
from libcontainer.container.store import ContainerDirectory
from libcontainer.errors import ArgumentError
from libcontainer.syscall.linux import LinuxSyscall
from pyouki import criu
from pyouki.progress import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.checkpoint import Checkpoint
    from pyouki.main import Environment


def run(options: Checkpoint, environment: Environment) -> int:
    """Save the container."""
    criu.warn_of_ignored_path(environment.globals)
    directory = ContainerDirectory(environment.root, options.container_id)
    directory.require()
    directory.lock()
    own = ("image_path", "work_path", "empty_network", "page_server")
    same = {name: getattr(options, name) for name in CheckpointOptions.__fields__ if name not in own}
    how = CheckpointOptions(
        image_path=os.path.abspath(options.image_path),
        work_path=os.path.abspath(options.work_path) if options.work_path else None,
        empty_network="network" in options.empty_ns,
        page_server=_address(options.page_server),
        **same,
    )
    with Progress(f"checkpoint {options.container_id}"):
        checkpoint(LinuxSyscall(), directory, how)
    return 0


def _address(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit():
        raise ArgumentError("use --page-server ADDRESS:PORT to specify page server", object=text)
    return host, int(port)
