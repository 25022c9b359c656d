"""start: let a created container execute its program."""

from __future__ import annotations

import posix

from libcontainer import syscall
from libcontainer.container import start
from libcontainer.container.store import ContainerDirectory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.start import Start
    from pyouki.main import Environment


def run(options: Start, environment: Environment) -> int:
    """Start the container; if a service manager waits for it, return when it is ready."""
    directory = ContainerDirectory(environment.root, options.container_id)
    directory.require()
    directory.lock()
    if posix.environ.get(b"NOTIFY_SOCKET"):
        from libcontainer import sd_notify

        sd_notify.start(syscall.linux, directory)
    else:
        start.start(syscall.linux, directory)
    return 0
