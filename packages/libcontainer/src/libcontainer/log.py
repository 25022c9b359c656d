"""What libcontainer is doing, for whoever wants to know; not where it is written, which is the program's choice.

``logging`` costs 13 ms, so a program that wants the messages sets a sink. If the host program has imported ``logging``,
messages go to ``logging.getLogger("libcontainer")`` as well. Messages use %-style arguments.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

    Sink = Callable[[int, str], None]

DEBUG, INFO, WARNING, ERROR = 10, 20, 30, 40  # the numbers of the logging module


class _Destination:
    """Where messages go; one per process."""

    sink: Sink | None = None
    level: int = WARNING


def set_sink(sink: Sink | None, level: int = WARNING) -> None:
    """Send messages of the level and above to ``sink(level, text)``; None drops them."""
    _Destination.sink = sink
    _Destination.level = level


def destination() -> tuple[Sink | None, int]:
    """Return what ``set_sink`` was given last."""
    return _Destination.sink, _Destination.level


def is_enabled(level: int) -> bool:
    """Tell whether anybody would see a message of the level."""
    if _Destination.sink is not None and level >= _Destination.level:
        return True
    return "logging" in sys.modules and bool(_logger().isEnabledFor(level))


def debug(message: str, *arguments: object) -> None:
    """Tell a step before it is taken."""
    write(DEBUG, message, *arguments)


def info(message: str, *arguments: object) -> None:
    """Tell what an operator would want to find in a journal."""
    write(INFO, message, *arguments)


def warning(message: str, *arguments: object) -> None:
    """Tell that something asked for was not done, and that we go on."""
    write(WARNING, message, *arguments)


def write(level: int, message: str, *arguments: object) -> None:
    """Tell something at a level of the logging module."""
    if not is_enabled(level):
        return
    text = message % arguments if arguments else message
    if _Destination.sink is not None and level >= _Destination.level:
        _Destination.sink(level, text)
    if "logging" in sys.modules:
        _logger().log(level, "%s", text)


def _logger() -> Logger:
    logger: Logger = sys.modules["logging"].getLogger("libcontainer")
    return logger
