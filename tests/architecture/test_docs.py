"""The documentation against the code: command lines parse, links and tests exist, examples run, no page is lost."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from liboci_cli import Outcome, parse_slowly
from liboci_cli.parse import parse
from tests.architecture.workspace import PACKAGES, ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from _pytest.mark import ParameterSet

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
READMES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "packages" / name / "README.md" for name in PACKAGES)]
RUN_AS_PRINTED = DOCS / "how-to" / "library.md"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_TEST = re.compile(r"`((?:tests|packages)/[\w/.]+\.py)(?:::(\w+))?(?:::(\w+))?`")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
_PROMPT = re.compile(r"^ *[$#] +")
# Words that begin another command, or whose next word is a file.
_SEPARATORS = ("|", "||", "&&", "&", ";")
_REDIRECTIONS = (">", ">>", "<", ">&", "&>")
_ALIASES = ("pyouki", "/usr/local/bin/pyouki", ".venv/bin/pyouki")


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _command_lines() -> list[ParameterSet]:
    found: dict[str, ParameterSet] = {}
    for page in [*PAGES, *READMES]:
        for language, block in _FENCE.findall(page.read_text()):
            if language in ("text", "sh", "console", "bash", ""):
                for words in _calls(block):
                    identity = f"{_name(page)}: {shlex.join(words)}"
                    found[identity] = pytest.param(words, id=identity)
    return list(found.values())


def _calls(block: str) -> list[list[str]]:
    """Return the arguments of every call of pyouki in a block.

    Where some lines have a prompt, the others are output. A drawing's "pyouki", with room after it, is no call.
    """
    lines = block.splitlines()
    typed = [line for line in lines if _PROMPT.match(line)] or lines
    return [
        command[1:]
        for line in typed
        if "pyouki" in line and "pyouki  " not in line
        for command in _simple_commands(_PROMPT.sub("", line))
        if len(command) > 1 and command[0] in _ALIASES
    ]


def _simple_commands(line: str) -> list[list[str]]:
    """Split a line of the shell; what is no line of the shell, as output is not, gives nothing."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.wordchars += ":,@%+"
    lexer.commenters = "#"
    commands: list[list[str]] = [[]]
    try:
        words = list(lexer)
    except ValueError:
        return []
    position = 0
    while position < len(words):
        word = words[position]
        if word in _SEPARATORS:
            commands.append([])
        elif word in _REDIRECTIONS:
            position += 1
        elif word != "sudo" or commands[-1]:
            commands[-1].append(word)
        position += 1
    return commands


@pytest.mark.parametrize("words", _command_lines())
def test_a_command_line_is_one_that_the_program_takes(words: list[str]) -> None:
    answer = parse(words) or parse_slowly(words)

    assert not isinstance(answer, Outcome) or answer.error is None, answer.stderr


@pytest.mark.parametrize("page", [*PAGES, *READMES], ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    text = _FENCE.sub("", page.read_text())
    missing = [target for target in _LINK.findall(text) if "://" not in target and not _leads(page, target)]

    assert missing == []


def _leads(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    place = page.parent / path if path else page
    if not place.exists():
        return False
    return not anchor or anchor in {_slug(title) for title in _HEADING.findall(_FENCE.sub("", place.read_text()))}


def _slug(title: str) -> str:
    """Return the anchor of a heading, as Markdown's toc extension makes it."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower())


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_tests_that_are_named_exist(page: Path) -> None:
    missing = [names for names in _TEST.findall(page.read_text()) if not _exists(*names)]

    assert missing == []


def _exists(path: str, *names: str) -> bool:
    place = ROOT / path
    return place.exists() and all(re.search(rf"\b(def|class) {name}\b", place.read_text()) for name in names if name)


def test_every_page_is_in_the_navigation_and_every_entry_is_a_page() -> None:
    _, _, navigation = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")
    listed = re.findall(r"(\S+\.md)\s*$", navigation, re.MULTILINE)

    assert sorted(listed) == [str(page.relative_to(DOCS)) for page in PAGES]


def _examples() -> list[ParameterSet]:
    blocks = [text for language, text in _FENCE.findall(RUN_AS_PRINTED.read_text()) if language == "python"]
    return [pytest.param(text, id=f"{RUN_AS_PRINTED.stem}-{number}") for number, text in enumerate(blocks, 1)]


@pytest.mark.root
@pytest.mark.parametrize("example", _examples())
def test_an_example_of_the_libraries_runs_as_it_is_printed(example: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip

    assert ran.returncode == 0, ran.stderr
