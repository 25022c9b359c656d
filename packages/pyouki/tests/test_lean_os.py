"""The stand-in for os is os to whoever uses it, and only lean as long as that can go unnoticed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pyouki import lean_os

_PACKAGES = Path(lean_os.__file__).parent.parent


def _evaluate(*statements: str) -> str:
    """Run statements in an interpreter that starts as the launcher's does, and return what they print."""
    program = "\n".join((f"import sys; sys.path.append({str(_PACKAGES)!r})", "import pyouki.lean_os", *statements))
    done = subprocess.run([sys.executable, "-ISB", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_system_calls_and_paths_do_without_the_true_module() -> None:
    loaded = _evaluate(
        "import os",
        "assert os.getpid() > 0 and os.path.join('a', 'b') == 'a/b' and os.fsencode('é') == b'\\xc3\\xa9'",
        "assert os.fsdecode(b'\\xff') == '\\udcff' and os.fsencode(b'x') == b'x' and os.fsdecode('x') == 'x'",
        "print('_collections_abc' in sys.modules)",
    )

    assert loaded == "False"


def test_variables_are_read_without_the_true_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_VARIABLE", "caf\udce9")

    shown = _evaluate(
        "import os",
        "print(ascii(os.getenv('A_VARIABLE')), os.getenv('ANOTHER'), os.getenv('ANOTHER', 'b'))",
        "assert '_collections_abc' not in sys.modules",
    )

    assert shown == r"'caf\udce9' None b"


@pytest.mark.parametrize(
    "use",
    ["os.environ['PATH']", "os.makedirs", "from os import PathLike", "hasattr(os, '__file__')", "import subprocess"],
)
def test_anything_else_brings_the_true_module(use: str) -> None:
    shown = _evaluate(
        "import os", use, "true = sys.modules['os']", "print(os.environ is true.environ, os.sep, type(os).__name__)"
    )

    assert shown == "True / module"


@pytest.mark.parametrize(
    "statement", ["import os.path; path = os.path", "import os.path as path", "from os import path"]
)
def test_path_is_posixpath_however_it_is_imported(statement: str) -> None:
    assert _evaluate(statement, "import posixpath", "print(path.join is posixpath.join)") == "True"


def test_name_that_os_does_not_have_is_an_attribute_error() -> None:
    shown = _evaluate("import os", "try: os.nothing", "except AttributeError as error: print(error)")

    assert shown == "module 'os' has no attribute 'nothing'"


def test_os_that_is_loaded_stays() -> None:
    before = sys.modules["os"]

    lean_os.install()

    assert sys.modules["os"] is before
