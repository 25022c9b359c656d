"""A child process for what cannot be undone: a seccomp filter."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def run_in_child() -> Callable[[Callable[[], int]], int]:
    """Fork, call a function there and return the wait status; an exception in the child is exit code 99."""

    def run(function: Callable[[], int]) -> int:
        pid = os.fork()
        if pid == 0:
            code = 99
            try:
                code = function()
            finally:
                os._exit(code)
        return os.waitpid(pid, 0)[1]

    return run
