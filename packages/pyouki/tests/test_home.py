"""The home in which the interpreter starts: what it spares is there as soon as somebody asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyouki import write_home

AS = "import os, sys; os.execv(sys.argv[1], sys.argv[2:])"
LIBRARY = "sys.path[:] = f'{sys.path[1]}/standard', f'{sys.path[1]}/lib-dynload'\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    packages = tmp_path_factory.mktemp("site-packages")
    write_home.write(packages)
    return packages / write_home.NAME


def run(home: Path, code: str) -> str:
    """Run code in an interpreter that is called by the name in the home, as the launcher does."""
    interpreter = str(Path(sys.executable).resolve())
    words = [sys.executable, "-c", AS, interpreter, str(home / "bin" / "pyouki"), "-ISBXutf8", "-c"]
    done = subprocess.run([*words, "import sys\n" + code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.strip()


def test_texts_are_utf_8_and_the_true_package_is_not_read(home: Path) -> None:
    code = """
print(sys.getfilesystemencoding(), sys.stdout.encoding)
print("ä".encode(), b"\\xc3\\xa4".decode(), "ä".encode("latin-1"))
print(open("/proc/self/comm", encoding="utf-8").read() != "", hasattr(sys.modules["encodings"], "__getattr__"))
"""

    assert run(home, code).splitlines() == ["utf-8 utf-8", "b'\\xc3\\xa4' ä b'\\xe4'", "True True"]


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("import codecs; print(codecs.lookup('cp1252').name, '€'.encode('cp1252'))", "cp1252 b'\\x80'"),
        ("import codecs; print(codecs.lookup('UTF-8').name, codecs.lookup('utf8').name)", "utf-8 utf-8"),
        ("print('bücher.de'.encode('idna'))", "b'xn--bcher-kva.de'"),
        ("import encodings.idna; print(encodings.idna.ToASCII('ä'))", "b'xn--4ca'"),
        ("import encodings; print(encodings.normalize_encoding('a b'))", "a_b"),
        ("from encodings import aliases; print(aliases.aliases['latin1'])", "latin_1"),
        (
            "import encodings\ntry: encodings.nothing\nexcept AttributeError as error: print(error)",
            "module 'encodings' has",
        ),
        ("import codecs\ntry: codecs.lookup('no')\nexcept LookupError as error: print(error)", "unknown encoding: no"),
        ("import codecs; print(codecs.getreader('utf-8')(open('/dev/null', 'rb')).read() == '')", "True"),
        ("import codecs; codecs.getwriter('utf-8')(sys.stdout.buffer).write('ä\\n')", "ä"),
    ],
)
def test_everything_else_is_there_when_it_is_asked_for(home: Path, code: str, printed: str) -> None:
    assert run(home, LIBRARY + code).startswith(printed)


def test_standard_library_is_the_interpreters_own(home: Path) -> None:
    code = LIBRARY + "import json, os; print(os.path.realpath(json.__file__)); print(os.path.realpath(os.__file__))"

    found, known = run(home, code).splitlines(), [Path(os.__file__).parent / "json" / "__init__.py", Path(os.__file__)]
    assert found == [str(path.resolve()) for path in known]


def test_home_is_written_again_while_commands_run_in_it(home: Path) -> None:
    before = sorted(path for path in home.rglob("*") if "standard" not in path.parts)

    write_home.write(home.parent)

    assert sorted(path for path in home.rglob("*") if "standard" not in path.parts) == before
    assert run(home, LIBRARY + "import json; print(json.dumps('ä'))") == '"\\u00e4"'
