"""The contest suite's own set-up: what $RUNTIME is known to do differently is expected to fail, strictly."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.support import differences, runtime

if TYPE_CHECKING:
    import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what differences.py lists for the runtime under test."""
    differences.apply(items, os.path.dirname(__file__), runtime.kind(os.environ.get("RUNTIME", "pyouki")))
