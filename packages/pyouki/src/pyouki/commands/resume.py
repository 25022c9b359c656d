"""resume: thaw all processes of a container."""

from __future__ import annotations

from libcontainer.container import pause
from libcontainer.container.store import ContainerDirectory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.resume import Resume
    from pyouki.main import Environment


def run(options: Resume, environment: Environment) -> int:
    """Thaw the container."""
    directory = ContainerDirectory(environment.root, options.container_id)
    directory.require()
    directory.lock()
    pause.resume(directory)
    return 0
