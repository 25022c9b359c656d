"""Exit statuses that a container's parent leaves for others."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from libcontainer.container import exit_status, store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def directory(tmp_path: Path) -> store.ContainerDirectory:
    """A container's directory."""
    made = store.ContainerDirectory(str(tmp_path), "one")
    made.make()
    made.unlock()
    return made


def test_what_was_written_is_read(directory: store.ContainerDirectory) -> None:
    exit_status.write(exit_status.open_for(directory), 137)

    assert exit_status.read(directory) == 137


def test_a_parent_that_is_about_to_tell_is_waited_for(directory: store.ContainerDirectory) -> None:
    fd = exit_status.open_for(directory)
    teller = threading.Timer(0.1, exit_status.write, (fd, 3))
    teller.start()

    assert exit_status.read(directory, 5) == 3
    teller.join()


def test_a_parent_that_died_will_never_tell(directory: store.ContainerDirectory) -> None:
    os.close(exit_status.open_for(directory))
    begun = time.monotonic()

    assert exit_status.read(directory, 5) is None
    assert time.monotonic() - begun < 1


def test_a_parent_that_does_not_tell_is_not_waited_for_for_ever(directory: store.ContainerDirectory) -> None:
    fd = exit_status.open_for(directory)

    assert exit_status.read(directory, 0.05) is None
    os.close(fd)


def test_a_parent_that_never_promised_is_not_waited_for(directory: store.ContainerDirectory) -> None:
    assert exit_status.read(directory, 5) is None
