"""The table of differences names tests that exist."""

from __future__ import annotations

import os
import re

import pytest

from tests.support import differences
from tests.support.runtime import read

_SUITES = [
    os.path.join(os.path.dirname(os.path.dirname(__file__)), name) for name in ("contest", "security", "reliability")
]


@pytest.mark.parametrize("suite", _SUITES, ids=os.path.basename)
def test_every_entry_names_a_test(suite: str) -> None:
    keys = {key.partition("[")[0] for entries in differences.table(suite).values() for key in entries}

    assert [key for key in sorted(keys) if not _exists(suite, *key.split("::"))] == []


def _exists(suite: str, file: str, *names: str) -> bool:
    text = read(os.path.join(suite, file))
    return all(re.search(rf"^ *(class|def) {name}\b", text, re.MULTILINE) for name in names)
