"""Reading /etc/subuid, and what an ordinary user gets mapped."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libcontainer import subordinate_ids
from libcontainer.oci.spec import LinuxIDMapping

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with both helpers."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in ("newuidmap", "newgidmap"):
        (directory / name).touch(0o755)
    monkeypatch.setenv("PATH", str(directory))
    return directory


def test_ranges_are_found_by_name_and_by_number(tmp_path: Path) -> None:
    path = tmp_path / "subuid"
    path.write_text("bob:1:2\nalice:100000:65536\n1000:300000:10\n10000:5:5\n")

    assert list(subordinate_ids.ranges(str(path), 1000, "alice")) == [(100000, 65536), (300000, 10)]


@pytest.mark.parametrize(
    "line", ["alice", "alice:1", "alice:a:b", "alice:-1:5", "alice:5:0", "alice:4294967290:100", ":1:1"]
)
def test_lines_of_another_form_are_passed_over(tmp_path: Path, line: str) -> None:
    path = tmp_path / "subuid"
    path.write_text(f"{line}\n")

    assert list(subordinate_ids.ranges(str(path), 1000, "alice")) == []


@given(st.text())
def test_no_text_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("sub") / "subuid"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")

    for first, count in subordinate_ids.ranges(str(path), 1000, "alice"):
        assert 0 <= first < first + count < 2**32


def test_root_is_the_user_and_the_rest_follows(tmp_path: Path, helpers: Path) -> None:
    (tmp_path / "subgid").write_text(f"{os.geteuid()}:1000:10\n{os.geteuid()}:5000:20\n")

    assert subordinate_ids.mappings("gid", directory=str(tmp_path)) == (
        LinuxIDMapping(0, os.getegid(), 1),
        LinuxIDMapping(1, 1000, 10),
        LinuxIDMapping(11, 5000, 20),
    )


def test_without_a_file_it_is_the_own_id_alone(tmp_path: Path, helpers: Path) -> None:
    assert subordinate_ids.mappings("uid", directory=str(tmp_path)) == (LinuxIDMapping(0, os.geteuid(), 1),)
