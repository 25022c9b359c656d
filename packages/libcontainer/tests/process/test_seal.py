"""The seal, in an interpreter of its own."""

from __future__ import annotations

import subprocess
import sys


def _sealed(code: str) -> subprocess.CompletedProcess[str]:
    program = f"from libcontainer import seal\nseal.seal()\n{code}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_what_was_not_imported_cannot_be_any_more() -> None:
    ran = _sealed("import decimal")

    assert ran.returncode == 1
    assert ran.stderr == "ModuleNotFoundError: No module named 'decimal'\n"


def test_what_was_imported_stays() -> None:
    assert _sealed("import os; os._exit(4)").returncode == 4


def test_a_failure_opens_no_source_file() -> None:
    ran = _sealed("raise ValueError('é \\udce9')")

    assert ran.stderr == "ValueError: é ?\n"
