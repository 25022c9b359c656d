"""Out-of-memory notifications of cgroup v1: an eventfd(2) registered with memory.oom_control, memory.rst section 9."""

from __future__ import annotations

import os
import struct

from libcgroups import files


class OomNotifications:
    """An OomEvents over an eventfd; the kernel signals it also when the cgroup is removed."""

    def __init__(self, directory: str) -> None:
        """Register with the cgroup.

        Raises:
            FileError: the cgroup is not there, or not ours.
        """
        self._directory = directory
        path = f"{directory}/memory.oom_control"
        self._descriptor = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        try:
            control = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                files.write_cgroup_file(f"{directory}/cgroup.event_control", f"{self._descriptor} {control}")
            finally:
                os.close(control)
        except OSError as error:
            self.close()
            from libcgroups import errors

            raise errors.from_os_error("read", path, error) from error
        except Exception:
            self.close()
            raise

    def fileno(self) -> int:
        """Return the eventfd."""
        return self._descriptor

    @property
    def ended(self) -> bool:
        """True when the cgroup was removed."""
        return not os.path.exists(f"{self._directory}/cgroup.event_control")

    def read(self) -> int:
        """Consume the notifications and return their number; the one about the removal of the cgroup does not count."""
        try:
            (count,) = struct.unpack("=Q", os.read(self._descriptor, 8))
        except BlockingIOError:
            return 0
        return 0 if self.ended else int(count)

    def close(self) -> None:
        """Close the eventfd, which ends the registration."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> OomNotifications:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
