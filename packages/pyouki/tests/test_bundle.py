"""The bundle of hot modules: what is cold behaves as if it were there, what is stale is not used."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pyouki import bundle, write_bundle
from pyouki.__main__ import MAGIC

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = '''"""A module with functions of every shape."""
from __future__ import annotations

import errno
import fcntl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nowhere import Nothing

LIMIT: int = 7
later: Nothing


def hot(a: int) -> int:
    return a + LIMIT


def number_of(error):
    return errno.ENOENT if error.errno == errno.ENOENT else fcntl.LOCK_EX


def positional(a, b=2, /, c=3):
    return a, b, c


def keywords(a, *rest, d, e=5, **more):
    """Cold, with a docstring."""
    return a, rest, d, e, more


def generator(n):
    yield from range(n)


def closure(n):
    def inner():
        return n + LIMIT

    return inner


class Base:
    kind: str = "base"

    def name(self) -> str:
        return self.kind


class Derived(Base):
    def name(self) -> str:
        return super().name() + "!"

    @staticmethod
    def static(x, *, y=1):
        return x, y

    @property
    def shown(self):
        return f"<{self.name()}>"


def fails():
    raise ValueError("from the cold")
'''


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of packages with one module, and a bundle of it in which only ``hot`` is hot."""
    (tmp_path / "pyouki").mkdir()
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "__init__.py").write_text("")
    (tmp_path / "sample" / "shapes.py").write_text(SOURCE)
    (tmp_path / "sample" / "inner").mkdir()
    (tmp_path / "sample" / "inner" / "__init__.py").write_text('"""With a docstring."""\n')
    (tmp_path / "sample" / "seldom.py").write_text('"""With another."""\nimport _sha256\nfrom sample import shapes\n')
    (tmp_path / "sample" / "inner" / "rare.py").write_text("from sample.shapes import hot\nANSWER = hot(35)\n")
    monkeypatch.setattr(write_bundle, "SITE_PACKAGES", tmp_path)
    modules = {name: frozenset[str]() for name in ("sample", "stat", "fcntl", "_json")}
    later = {"_sha256": frozenset[str](), "sample.seldom": frozenset[str]()}
    content = write_bundle.make({"go": {**modules, "sample.shapes": frozenset({"hot"})}, "go later": later})
    (tmp_path / "pyouki" / bundle.NAME).write_bytes(content)
    return tmp_path


def _run(packages: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run code after the bundle was loaded, in an interpreter that could not import the module otherwise."""
    program = f"""
import sys, types
sys.modules["pyouki"] = types.ModuleType("pyouki")
names = {{"__name__": "pyouki.bundle"}}
import marshal
with open({str(packages / "pyouki" / bundle.NAME)!r}, "rb") as file:
    file.read(16)
    exec(marshal.loads(file.read(int.from_bytes(file.read(4), "little"))), names)
    names["load"](file, {str(packages)!r}, ["--debug", "go"])
{code}
"""
    return subprocess.run([sys.executable, "-IS", "-c", program], capture_output=True, text=True, check=False)


def test_cold_functions_take_arguments_as_their_originals_do(packages: Path) -> None:
    code = """
from sample import shapes as s
print(s.hot(1), s.positional(1), s.positional(1, 5, c=6), s.keywords(1, 2, 3, d=4, f=6), s.keywords(1, d=2, e=3))
print(list(s.generator(3)), s.closure(1)(), s.Derived().shown, s.Derived.static(1), s.Derived.static(1, y=2))
print(s.LIMIT, s.Base.__annotations__, hasattr(s, "later"))
"""

    result = _run(packages, code)

    assert result.stdout.splitlines() == [
        "8 (1, 2, 3) (1, 5, 6) (1, (2, 3), 4, 5, {'f': 6}) (1, (), 2, 3, {})",
        "[0, 1, 2] 8 <base!> (1, 1) (1, 2)",
        "7 {'kind': 'str'} False",
    ], result.stderr


def test_numbers_of_errors_are_there_without_their_module(packages: Path) -> None:
    code = """
from sample import shapes as s
print(s.number_of(FileNotFoundError(2, "")), s.number_of(OSError(1, "")), hasattr(s, "errno"), "errno" in sys.modules)
"""

    assert _run(packages, code).stdout == "2 2 False False\n"


def test_modules_of_the_interpreter_are_as_if_they_had_been_imported(packages: Path) -> None:
    code = """
loaded = [sys.modules[name] for name in ("stat", "fcntl", "_json")]
print([(m.__name__, m.__spec__.origin.rpartition("/")[2].partition(".")[0], m.__spec__.loader) for m in loaded])
for m in loaded:
    del sys.modules[m.__name__]
import stat, fcntl, _json
print([sorted(set(dir(a)) - {"__file__", "__cached__"}) == sorted(set(dir(b)) - {"__file__", "__cached__"})
       for a, b in zip(loaded, (stat, fcntl, _json))])
"""

    lines = _run(packages, code).stdout.splitlines()

    assert "('stat', 'frozen', <class '_frozen_importlib.FrozenImporter'>)" in lines[0]
    assert "('fcntl', 'built-in', <class '_frozen_importlib.BuiltinImporter'>)" in lines[0]
    assert lines[1] == "[True, True, True]"


def test_wrong_arguments_are_refused_with_the_functions_own_name(packages: Path) -> None:
    result = _run(packages, "import sample.shapes\nsample.shapes.positional()")

    assert "TypeError: positional() missing 1 required positional argument: 'a'" in result.stderr


@pytest.mark.parametrize("keep", ["hold", "take_into_memory"])
def test_cold_code_is_at_hand_when_the_file_is_gone(packages: Path, keep: str) -> None:
    code = f"""
import os
import sample.shapes, pyouki.bundle
pyouki.bundle.{keep}()
os.unlink({str(packages / "pyouki" / bundle.NAME)!r})
try:
    sample.shapes.fails()
except ValueError as error:
    print(error)
"""

    result = _run(packages, code)

    assert result.stdout == "from the cold\n", result.stderr


def test_modules_that_only_some_need_are_loaded_when_one_is_imported(packages: Path) -> None:
    code = """
print("sample.seldom" in sys.modules, "_sha256" in sys.modules)
from sample import seldom
import sample
print(seldom is sample.seldom, seldom.__doc__, seldom.__spec__.name, seldom.shapes.hot(1), seldom._sha256.__name__)
"""

    result = _run(packages, code)

    assert result.stdout.splitlines() == ["False False", "True None sample.seldom 8 _sha256"], result.stderr


def test_modules_that_only_some_need_and_that_were_changed_are_looked_for_as_usual(packages: Path) -> None:
    (packages / "sample" / "seldom.py").write_text("ANSWER = 42\n")
    code = f"""
sys.path.append({str(packages)!r})
from sample import seldom
print(seldom.ANSWER)
"""

    assert _run(packages, code).stdout == "42\n"


def test_modules_that_are_no_part_of_the_command_come_from_the_bundle_as_well(packages: Path) -> None:
    code = """
from sample.inner import rare
import sample.inner
print(rare.ANSWER, sample.inner.__doc__, rare.__spec__.loader.__class__.__name__, rare.__file__)
print(sample.inner.__path__, rare.__package__)
"""

    result = _run(packages, code)

    assert result.stdout.splitlines() == [
        f"42 With a docstring. _Loader {packages}/sample/inner/rare.py",
        f"['{packages}/sample/inner'] sample.inner",
    ], result.stderr


def test_module_that_was_changed_is_looked_for_as_usual(packages: Path) -> None:
    (packages / "sample" / "inner" / "rare.py").write_text("ANSWER = 'another'\n")
    code = f"sys.path.append({str(packages)!r})\nfrom sample.inner import rare\nprint(rare.ANSWER)"

    result = _run(packages, code)

    assert result.stdout == "another\n", result.stderr


def test_nothing_is_loaded_when_a_source_was_changed(packages: Path) -> None:
    (packages / "sample" / "shapes.py").write_text(SOURCE + "\n")

    result = _run(packages, "print('sample' in sys.modules)")

    assert result.stdout == "False\n", result.stderr


def test_nothing_is_loaded_for_a_command_without_a_part(packages: Path) -> None:
    with open(packages / "pyouki" / bundle.NAME, "rb") as file:
        file.read(16)
        file.read(int.from_bytes(file.read(4), "little"))
        bundle.load(file, str(packages), ["--root", "cold", "completion"])

    assert "sample" not in sys.modules


def test_hot_path_file_is_read_by_command_and_module() -> None:
    text = "[create]\na\na.b f C.g\n\n[state]\na\n"

    parts = write_bundle.read_hot_path(text)

    assert parts == {"create": {"a": frozenset(), "a.b": frozenset({"f", "C.g"})}, "state": {"a": frozenset()}}
    assert list(parts["create"]) == ["a", "a.b"]


def test_magic_is_of_one_length_and_names_the_interpreter() -> None:
    def read(data: bytes) -> Any:
        return io.BytesIO(data).read(16)

    assert read(MAGIC + b"rest") == MAGIC
    assert (sys.implementation.cache_tag or "").encode()[:7] in MAGIC
