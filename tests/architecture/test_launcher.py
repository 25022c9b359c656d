"""The launcher's lists of commands are complete: what enters a container runs from a read-only clone."""

from __future__ import annotations

import re
from pathlib import Path

from liboci_cli.table import COMMANDS
from tests.architecture.workspace import ROOT

LISTS = Path(__file__).parent / "hot_path"
SOURCE = ROOT / "packages" / "pyouki" / "launcher" / "pyouki.c"


def _words(name: str) -> set[str]:
    found = re.search(rf"{name}\[\] = {{(.*?)NULL", SOURCE.read_text(), re.DOTALL)
    assert found is not None
    return set(re.findall(r'"([a-z]+)"', found[1]))


def test_every_command_is_in_one_list() -> None:
    entering, outside = _words("entering"), _words("staying_outside")

    assert entering & outside == set()
    assert entering | outside == {*COMMANDS, "help"}


def test_commands_that_are_sealed_from_the_container_are_among_those_that_enter() -> None:
    sealed = {path.stem.partition("-")[0] for path in LISTS.glob("*.txt") if "libcontainer.seal" in path.read_text()}

    assert sealed == {"create", "exec", "run"}
    assert sealed <= _words("entering")
