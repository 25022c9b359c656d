"""Name what a command line consists of: the options before the command, and all commands; not their effects.

A command's module is loaded when it is used, not before. GlobalOptions is here and in no file of its own because every
command line needs both, and each module more costs a seventh of the time that parsing may take.
"""

from __future__ import annotations

from liboci_cli.options import Command, flag, opt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Commands: TypeAlias = Mapping[str, str | type[Command]]
    """By name: the class of a command, or where it is as ``module:class``."""

STANDARD: Commands = {
    "create": "liboci_cli.create:Create",
    "start": "liboci_cli.start:Start",
    "state": "liboci_cli.state:State",
    "kill": "liboci_cli.kill:Kill",
    "delete": "liboci_cli.delete:Delete",
}
"""The operations of the OCI runtime specification."""

COMMON: Commands = {
    "run": "liboci_cli.run:Run",
    "exec": "liboci_cli.exec:Exec",
    "list": "liboci_cli.list:List",
    "ps": "liboci_cli.ps:Ps",
    "pause": "liboci_cli.pause:Pause",
    "resume": "liboci_cli.resume:Resume",
    "update": "liboci_cli.update:Update",
    "events": "liboci_cli.events:Events",
    "spec": "liboci_cli.spec:Spec",
    "features": "liboci_cli.features:Features",
    "checkpoint": "liboci_cli.checkpoint:Checkpoint",
    "restore": "liboci_cli.restore:Restore",
}
"""What runtimes have beyond the specification."""

EXTRA: Commands = {
    "mounts": "liboci_cli.mounts:Mounts",
    "info": "liboci_cli.info:Info",
    "completion": "liboci_cli.completion:Completion",
    "version": "liboci_cli.version:Version",
}
"""What only crun or only youki has, and --version as a command."""

COMMANDS: Commands = {**STANDARD, **COMMON, **EXTRA}
"""All commands. Make a command line of your own by adding to a copy: ``{**COMMANDS, "greet": Greet}``."""


class GlobalOptions(Command):
    """Options of every command; they stand before its name.

    Examples:
        --root /run/pyouki --log-format json create web
        --systemd-cgroup --debug run web
    """

    root: str | None = opt(
        "--root", "-r", metavar="DIR", default=None, help="directory of the containers' states; it should be a tmpfs"
    )
    log: str | None = opt(
        "--log", "-l", metavar="PATH", default=None, help="file to append the log to, instead of standard error"
    )
    log_format: str = opt(
        "--log-format",
        metavar="FORMAT",
        default="text",
        choices=("text", "json"),
        complaint="invalid log-format: {}",
        help="form of a log record: text or json",
    )
    log_level: str = opt(
        "--log-level",
        metavar="LEVEL",
        default="error",
        choices=("error", "warning", "warn", "info", "debug", "trace"),
        complaint="invalid log-level: {}",
        help="least important records to write: error, warning, info, debug or trace",
    )
    debug: bool = flag("--debug", help="the same as --log-level debug")
    systemd_cgroup: bool = flag(
        "--systemd-cgroup", "-s", help="let systemd make the cgroups; cgroupsPath is then slice:prefix:name"
    )
    cgroup_manager: str | None = opt(
        "--cgroup-manager",
        metavar="MANAGER",
        default=None,
        choices=("cgroupfs", "systemd", "disabled"),
        complaint="invalid cgroup-manager: {}",
        help="who makes the cgroups: cgroupfs, systemd or disabled",
    )
    rootless: str = opt(
        "--rootless",
        metavar="WHEN",
        default="auto",
        choices=("true", "false", "auto"),
        complaint='invalid value "{}" for flag -rootless',
        help="go on without permission to use cgroups: true, false or auto",
    )
    systemd_log: bool = flag("--systemd-log", help="send the log to the journal")
    criu: str = opt("--criu", metavar="PATH", default="criu", hidden=True, help="program for checkpoint and restore")
    version: bool = flag("--version", "-v", "-V", help="print the version and exit")


def load(commands: Commands, name: str) -> type[Command] | None:
    """Return the class of a command; None if there is no such name."""
    place = commands.get(name)
    if place is None or not isinstance(place, str):
        return place
    module_name, _, class_name = place.partition(":")
    # importlib's import_module would do the same, but importing importlib costs more than this whole module.
    module = __import__(module_name, None, None, ("*",))
    found: type[Command] = getattr(module, class_name)
    return found
