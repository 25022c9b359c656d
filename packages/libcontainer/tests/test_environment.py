from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libcontainer import environment
from libcontainer.errors import ExecutableError

if TYPE_CHECKING:
    from pathlib import Path

PASSWD = (
    b"root:x:0:0:root:/root:/bin/sh\nbroken\nalice:x:1000:1000::/home/alice:/bin/sh\ntwin:x:1000:1000::/no:/bin/sh\n"
)


@pytest.fixture
def passwd(tmp_path: Path) -> str:
    (tmp_path / "passwd").write_bytes(PASSWD)
    return str(tmp_path / "passwd")


def test_last_of_duplicates_wins_and_the_order_is_kept(passwd: str) -> None:
    built = environment.build(["A=1", "HOME=/x", "A=2=3", "B="], 0, passwd)

    assert environment.lines(built) == ["A=2=3", "HOME=/x", "B="]


@pytest.mark.parametrize("entries", [[], ["HOME="]], ids=["missing", "empty"])
def test_home_is_looked_up_by_user_id(entries: list[str], passwd: str) -> None:
    assert environment.build(entries, 1000, passwd) == {"HOME": "/home/alice"}


def test_home_of_an_unknown_user_is_the_root_directory(passwd: str) -> None:
    assert environment.build([], 4242, passwd) == {"HOME": "/"}


def _absent(path: Path) -> None:
    assert not path.exists()


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _directory(path: Path) -> None:
    path.mkdir()


def _huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**31)


@pytest.mark.parametrize("make", [_absent, _fifo, _directory, _huge])
@pytest.mark.timeout(5)
def test_strange_passwd_file_is_no_passwd_file(make: object, tmp_path: Path) -> None:
    path = tmp_path / "passwd"
    make(path)  # type: ignore[operator]  # one of the makers above

    assert environment.build([], 0, str(path)) == {"HOME": "/"}


def test_digits_are_a_user_id_never_a_name() -> None:
    assert environment.home_of(b"1000:x:0:0::/evil:/bin/sh\n", 1000) is None


@given(st.binary(), st.integers(0, 2**32 - 2))
def test_home_of_never_crashes(content: bytes, uid: int) -> None:
    home = environment.home_of(content, uid)

    assert home is None or "\0" not in home


@given(st.from_regex(rb"[^:\n\0]*", fullmatch=True), st.integers(0, 2**32 - 2))
def test_home_is_found_whatever_it_is(home: bytes, uid: int) -> None:
    assert environment.home_of(b"#\n::\nu:x:%d:0::%s:\n" % (uid, home), uid) == os.fsdecode(home)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    for name, mode in (("bin/run", 0o755), ("bin/data", 0o644), ("sbin/data", 0o755)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        path.chmod(mode)
    (tmp_path / "bin/directory").mkdir()
    return tmp_path


def test_program_with_a_slash_is_taken_as_it_is(programs: Path) -> None:
    assert environment.find_executable(f"{programs}/bin/run", None, "/") == f"{programs}/bin/run"
    assert environment.find_executable("./bin/run", None, str(programs)) == "./bin/run"


def test_program_is_searched_in_path_past_what_cannot_be_executed(programs: Path) -> None:
    found = environment.find_executable("data", f"/nope:{programs}/bin:{programs}/sbin", "/")

    assert found == f"{programs}/sbin/data"


@pytest.mark.parametrize(
    ("path", "cwd", "found"), [("/nope::", "bin", "./run"), ("bin", "", "bin/run")], ids=["empty entry", "relative"]
)
def test_relative_directories_of_path_start_at_the_working_directory(
    path: str, cwd: str, found: str, programs: Path
) -> None:
    assert environment.find_executable("run", path, str(programs / cwd)) == found


@pytest.mark.parametrize(
    ("args0", "path", "message", "hint"),
    [
        ("/nope", "/bin", 'exec: "/nope": stat /nope: no such file or directory', None),
        ("./nope", "/bin", 'exec: "./nope": stat ./nope: no such file or directory', None),
        ("bin/run/x", "/bin", 'exec: "bin/run/x": stat bin/run/x: not a directory', None),
        ("bin/data", "/bin", 'exec: "bin/data": permission denied', None),
        ("bin/directory", "/bin", 'exec: "bin/directory": permission denied', None),
        ("sleeep", "/bin", 'exec: "sleeep": executable file not found in $PATH', None),
        ("", "/bin", 'exec: "": executable file not found in $PATH', None),
        (
            "data",
            "bin",
            'exec: "data": executable file not found in $PATH',
            "bin/data is there but this user may not execute it",
        ),
        ("run", None, 'exec: "run": executable file not found in $PATH', "process.env sets no PATH"),
        ('a"\n', "bin", 'exec: "a\\"\\n": executable file not found in $PATH', None),
    ],
)
def test_what_cannot_be_executed_is_told_in_runcs_words(
    args0: str, path: str | None, message: str, hint: str | None, programs: Path
) -> None:
    with pytest.raises(ExecutableError) as caught:
        environment.find_executable(args0, path, str(programs))

    assert (str(caught.value), caught.value.hint) == (message, hint)
