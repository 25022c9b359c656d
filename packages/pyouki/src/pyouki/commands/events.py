"""events: print statistics and out-of-memory events of a container."""

from __future__ import annotations

import sys

from libcontainer.container import events
from libcontainer.container.store import ContainerDirectory
from libcontainer.errors import ArgumentError
from libcontainer.oci import json_text
from liboci_cli.values import parse_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.events import Events
    from pyouki.main import Environment


def run(options: Events, environment: Environment) -> int:
    """Print one JSON object a line, until the container ends or, with --stats, once."""
    try:
        interval_s = parse_duration(options.interval)
    except ValueError as error:
        raise ArgumentError(f"invalid value for --interval: {error}", object="--interval") from None
    if interval_s <= 0:
        raise ArgumentError("duration interval must be greater than 0", object="--interval")
    directory = ContainerDirectory(environment.root, options.container_id)
    for event in (events.statistics(directory),) if options.stats else events.watch(directory, interval_s):
        sys.stdout.write(json_text.dumps(event) + "\n")
        sys.stdout.flush()
    return 0
