"""Nothing of a test survives it: what is compared before and after, and how the machine is cleaned if it must be."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support import host
from tests.support.bundle import Bundle

if TYPE_CHECKING:
    from tests.support.runtime import Runtime
    from tests.support.tracking import Tracker

_PATIENCE_S = 3.0


@dataclass(frozen=True)
class Snapshot:
    """The mounts and open descriptors of the test process before a test."""

    mounts: tuple[str, ...]
    descriptors: frozenset[str]


class Guard:
    """Compares the machine with how it was; register what a test makes with ``watch``."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self._before = _snapshot()
        self._bundles: list[Bundle] = []
        self._runtimes: list[Runtime] = []

    def watch(self, thing: Bundle | Runtime) -> None:
        """Include a bundle's directory or a runtime's state root in the comparison."""
        if isinstance(thing, Bundle):
            self._bundles.append(thing)
        else:
            self._runtimes.append(thing)

    def check(self) -> None:
        """Fail when something is left: a process, cgroup, mount, state directory, bundle file or descriptor.

        Killed processes take a moment to disappear, so the comparison is repeated for some seconds.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while (left := self.leftovers()) and time.monotonic() < deadline:
            time.sleep(0.02)
        if left:
            raise AssertionError("left behind:\n  " + "\n  ".join(left))

    def leftovers(self) -> list[str]:
        """Return one line for each thing that was not there before."""
        now = _snapshot()
        left = [f"process {pid}: {_command_line(pid)}" for pid in self.tracker.processes()]
        left += [f"cgroup {name}" for name in self.tracker.directories()]
        left += [f"mount {line}" for line in _added(self._before.mounts, now.mounts)]
        left += [f"mount gone: {line}" for line in _added(now.mounts, self._before.mounts) if _point_exists(line)]
        left += [f"descriptor {number}" for number in sorted(now.descriptors - self._before.descriptors)]
        for runtime in self._runtimes:
            left += [f"state directory {runtime.root}/{name}" for name in runtime.ids()]
        for bundle in self._bundles:
            left += [f"file in the bundle: {name}" for name in bundle.new_entries()]
        return left

    def clean(self) -> None:
        """Remove what is left, so that the next test starts from the same place."""
        self.tracker.kill_all()
        for line in _added(self._before.mounts, _snapshot().mounts):
            with contextlib.suppress(OSError):
                host.umount(_mount_point(line))
        deadline = time.monotonic() + _PATIENCE_S
        while self.tracker.directories() and time.monotonic() < deadline:
            self.tracker.remove_directories()
            time.sleep(0.02)


def _snapshot() -> Snapshot:
    return Snapshot(tuple(host.mounts()), frozenset(_open_descriptors()))


def _open_descriptors() -> list[str]:
    found = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the descriptor of listdir itself is closed by now
            found.append(f"{number} {os.readlink(f'/proc/self/fd/{number}')}")
    return found


def _added(before: tuple[str, ...], after: tuple[str, ...]) -> list[str]:
    rest = list(before)
    added = []
    for line in after:
        if line in rest:
            rest.remove(line)
        else:
            added.append(line)
    return added


def _mount_point(line: str) -> str:
    return line.split(" ")[2].encode().decode("unicode_escape")


def _point_exists(line: str) -> bool:
    """Removing a mount point in any mount namespace unmounts it in all: that is somebody else's work."""
    return os.path.exists(_mount_point(line))


def _command_line(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace") or "(no command line)"
    except OSError:
        return "(gone)"
