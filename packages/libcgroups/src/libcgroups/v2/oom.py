"""Noticing on cgroup v2 that memory ran out: inotify(7) on memory.events and cgroup.events; the kernel counts."""

from __future__ import annotations

import os

from libcgroups import _kernel, errors, files, stats

_IN_MODIFY = 0x2
_IN_NONBLOCK = os.O_NONBLOCK
_IN_CLOEXEC = os.O_CLOEXEC


class MemoryEvents:
    """An OomEvents for cgroup v2; a context manager."""

    def __init__(self, directory: str) -> None:
        """Begin to watch; only what happens from now on counts.

        Raises:
            FileError: the cgroup does not exist or has no memory controller, or inotify is exhausted.
        """
        self._directory = directory
        self._ended = False
        self._fd = _kernel.inotify_init1(_IN_NONBLOCK | _IN_CLOEXEC)
        if self._fd < 0:
            raise _error("watch", directory, -self._fd)
        try:
            for name in ("memory.events", "cgroup.events"):
                path = f"{directory}/{name}"
                watch = _kernel.inotify_add_watch(self._fd, path, _IN_MODIFY)
                if watch < 0:
                    raise _error("watch", path, -watch)
            self._seen = self._count()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> MemoryEvents:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """Return the inotify descriptor."""
        return self._fd

    def read(self) -> int:
        """Consume the notifications and return how many processes were killed since the last call."""
        try:
            while os.read(self._fd, 4096):
                pass
        except BlockingIOError:
            pass
        count = self._count()
        # A cgroup that is gone reads as 0.
        new = max(count - self._seen, 0)
        self._seen = max(count, self._seen)
        events = files.read_optional_cgroup_file(f"{self._directory}/cgroup.events")
        self._ended = events is None or "populated 0" in events.splitlines()
        return new

    @property
    def ended(self) -> bool:
        """True when ``read`` has found the cgroup empty or gone."""
        return self._ended

    def close(self) -> None:
        """Close the descriptor; harmless when done before."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _count(self) -> int:
        return stats.parse_flat_keyed_data(f"{self._directory}/memory.events").get("oom_kill", 0)


def _error(action: str, path: str, number: int) -> errors.FileError:
    return errors.from_os_error(action, path, OSError(number, os.strerror(number)))
