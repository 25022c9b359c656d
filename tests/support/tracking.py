"""Cgroups that name every process and directory a test makes; not a cgroup library, and independent of ours."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from tests.support import host


class Tracker:
    """One cgroup per hierarchy, parent of all containers of a session.

    The test process sits in ``PARENT/runner`` of one hierarchy, so whatever it starts and whatever moves to a
    container below PARENT can be listed, whichever namespace or session it hides in. Hierarchies are held by
    descriptors: they stay reachable when a test mounts something over them.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._mounts = [*host.mount_points("cgroup"), *host.mount_points("cgroup2")]
        self._hierarchies = [os.open(mount, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) for mount in self._mounts]
        self._home: tuple[str, str] | None = None

    @property
    def cgroups_path(self) -> str:
        """The absolute cgroupsPath below which every container of the session belongs."""
        return f"/{self.name}"

    def open(self) -> None:
        """Make the parents and move this process into the runner of the hierarchy that tracks it."""
        for directory in self._directories():
            os.makedirs(directory, exist_ok=True)
            _copy_cpuset(directory)
        tracking = self._directories()[-1]
        os.mkdir(f"{tracking}/runner")
        self._home = (self._mounts[-1], _own_cgroup(self._mounts[-1]))
        _write(f"{tracking}/runner/cgroup.procs", str(os.getpid()))

    def close(self) -> None:
        """Move this process home and remove what ``open`` made."""
        if self._home is not None:
            home = f"/proc/self/fd/{self._hierarchies[-1]}{self._home[1]}"
            _write(f"{home}/cgroup.procs", str(os.getpid()))
            os.rmdir(f"{self._directories()[-1]}/runner")
        for directory in self._directories():
            os.rmdir(directory)
        for descriptor in self._hierarchies:
            os.close(descriptor)

    def processes(self) -> list[int]:
        """Return the pids below the parents in any hierarchy, without this process, its zombies included."""
        found: set[int] = set()
        for top in self._directories():
            for directory in _walk(top):
                with contextlib.suppress(OSError), open(f"{directory}/cgroup.procs", encoding="ascii") as pids:
                    found.update(int(pid) for pid in pids)
        return sorted(found - {os.getpid(), 0})

    def directories(self) -> list[str]:
        """Return the cgroups below the parents as CONTROLLER/PATH, without the runner."""
        found = []
        for mount, top in zip(self._mounts, self._directories(), strict=True):
            names = (directory[len(top) + 1 :] for directory in _walk(top))
            found += [f"{os.path.basename(mount)}/{name}" for name in names if name not in ("", "runner")]
        return sorted(found)

    def kill_all(self, timeout_s: float = 5) -> None:
        """Kill every process that ``processes`` lists and thaw what is frozen."""
        deadline = time.monotonic() + timeout_s
        while self.processes() and time.monotonic() < deadline:
            for pid in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._thaw()
            time.sleep(0.02)

    def remove_directories(self) -> None:
        """Remove the cgroups that ``directories`` lists, deepest first."""
        for top in self._directories():
            for directory in reversed(_walk(top)):
                if directory != top and not directory.endswith("/runner"):
                    with contextlib.suppress(OSError):
                        os.rmdir(directory)

    def file(self, mount_name: str, container: str, name: str) -> str:
        """Return the path of a control file, for example ``file("pids", "c1", "pids.max")``."""
        index = [os.path.basename(mount) for mount in self._mounts].index(mount_name)
        return f"{self._directories()[index]}/{container}/{name}"

    def has(self, mount_name: str) -> bool:
        """Tell whether a hierarchy of that mount name exists, for example ``cpuset`` or ``unified``."""
        return mount_name in [os.path.basename(mount) for mount in self._mounts]

    def _directories(self) -> list[str]:
        return [f"/proc/self/fd/{descriptor}/{self.name}" for descriptor in self._hierarchies]

    def _thaw(self) -> None:
        for top in self._directories():
            for directory in _walk(top):
                for name, value in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
                    with contextlib.suppress(OSError):
                        _write(f"{directory}/{name}", value)


def _walk(top: str) -> list[str]:
    return [directory for directory, _, _ in os.walk(top)]


def _own_cgroup(mount: str) -> str:
    wanted = "" if mount in host.mount_points("cgroup2") else os.path.basename(mount)
    with open("/proc/self/cgroup", encoding="utf-8") as lines:
        for line in lines:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            if wanted in controllers.removeprefix("name=").split(","):
                return path
    raise LookupError(f"/proc/self/cgroup does not name {mount}")


def _copy_cpuset(directory: str) -> None:
    """Give a new v1 cpuset its parent's cpus and mems: without them no process may enter it."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        with contextlib.suppress(OSError):
            with open(f"{directory}/../{name}", encoding="ascii") as parent:
                _write(f"{directory}/{name}", parent.read())


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
