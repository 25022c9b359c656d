"""How start tells an init that was killed while it waited from a program that was killed at once."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from libcontainer import pidfd
from libcontainer.container import start
from libcontainer.container.state import ContainerState

if TYPE_CHECKING:
    from collections.abc import Iterator


class Zombie:
    """A child that was killed under a name, and is not reaped before ``reap``."""

    def __init__(self, name: str, signal: str) -> None:
        script = f"read line; printf %s '{name}' > /proc/self/comm; kill -{signal} $$"
        self._child = subprocess.Popen(["bash", "-c", script], stdin=subprocess.PIPE)
        assert self._child.stdin is not None
        self.state = ContainerState(
            id="one",
            status="created",
            bundle="/",
            rootfs="/",
            created="",
            owner=0,
            oci_version="1.2.0",
            pid=self._child.pid,
            pid_start_time=pidfd.start_time(self._child.pid) or 0,
        )
        self._child.stdin.close()
        os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOWAIT)

    def reap(self) -> None:
        self._child.wait()


@pytest.fixture
def zombie(request: pytest.FixtureRequest) -> Iterator[Zombie]:
    made = Zombie(*request.param)
    yield made
    made.reap()


# The name of a memory file, and before Linux 6.14 the number of its descriptor.
@pytest.mark.parametrize("zombie", [("memfd:container", "KILL"), ("7", "KILL")], ids=["name", "number"], indirect=True)
def test_an_init_that_has_still_the_name_it_waited_under_has_executed_nothing(zombie: Zombie) -> None:
    error = start._death(zombie.state)

    assert error is not None
    assert str(error) == "the container's init was killed by signal 9 (SIGKILL) before it executed the program"
    assert error.hint == "if nobody sent it, the kernel's log (dmesg) may know why"


@pytest.mark.parametrize("zombie", [("memfd:container", "SYS")], ids=["filter"], indirect=True)
def test_a_filter_that_ends_it_is_hinted_at(zombie: Zombie) -> None:
    error = start._death(zombie.state)

    assert error is not None
    assert error.hint == "linux.seccomp ends whoever executes a program: it must allow execve"


@pytest.mark.parametrize("zombie", [("sleep", "KILL"), ("7zip", "KILL")], indirect=True)
def test_another_name_is_that_of_a_program(zombie: Zombie) -> None:
    assert start._death(zombie.state) is None


@pytest.mark.parametrize("zombie", [("memfd:container", "KILL")], indirect=True)
def test_one_that_was_reaped_is_taken_for_a_short_program(zombie: Zombie) -> None:
    zombie.reap()

    assert start._death(zombie.state) is None
