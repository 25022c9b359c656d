"""info: report what this host offers to containers."""

from __future__ import annotations

import sys

from libcontainer.syscall.linux import LinuxSyscall
from pyouki import info

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.info import Info
    from pyouki.main import Environment

_GAP = 3


def run(options: Info, environment: Environment) -> int:
    """Print the report, each remedy below what it is for."""
    rows = info.report(LinuxSyscall())
    width = max(len(row.name) for row in rows) + _GAP
    for row in rows:
        sys.stdout.write(f"{row.name:{width}}{row.value}".rstrip() + "\n")
        if row.hint:
            sys.stdout.write(f"{'':{width}}hint: {row.hint}\n")
    return 0
