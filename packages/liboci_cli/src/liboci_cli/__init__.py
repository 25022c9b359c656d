"""The OCI runtime command line as data: commands, a strict parser, a typer application; no container logic.

Nothing is loaded before it is used (PEP 562). Names of youki's liboci-cli: ``StandardCmd`` and ``CommonCmd`` are the
tables of commands, ``GlobalOpts`` is the class of the options before the command. The fast parser is not among the
names here, for it has the name of its module: ``from liboci_cli.parse import parse``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.completion_scripts import completion_script
    from liboci_cli.options import Command, Parameter, arg, flag, opt, rest
    from liboci_cli.parse import Invocation
    from liboci_cli.table import COMMANDS, GlobalOptions, load
    from liboci_cli.table import COMMON as CommonCmd  # noqa: N811 - the names of youki
    from liboci_cli.table import STANDARD as StandardCmd  # noqa: N811
    from liboci_cli.table import GlobalOptions as GlobalOpts
    from liboci_cli.typer_app import Outcome, UsageError, parse_slowly
    from liboci_cli.values import parse_duration, parse_size

__all__ = [
    "COMMANDS",
    "Command",
    "CommonCmd",
    "GlobalOptions",
    "GlobalOpts",
    "Invocation",
    "Outcome",
    "Parameter",
    "StandardCmd",
    "UsageError",
    "arg",
    "completion_script",
    "flag",
    "load",
    "opt",
    "parse_duration",
    "parse_size",
    "parse_slowly",
    "rest",
]

_PLACES = {
    "COMMANDS": "table.COMMANDS",
    "Command": "options.Command",
    "CommonCmd": "table.COMMON",
    "GlobalOptions": "table.GlobalOptions",
    "GlobalOpts": "table.GlobalOptions",
    "Invocation": "parse.Invocation",
    "Outcome": "typer_app.Outcome",
    "Parameter": "options.Parameter",
    "StandardCmd": "table.STANDARD",
    "UsageError": "typer_app.UsageError",
    "arg": "options.arg",
    "completion_script": "completion_scripts.completion_script",
    "flag": "options.flag",
    "load": "table.load",
    "opt": "options.opt",
    "parse_duration": "values.parse_duration",
    "parse_size": "values.parse_size",
    "parse_slowly": "typer_app.parse_slowly",
    "rest": "options.rest",
}


def __getattr__(name: str) -> object:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module_name, _, attribute = place.partition(".")
    value = getattr(__import__(f"{__name__}.{module_name}", None, None, ("*",)), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
