"""info: report what this host offers to containers."""

from __future__ import annotations

import sys
import textwrap

from libcontainer.syscall.linux import LinuxSyscall
from pyouki import info
from pyouki.table import terminal_width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.info import Info
    from pyouki.main import Environment

_GAP = 3
_LEAST = 20  # columns for the values, however narrow the terminal is


def run(options: Info, environment: Environment) -> int:
    """Print the report, each remedy below what it is for."""
    rows = info.report(LinuxSyscall())
    left = max(len(row.name) for row in rows) + _GAP
    right = max((terminal_width() or sys.maxsize) - left, _LEAST)
    for row in rows:
        lines = textwrap.wrap(row.value, right, break_on_hyphens=False) or [""]
        lines += textwrap.wrap(f"hint: {row.hint}", right, break_on_hyphens=False) if row.hint else []
        for number, line in enumerate(lines):
            sys.stdout.write(f"{'' if number else row.name:{left}}{line}".rstrip() + "\n")
    return 0
