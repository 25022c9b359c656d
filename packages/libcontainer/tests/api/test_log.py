"""Where messages go: to a sink, and to logging if the program uses it."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from libcontainer import log

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def seen() -> Iterator[list[tuple[int, str]]]:
    """What a sink for warnings and above got."""
    got: list[tuple[int, str]] = []
    log.set_sink(lambda level, text: got.append((level, text)))
    yield got
    log.set_sink(None)


def test_a_sink_gets_messages_from_its_level_on(seen: list[tuple[int, str]]) -> None:
    log.info("not this")
    log.warning("mount %s on %s", "a", "b")
    log.write(log.ERROR, "100%")

    assert seen == [(30, "mount a on b"), (40, "100%")]


def test_logging_gets_them_by_its_own_level(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "libcontainer"):
        log.debug("not this")
        log.info("half of %s", "x")
        log.warning("100%")

    assert [(record.name, record.levelno, record.getMessage()) for record in caplog.records] == [
        ("libcontainer", 20, "half of x"),
        ("libcontainer", 30, "100%"),
    ]


def test_whoever_asks_is_told_whether_anybody_listens(seen: list[tuple[int, str]]) -> None:
    logger = logging.getLogger("libcontainer")
    logger.setLevel(logging.ERROR)

    assert log.is_enabled(log.WARNING)
    assert not log.is_enabled(log.DEBUG)
    logger.setLevel(logging.DEBUG)
    assert log.is_enabled(log.DEBUG)
    logger.setLevel(logging.NOTSET)


def test_logging_is_not_imported_for_it() -> None:
    program = "import sys; from libcontainer import log; log.warning('x'); sys.exit('logging' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
