"""Every system call of the default configuration fails once: the answer is an error or the very same container."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest

from libcontainer.errors import SyscallError
from libcontainer.syscall.linux import LinuxSyscall
from tests.integration.rootfs import harness, specs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.root

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")


class FailingOnce(LinuxSyscall):
    """The kernel, with one failure at the nth call after the clone."""

    def __init__(self, at: int, number: int) -> None:
        self.at = at
        self.number = number
        self.count = -1

    def __getattribute__(self, name: str) -> Any:
        method = super().__getattribute__(name)
        if name.startswith("_") or name in ("at", "number", "count", "clone3", "umask"):
            return method
        self.count += 1
        if self.count == self.at:
            return self._fail
        return method

    def _fail(self, *arguments: object, **named: object) -> int:
        raise OSError(self.number, os.strerror(self.number))


def calls_of_the_default_configuration(bundle: Path) -> int:
    kernel = FailingOnce(-1, 0)
    return int(harness.run(specs.default(), bundle, syscall=kernel, observe=lambda: kernel.count))


def outcome(bundle: Path, at: int, number: int) -> str:
    try:
        found = harness.run(specs.default(), bundle, syscall=FailingOnce(at, number))
    except SyscallError as error:
        return "error" if error.errno == number else str(error)
    rows = map(fingerprint, harness.mount_table(found["mountinfo"]))
    return "\n".join(filter(None, rows)) + str(found["dev"])


def fingerprint(row: str) -> str:
    """Leave out what may differ: a device that may not be made is the host's, bound, and masks files just as well.

    Which device it is stands in the description of /dev. Its file system is not told: the host's null is a node below
    /tmp as soon as a test before this one has asked for the runtime.
    """
    path = row.partition(" ")[0]
    if path in DEVICES:
        return ""
    return path if path in ("/proc/keys", "/proc/timer_list") else row


@pytest.mark.slow
@pytest.mark.parametrize("number", [errno.EPERM, errno.EIO], ids=["EPERM", "EIO"])
def test_no_failure_leaves_a_weaker_container(bundle: Path, number: int) -> None:
    count = calls_of_the_default_configuration(bundle)
    intact = outcome(bundle, -1, number)

    outcomes = {at: outcome(bundle, at, number) for at in range(count + 1)}

    assert count > 100
    assert {at: found for at, found in outcomes.items() if found not in ("error", intact)} == {}
