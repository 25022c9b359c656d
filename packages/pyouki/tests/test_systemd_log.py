"""Where records go when ``--systemd-log`` is given: with a journal, and on a machine that has none."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
from typing import TYPE_CHECKING

import pytest

from libcontainer.errors import LibcontainerError
from pyouki import journal
from pyouki.log import Log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    MakeLog = Callable[..., Log]

WARNING, ERROR = 30, 40


@pytest.fixture
def make_log() -> Iterator[MakeLog]:
    """Make logs with ``--systemd-log``, and close what they have opened: a command leaves that to its end."""
    made: list[Log] = []

    def make(path: Path | None, *, level: int, is_json: bool = False) -> Log:
        made.append(Log(None if path is None else str(path), is_json=is_json, level=level, journal=True))
        return made[-1]

    yield make
    for log in made:
        if log._journal is not None:
            log._journal.close()
        if log._fd > 2:
            os.close(log._fd)


class TestWithoutJournal:
    @pytest.fixture(autouse=True)
    def path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
        """Where nobody listens."""
        path = str(tmp_path / "nobody")
        monkeypatch.setattr(journal, "JOURNAL_SOCKET", path)
        return path

    def test_the_user_is_told_on_stderr_and_the_records_come_there(
        self, make_log: MakeLog, path: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        log = make_log(None, level=WARNING)

        log.write(ERROR, "no such container")

        told, error = capfd.readouterr().err.splitlines()
        reason = f"log to journald: connect to {path}: no such file or directory"
        assert re.fullmatch(rf'time="[0-9T:.-]+Z" level=warning msg="{re.escape(reason)}"', told)
        assert error.endswith(' level=error msg="no such container"')
        assert log.is_stderr

    def test_json_is_told_it_as_a_record(self, make_log: MakeLog, path: str, capfd: pytest.CaptureFixture[str]) -> None:
        make_log(None, level=WARNING, is_json=True)

        record = json.loads(capfd.readouterr().err)
        del record["time"]
        assert record == {
            "level": "warning",
            "msg": f"log to journald: connect to {path}: no such file or directory",
        }

    def test_a_file_gets_it_with_the_records_when_it_takes_warnings(
        self, make_log: MakeLog, path: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        log = make_log(tmp_path / "log", level=WARNING, is_json=True)

        log.write(ERROR, "no such container")

        records = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
        assert [(record["level"], record["msg"]) for record in records] == [
            ("warning", f"log to journald: connect to {path}: no such file or directory"),
            ("error", "no such container"),
        ]
        assert capfd.readouterr().err == ""

    def test_a_file_for_errors_holds_nothing_but_the_error_for_the_engine_that_reads_it(
        self, make_log: MakeLog, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        log = make_log(tmp_path / "log", level=ERROR, is_json=True)

        log.write(ERROR, "no such container")

        assert json.loads((tmp_path / "log").read_text())["msg"] == "no such container"
        assert capfd.readouterr().err == ""

    def test_a_journal_that_the_user_names_is_an_error(self, path: str) -> None:
        message = rf"^log to journald: connect to {re.escape(path)}: no such file or directory$"

        with pytest.raises(LibcontainerError, match=message) as caught:
            Log("journald:web", is_json=False, level=ERROR, journal=True)

        assert caught.value.hint == "is systemd-journald running? give a file with --log"


class TestWithJournal:
    @pytest.fixture(autouse=True)
    def listener(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
        """The journal's end."""
        path = str(tmp_path / "s")
        monkeypatch.setattr(journal, "JOURNAL_SOCKET", path)
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
            listening.settimeout(5)
            listening.bind(path)
            yield listening

    def test_it_takes_the_place_of_stderr(
        self, make_log: MakeLog, listener: socket.socket, capfd: pytest.CaptureFixture[str]
    ) -> None:
        log = make_log(None, level=WARNING)

        log.write(ERROR, "no such container")

        assert b"MESSAGE=no such container\n" in listener.recv(65536)
        assert (capfd.readouterr().err, log.is_stderr) == ("", False)

    def test_a_file_gets_the_records_as_well(self, make_log: MakeLog, listener: socket.socket, tmp_path: Path) -> None:
        log = make_log(tmp_path / "log", level=ERROR, is_json=True)

        log.write(ERROR, "no such container")

        assert b"MESSAGE=no such container\n" in listener.recv(65536)
        assert json.loads((tmp_path / "log").read_text())["msg"] == "no such container"
