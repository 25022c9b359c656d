"""Stopping all processes of a cgroup, freezer-subsystem.rst."""

from __future__ import annotations

import time

from libcgroups import files
from libcgroups.v1.controllers import Controller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.manager import FreezerStateName

#: How long to wait for processes to stop; one that sleeps uninterruptibly (a hung NFS server) never does.
FREEZE_TIMEOUT_S = 2.0


class Freezer(Controller):
    """The freezer controller."""

    name = "freezer"

    @classmethod
    def freeze(cls, directory: str, state: FreezerStateName) -> None:
        """Freeze or thaw, and wait until it is done; UNDEFINED changes nothing.

        Raises:
            FrozenError: processes do not stop in time; the cgroup is thawed again.
            FileError: the cgroup is not there, or not ours.
        """
        if state == "UNDEFINED":
            return
        path = f"{directory}/freezer.state"
        files.write_cgroup_file(path, state)
        deadline = time.monotonic() + FREEZE_TIMEOUT_S
        pause_s = 0.00005
        while state == "FROZEN" and (seen := files.read_cgroup_file(path).strip()) != state:
            if time.monotonic() > deadline:
                _give_up(directory, seen)
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, 0.02)
            # Written again each time: processes forked meanwhile are caught only by a new request.
            files.write_cgroup_file(path, state)

    @classmethod
    def state(cls, directory: str) -> str:
        """Return FROZEN, FREEZING or THAWED; THAWED if the cgroup does not exist."""
        return (files.read_optional_cgroup_file(f"{directory}/freezer.state") or "THAWED").strip()

    @classmethod
    def is_frozen_by_parent(cls, directory: str) -> bool:
        """Tell whether a cgroup above is frozen, so that this one cannot be thawed."""
        return (files.read_optional_cgroup_file(f"{directory}/freezer.parent_freezing") or "0").strip() == "1"


def _give_up(directory: str, seen: str) -> None:
    from libcgroups import errors

    files.write_cgroup_file(f"{directory}/freezer.state", "THAWED")
    raise errors.FrozenError(
        f"freeze {directory}: still {seen} after {FREEZE_TIMEOUT_S:g} s",
        path=directory,
        hint="a process may be in an uninterruptible sleep (state D in ps)",
        controller="freezer",
    )
