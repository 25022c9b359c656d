"""What parsing a well-formed command line loads: an exact list, for each module costs time in every command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import liboci_cli

SOURCE = Path(liboci_cli.__file__).resolve().parent.parent

SCRIPT = f"""
import sys
before = set(sys.modules)
sys.path.insert(0, {str(SOURCE)!r})
from liboci_cli.parse import parse
assert parse(sys.argv[1:]) is not None
print(*sorted(set(sys.modules) - before))
"""

ALWAYS = {
    "__future__",
    "liboci_cli",
    "liboci_cli.options",
    "liboci_cli.parse",
    "liboci_cli.table",
}


@pytest.mark.parametrize(
    ("line", "command_modules"),
    [
        ("--root /r --log /l create --bundle /b --pid-file /p web", {"create"}),
        ("run --detach web", {"run", "create"}),
        ("start web", {"start"}),
        ("state web", {"state"}),
        ("kill web 9", {"kill"}),
        ("delete --force web", {"delete"}),
        ("exec --process /p web", {"exec"}),
        ("--version", {"version"}),
    ],
)
def test_a_well_formed_line_loads_these_modules_and_no_other(line: str, command_modules: set[str]) -> None:
    found = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", SCRIPT, *line.split()], check=True, capture_output=True, text=True
    )

    assert set(found.stdout.split()) == ALWAYS | {f"liboci_cli.{name}" for name in command_modules}
