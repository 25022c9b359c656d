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
            FrozenError: processes do not stop in time, and the cgroup is thawed again; or it cannot be thawed because
                one above is frozen.
            FileError: the cgroup is not there, or not ours.
        """
        if state == "UNDEFINED":
            return
        path = f"{directory}/freezer.state"
        files.write_cgroup_file(path, state)
        deadline = time.monotonic() + FREEZE_TIMEOUT_S
        pause_s = 0.00005
        while (seen := files.read_cgroup_file(path).strip()) != state:
            if state == "THAWED":
                _frozen_above(directory)
            if time.monotonic() > deadline:
                _give_up(directory, seen)
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, 0.02)
            # Written again each time: processes forked meanwhile are caught only by a new request.
            files.write_cgroup_file(path, state)


def _frozen_above(directory: str) -> None:
    from libcgroups import errors

    raise errors.FrozenError(
        f"thaw {directory}: a cgroup above it is frozen",
        path=directory,
        hint="write THAWED to the freezer.state of the one that was frozen",
        controller="freezer",
    )


def _give_up(directory: str, seen: str) -> None:
    from libcgroups import errors

    files.write_cgroup_file(f"{directory}/freezer.state", "THAWED")
    raise errors.FrozenError(
        f"freeze {directory}: still {seen} after {FREEZE_TIMEOUT_S:g} s",
        path=directory,
        hint="a process may be in an uninterruptible sleep (state D in ps)",
        controller="freezer",
    )
