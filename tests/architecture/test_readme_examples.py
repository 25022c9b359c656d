"""The examples of every README run as they are printed, each in an interpreter of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.architecture.workspace import PACKAGES, ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from _pytest.mark import ParameterSet

READMES = [ROOT / "README.md", *(ROOT / "packages" / package / "README.md" for package in PACKAGES)]
LONGEST = 20


def _examples() -> list[ParameterSet]:
    found: list[ParameterSet] = []
    for readme in READMES:
        blocks = re.findall(r"^```python\n(.*?)^```", readme.read_text(), re.MULTILINE | re.DOTALL)
        name = str(readme.relative_to(ROOT))
        found += [pytest.param(block, id=f"{name}-{number}") for number, block in enumerate(blocks, 1)]
    return found


@pytest.mark.root
@pytest.mark.parametrize("example", _examples())
def test_an_example_runs_as_it_is_printed(example: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )

    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_a_readme_shows_its_package_in_a_short_example(package: str) -> None:
    text = (ROOT / "packages" / package / "README.md").read_text()
    example = text.partition("```python\n")[2].partition("```")[0]

    assert 0 < len([line for line in example.splitlines() if line.strip()]) <= LONGEST
