"""The arrows between packages and modules; the contracts themselves are in imports.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CONTRACTS = Path(__file__).parent / "imports.toml"


def test_every_contract_of_imports_toml_is_kept() -> None:
    checked = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", CONTRACTS, "--no-cache"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout.partition("Broken contracts")[2] or checked.stdout + checked.stderr
