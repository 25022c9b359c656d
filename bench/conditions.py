"""The conditions under which the programs of this directory measure: set up, and described in a line."""

from __future__ import annotations

import contextlib
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from tests.support import host
from tests.support import runtime as runtimes

RUNTIMES = ("pyouki", "runc", "crun")


def set_up() -> None:
    """Leave the host's mount namespace and the shell's scheduling group, and let crun work here."""
    if reason := host.enter_private_mount_namespace():
        raise SystemExit(f"bench needs root: {reason}")
    if "/sys/fs/cgroup/unified" in host.mount_points("cgroup2"):
        # crun refuses a v2 hierarchy with controllers beside v1; the others are measured under the same conditions.
        host.mount("tmpfs", "/sys/fs/cgroup/unified", "tmpfs")
    # A session of our own competes for the CPU by itself: with autogroup, nice has no effect between sessions.
    with contextlib.suppress(OSError):
        os.setsid()
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w", encoding="ascii") as group:
        group.write("-20")


def find(names: list[str] | None) -> list[str]:
    """Return the paths of the runtimes that are here, by default all three, and tell which are not."""
    found = []
    for name in names or RUNTIMES:
        try:
            found.append(runtimes.find(name))
        except FileNotFoundError as error:
            print(f"not measured: {error}", file=sys.stderr)
    return found


class Note:
    """What to know to judge the figures: how they were taken, and what else the machine did meanwhile."""

    def __init__(self, *conditions: str) -> None:
        self._conditions = [*conditions]
        self._before = _cpu_ticks()

    def add(self, condition: str) -> None:
        """Append what came out while measuring."""
        self._conditions.append(condition)

    def __str__(self) -> str:
        """Return the conditions with the load from the beginning until now."""
        idle, total = (now - then for now, then in zip(_cpu_ticks(), self._before, strict=True))
        load = f"load {os.getloadavg()[0]:.1f}"
        return ", ".join([*self._conditions, load, f"{os.cpu_count()} CPUs {100 * idle // max(total, 1)} % idle"])


def _cpu_ticks() -> tuple[int, int]:
    ticks = [int(word) for word in runtimes.read("/proc/stat").splitlines()[0].split()[1:9]]
    return ticks[3], sum(ticks)
