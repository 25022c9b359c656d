"""The options of events; the interval stays text here, values.parse_duration reads it."""

from __future__ import annotations

from liboci_cli.options import Command, arg, flag, opt


class Events(Command, name="events"):
    """Print statistics and out-of-memory events of a container, one JSON object a line.

    DURATION is numbers with units: ns, us, ms, s, m, h, such as 1m30s; a bare number is seconds.

    Examples:
        events web
        events --interval 1s web
        events --stats web
    """

    interval: str = opt("--interval", metavar="DURATION", default="5s", help="time between two statistics")
    stats: bool = flag("--stats", help="print the statistics once and exit")
    container_id: str = arg("ID", help="name of the container")
