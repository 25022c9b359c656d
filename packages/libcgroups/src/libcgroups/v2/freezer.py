"""Freezing a cgroup v2: cgroup.freeze, and waiting for it by cgroup.events; no controller is needed."""

from __future__ import annotations

import os
import select
import time

from libcgroups import files

#: A task in uninterruptible sleep does not freeze; do not wait for it for ever.
FREEZE_TIMEOUT_S = 10.0


class Freezer:
    """cgroup.freeze, since Linux 5.2."""

    @staticmethod
    def request(directory: str, frozen: bool) -> None:
        """Ask for all processes of a cgroup and below it to be frozen or thawed, and do not wait.

        Raises:
            FileError: the kernel refused.
        """
        files.write_cgroup_file(f"{directory}/cgroup.freeze", "1" if frozen else "0")

    @classmethod
    def set_frozen(cls, directory: str, frozen: bool) -> None:
        """Freeze or thaw all processes of a cgroup and below it, and wait until that is done.

        Raises:
            FrozenError: it takes longer than FREEZE_TIMEOUT_S; the request stays in force.
            FileError: the kernel refused.
        """
        cls.request(directory, frozen)
        if not wait_for_event(directory, "frozen", "1" if frozen else "0", FREEZE_TIMEOUT_S):
            from libcgroups import errors

            raise errors.FrozenError(
                f"{'freeze' if frozen else 'thaw'} cgroup {directory}: not done after {FREEZE_TIMEOUT_S:.0f} s",
                path=directory,
                hint="a process in uninterruptible sleep (state D in ps) delays it",
            )

    @staticmethod
    def is_frozen(directory: str) -> bool:
        """Tell whether a cgroup was asked to freeze; False when it does not exist."""
        return (files.read_optional_cgroup_file(f"{directory}/cgroup.freeze") or "").strip() == "1"


def wait_for_event(directory: str, key: str, value: str, timeout_s: float) -> bool:
    """Wait until a line of cgroup.events says ``key value``; False when time runs out.

    The kernel wakes who polls the file for POLLPRI at each change, cgroups(7). A cgroup that is gone has every value.
    """
    deadline = time.monotonic() + timeout_s
    try:
        fd = os.open(f"{directory}/cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        poll = select.poll()
        poll.register(fd, select.POLLPRI)
        while True:
            try:
                text = os.pread(fd, 4096, 0).decode()
            except OSError as error:
                if error.errno == 19:  # ENODEV: removed meanwhile
                    return True
                raise
            if f"{key} {value}" in text.splitlines():
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            poll.poll(left * 1000)
    finally:
        os.close(fd)
