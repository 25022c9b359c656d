"""Descriptors that cross exec."""

from __future__ import annotations

import os

import pytest

from libcontainer import descriptors
from libcontainer.errors import LibcontainerError
from libcontainer.testing.recording import RecordingSyscall


@pytest.mark.parametrize(
    ("kept", "closed"),
    [
        ([], [(3, 0xFFFFFFFF)]),
        ([3, 4], [(5, 0xFFFFFFFF)]),
        ([9, 5], [(3, 4), (6, 8), (10, 0xFFFFFFFF)]),
        ([5, 5, 1], [(3, 4), (6, 0xFFFFFFFF)]),
    ],
)
def test_everything_between_what_is_kept_is_closed(kept: list[int], closed: list[tuple[int, int]]) -> None:
    kernel = RecordingSyscall()

    descriptors.close_all_but(kernel, kept)

    assert [call[1:3] for call in kernel.calls] == closed


def test_descriptors_that_are_promised_must_be_open() -> None:
    with pytest.raises(LibcontainerError, match=r"^unable to stat preserved-fd \d+ \(of 5000\): stat /proc/self/fd/"):
        descriptors.check_preserved(5000)


@pytest.mark.parametrize(
    ("count", "pid", "expected"),
    [("2", "own", 2), ("2", "1", 0), ("x", "own", 0), ("", "own", 0), ("-1", "own", 0), ("²", "own", 0)],
)
def test_sockets_of_systemd_are_those_for_this_very_process(count: str, pid: str, expected: int) -> None:
    pid = str(os.getpid()) if pid == "own" else pid
    environment = {b"LISTEN_FDS": count.encode(), b"LISTEN_PID": pid.encode()}

    assert descriptors.listen_fds(environment) == expected
