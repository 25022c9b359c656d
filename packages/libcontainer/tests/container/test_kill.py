"""Killing who is reaped at the same moment."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, cast

import pytest

from libcontainer import pidfd
from libcontainer.container import kill, status
from libcontainer.container.state import RUNNING, ContainerState
from libcontainer.errors import ContainerStatusError

if TYPE_CHECKING:
    from libcontainer.container.store import ContainerDirectory

SIGTERM, SIGKILL = 15, 9


class Directory:
    """A container with nothing but a state."""

    def __init__(self, state: ContainerState) -> None:
        self._state = state

    def load(self) -> ContainerState:
        """Return it."""
        return self._state


def kill_reaped(monkeypatch: pytest.MonkeyPatch, signal: int, *, has_private_pids: bool) -> list[int]:
    """Kill a container whose init was reaped after it had been opened; returns what its cgroup was sent."""
    child = subprocess.Popen(["true"])
    fd = os.pidfd_open(child.pid)
    child.wait()
    state = ContainerState(
        id="one", status=RUNNING, bundle="/", rootfs="/", created="", owner=0, oci_version="1.0.2", pid=child.pid,
        has_private_pids=has_private_pids,
    )  # fmt: skip
    sent: list[int] = []
    monkeypatch.setattr(status, "current", lambda *_: RUNNING)
    monkeypatch.setattr(pidfd, "open_process", lambda *_: fd)
    monkeypatch.setattr(kill, "_signal_cgroup", lambda _, number: sent.append(number))
    kill.kill(cast("ContainerDirectory", Directory(state)), signal)
    return sent


def test_who_has_died_of_the_signal_to_all_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kill_reaped(monkeypatch, SIGKILL, has_private_pids=False) == [SIGKILL]


@pytest.mark.parametrize(("signal", "has_private_pids"), [(SIGTERM, False), (SIGKILL, True)])
def test_who_ended_before_the_signal_is_not_running(
    monkeypatch: pytest.MonkeyPatch, signal: int, has_private_pids: bool
) -> None:
    with pytest.raises(ContainerStatusError, match="not running"):
        kill_reaped(monkeypatch, signal, has_private_pids=has_private_pids)
