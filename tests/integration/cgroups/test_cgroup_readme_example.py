"""The example of the README runs as it is printed, but for the name of the cgroup."""

from __future__ import annotations

import glob
import os
from pathlib import Path

import pytest

README = Path(__file__).parents[3] / "packages" / "libcgroups" / "README.md"

pytestmark = pytest.mark.root


def test_the_example_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    path = f"/pyouki-test-readme-{os.getpid()}"
    example = README.read_text().partition("```python\n")[2].partition("```")[0]

    exec(compile(example.replace('"/example"', repr(path)), str(README), "exec"), {})

    assert capsys.readouterr().out.endswith("] 67108864\n")
    assert glob.glob(f"/sys/fs/cgroup/*{path}") == []
