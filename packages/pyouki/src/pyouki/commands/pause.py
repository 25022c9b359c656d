"""pause: freeze all processes of a container."""

from __future__ import annotations

from libcontainer.container import pause
from libcontainer.container.store import ContainerDirectory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.pause import Pause
    from pyouki.main import Environment


def run(options: Pause, environment: Environment) -> int:
    """Freeze the container."""
    directory = ContainerDirectory(environment.root, options.container_id)
    directory.require()
    directory.lock()
    pause.pause(directory)
    return 0
