"""kill: send a signal to a container."""

from __future__ import annotations

from libcontainer import signals
from libcontainer.container import kill
from libcontainer.container.store import ContainerDirectory
from libcontainer.errors import ArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.kill import Kill
    from pyouki.main import Environment


def run(options: Kill, environment: Environment) -> int:
    """Send the signal to the container, or to each whose id matches."""
    try:
        signal = signals.parse(options.signal)
    except ValueError as error:
        raise ArgumentError(str(error), object=options.signal, hint="see kill -l for the names") from None
    if options.regex:
        from pyouki import matching

        return matching.for_each(
            environment, options.container_id, lambda directory: kill.kill(directory, signal, everything=options.all)
        )
    kill.kill(ContainerDirectory(environment.root, options.container_id), signal, everything=options.all)
    return 0
