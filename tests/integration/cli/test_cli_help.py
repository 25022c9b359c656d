"""What the help pages say, word for word, at 80 columns; suggestions for what is misspelt.

The pages are in ``help/``. After a change, ``WRITE_HELP=1 pytest tests/integration/cli/test_cli_help.py`` writes them
anew: then read the difference as the people will who read the pages.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from liboci_cli import COMMANDS
from tests.support.runtime import Caller

if TYPE_CHECKING:
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

PAGES = Path(__file__).parent / "help"
AT_80_COLUMNS = Caller(env={"COLUMNS": "80"})


@pytest.mark.parametrize("name", ["", *COMMANDS], ids=lambda name: name or "overview")
def test_page_is_the_one_that_was_read_before(runtime: Runtime, name: str) -> None:
    argv = [name, "--help"] if name else ["--help"]

    shown = runtime(*argv, global_options=(), caller=AT_80_COLUMNS).succeed().stdout

    page = PAGES / f"{name or 'overview'}.txt"
    if os.environ.get("WRITE_HELP"):
        PAGES.mkdir(exist_ok=True)
        page.write_text(shown)
    assert shown == page.read_text()
    assert max(map(len, shown.splitlines())) <= 80


def test_no_page_is_of_a_command_that_is_gone() -> None:
    assert {page.stem for page in PAGES.iterdir()} == {"overview", *COMMANDS}


@pytest.mark.parametrize(
    ("words", "status", "hint"),
    [
        (["creat", "web"], 1, "did you mean create?"),
        (["chekpoint", "web"], 1, "did you mean checkpoint?"),
        (["create", "--bundel", "/b", "web"], 1, "did you mean --bundle?"),
        (["exec", "--teletype", "web"], 255, "see pyouki exec --help"),
        (["list", "--format", "jsn"], 1, "choose from table, json"),
        (["mounts", "ad", "web", "f"], 1, "choose from add, remove"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_what_is_misspelt_is_told_with_what_may_be_meant(
    runtime: Runtime, words: list[str], status: int, hint: str
) -> None:
    result = runtime(*words).exit_with(status)

    message, usage, last = result.stderr.splitlines()
    assert usage.startswith("usage: pyouki [GLOBAL OPTIONS] ")
    assert last == f"hint: {hint}"
    assert [(record["msg"], record["code"]) for record in result.records] == [(message, "usage")]
    assert result.stdout == ""
