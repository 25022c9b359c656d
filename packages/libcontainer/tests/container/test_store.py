"""The directories of containers: taking an id, locking, replacing files, removing."""

from __future__ import annotations

import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libcontainer.container import store
from libcontainer.container.state import ContainerState
from libcontainer.errors import (
    ContainerBusyError,
    ContainerExistsError,
    ContainerNotFoundError,
    InvalidIDError,
    StateFileError,
)

if TYPE_CHECKING:
    from pathlib import Path

STATE = ContainerState(
    id="one", status="created", bundle="/b", rootfs="/b/rootfs", created="then", owner=0, oci_version="1.0.2"
)


@pytest.mark.parametrize("name", ["a", "a.b", "_x", "+x", "-x", "9", "x" * 255])
def test_these_are_names(name: str) -> None:
    assert store.check_id(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", ".x", "a/b", "/", "é", "a b", "a\n", "a\0", "x" * 256])
def test_these_are_not(name: str) -> None:
    with pytest.raises(InvalidIDError):
        store.check_id(name)


@given(st.text())
def test_a_name_is_one_component_of_a_path(name: str) -> None:
    try:
        store.check_id(name)
    except InvalidIDError:
        return
    assert os.path.normpath(f"/root/{name}") == f"/root/{name}"
    assert os.path.dirname(f"/root/{name}") == "/root"


def test_an_id_is_taken_once(tmp_path: Path) -> None:
    store.ContainerDirectory(str(tmp_path), "one").make()

    with pytest.raises(ContainerExistsError, match=r"^container with given ID already exists: one$"):
        store.ContainerDirectory(str(tmp_path), "one").make()


def test_a_root_that_is_a_file_is_refused_and_named(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("")

    with pytest.raises(StateFileError, match=f"^make {tmp_path}/root: file exists$") as caught:
        store.make_root(str(tmp_path / "root"))

    assert caught.value.hint == "choose a directory with --root"


@pytest.mark.parametrize("path", ["root", "above/root"])
def test_the_root_is_made_with_what_is_missing_above_it(tmp_path: Path, path: str) -> None:
    for _ in range(2):
        store.make_root(str(tmp_path / path))

    assert (tmp_path / path).stat().st_mode & 0o777 == 0o700


def test_the_root_is_private_and_a_container_may_be_passed_through(tmp_path: Path) -> None:
    before = os.umask(0o077)
    directory = store.ContainerDirectory(f"{tmp_path}/a/root", "one")
    directory.make()
    os.umask(before)

    assert stat.S_IMODE(os.stat(f"{tmp_path}/a/root").st_mode) == 0o700
    assert stat.S_IMODE(os.stat(directory.path).st_mode) == 0o711
    directory.unlock()


def test_one_changes_a_container_at_a_time(tmp_path: Path) -> None:
    first, second = (store.ContainerDirectory(str(tmp_path), "one") for _ in range(2))
    first.make()

    assert second.is_being_changed()
    with pytest.raises(ContainerBusyError, match=r"^container 'one' is busy: another command is changing it$"):
        second.lock(0.01)
    first.unlock()

    assert not second.is_being_changed()
    second.lock(0.01)
    second.unlock()


def test_who_waits_for_a_container_that_is_deleted_hears_of_it(tmp_path: Path) -> None:
    first, second = (store.ContainerDirectory(str(tmp_path), "one") for _ in range(2))
    first.make()
    heard: list[str] = []

    def wait() -> None:
        try:
            second.lock(5)
        except ContainerNotFoundError as error:
            heard.append(error.code)

    waiting = threading.Thread(target=wait)
    waiting.start()
    first.remove()
    waiting.join(5)

    assert heard == ["container-not-found"]


@pytest.mark.parametrize("_", range(20))
def test_a_container_is_gone_however_many_delete_it(tmp_path: Path, _: int) -> None:
    maker = store.ContainerDirectory(str(tmp_path), "one")
    maker.make()
    maker.save(STATE)
    maker.unlock()

    def delete(_: int) -> None:
        directory = store.ContainerDirectory(str(tmp_path), "one")
        try:
            directory.lock(5)
        except ContainerNotFoundError:
            return
        directory.remove()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(delete, range(6)))

    assert os.listdir(tmp_path) == []


def test_state_json_goes_last(tmp_path: Path) -> None:
    directory = store.ContainerDirectory(str(tmp_path), "one")
    directory.make()
    directory.save(STATE)
    directory.write(store.CONFIG_FILE, b"{}")
    os.makedirs(f"{directory.path}/full/of")  # cannot be removed: the removal stops here

    with pytest.raises(StateFileError, match=r"^remove .*/one: "):
        directory.remove()

    assert os.path.exists(f"{directory.path}/{store.STATE_FILE}")
    directory.unlock()


def test_a_state_is_read_back(tmp_path: Path) -> None:
    directory = store.ContainerDirectory(str(tmp_path), "one")
    directory.make()

    directory.save(STATE.replace(pid=7, annotations={"a": "b"}, namespaces=["pid"]))

    assert directory.load() == STATE.replace(pid=7, annotations={"a": "b"}, namespaces=["pid"])
    assert stat.S_IMODE(os.stat(f"{directory.path}/{store.STATE_FILE}").st_mode) == 0o600
    directory.unlock()


def test_what_does_not_exist_is_not_found(tmp_path: Path) -> None:
    directory = store.ContainerDirectory(str(tmp_path), "one")

    for act in (directory.require, directory.load, directory.lock):
        with pytest.raises(ContainerNotFoundError, match=r"^container 'one' does not exist$"):
            act()


def test_a_link_is_no_container(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "one").symlink_to("real")

    with pytest.raises(ContainerNotFoundError):
        store.ContainerDirectory(str(tmp_path), "one").require()


def test_a_state_that_is_missing_says_where(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()

    with pytest.raises(StateFileError, match=r"^read .*/one/state.json: no such file or directory$"):
        store.ContainerDirectory(str(tmp_path), "one").load()


def test_a_fifo_in_place_of_the_state_makes_nobody_wait(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    os.mkfifo(tmp_path / "one" / store.STATE_FILE)

    with pytest.raises(StateFileError):
        store.ContainerDirectory(str(tmp_path), "one").load()


def test_hidden_entries_and_files_are_no_containers(tmp_path: Path) -> None:
    for name in ("b", "a", ".cache"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()

    assert store.list_ids(str(tmp_path)) == ["a", "b"]
    assert store.list_ids(str(tmp_path / "absent")) == []


def test_a_root_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "root").touch()

    with pytest.raises(StateFileError, match=r"^list .*/root: not a directory$"):
        store.list_ids(str(tmp_path / "root"))
