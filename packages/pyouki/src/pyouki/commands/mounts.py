"""mounts: attach mounts to a running container, or detach them."""

from __future__ import annotations

from libcontainer.container.store import ContainerDirectory
from libcontainer.process import live_mounts
from libcontainer.syscall.linux import LinuxSyscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.mounts import Mounts
    from pyouki.main import Environment


def run(options: Mounts, environment: Environment) -> int:
    """Attach or detach the mounts that the file lists."""
    mounts = live_mounts.read(options.file)
    directory = ContainerDirectory(environment.root, options.container_id)
    directory.require()
    directory.lock()
    act = live_mounts.add if options.action == "add" else live_mounts.remove
    act(LinuxSyscall(), directory, mounts)
    return 0
