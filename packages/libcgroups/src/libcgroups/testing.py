"""Fakes for tests of this package and of its users: a manager that records, and a hierarchy in a temporary directory.

Not for production, and never imported by it.
"""

from __future__ import annotations

import errno
import os

from libcgroups import detect, files
from libcgroups.manager import ControllerOpt, FreezerState
from libcgroups.stats import Stats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from libcgroups.manager import Entrance, FreezerStateName, Hierarchy, Kind, OomEvents, State
    from libcgroups.resources import LinuxResources

# What the kernel puts into a new v1 cgroup, as far as this package reads or writes it.
_V1_FILES: Mapping[str, Mapping[str, str]] = {
    "blkio": dict.fromkeys(
        (
            "blkio.bfq.weight",
            "blkio.bfq.weight_device",
            "blkio.throttle.read_bps_device",
            "blkio.throttle.read_iops_device",
            "blkio.throttle.write_bps_device",
            "blkio.throttle.write_iops_device",
        ),
        "",
    ),
    "cpu": {
        "cpu.cfs_burst_us": "0",
        "cpu.cfs_period_us": "100000",
        "cpu.cfs_quota_us": "-1",
        "cpu.idle": "0",
        "cpu.rt_period_us": "1000000",
        "cpu.rt_runtime_us": "0",
        "cpu.shares": "1024",
        "cpu.stat": "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n",
    },
    "cpuacct": {"cpuacct.stat": "user 0\nsystem 0\n", "cpuacct.usage": "0"},
    "cpuset": {"cpuset.cpus": "", "cpuset.mems": ""},
    "devices": {"devices.allow": "", "devices.deny": "", "devices.list": "a *:* rwm\n"},
    "freezer": {"freezer.state": "THAWED"},
    "hugetlb": {"hugetlb.2MB.limit_in_bytes": "0", "hugetlb.2MB.rsvd.limit_in_bytes": "0"},
    "memory": {
        "memory.limit_in_bytes": "9223372036854771712",
        "memory.max_usage_in_bytes": "0",
        "memory.memsw.limit_in_bytes": "9223372036854771712",
        "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
        "memory.soft_limit_in_bytes": "9223372036854771712",
        "memory.swappiness": "60",
        "memory.usage_in_bytes": "0",
    },
    "net_cls": {"net_cls.classid": "0"},
    "net_prio": {"net_prio.ifpriomap": "lo 0\n"},
    "pids": {"pids.current": "0", "pids.max": "max"},
    "rdma": {"rdma.max": ""},
}

# The same for v2; the first group is there whatever is enabled.
_V2_FILES: Mapping[str, Mapping[str, str]] = {
    "": {
        "cgroup.controllers": "",
        "cgroup.events": "populated 0\nfrozen 0\n",
        "cgroup.freeze": "0",
        "cgroup.kill": "",
        "cgroup.subtree_control": "",
        "cgroup.type": "domain",
    },
    "cpu": {"cpu.idle": "0", "cpu.max": "max 100000", "cpu.max.burst": "0", "cpu.weight": "100"},
    "cpuset": {"cpuset.cpus": "", "cpuset.mems": ""},
    "io": {"io.bfq.weight": "default 100", "io.max": "", "io.weight": "default 100"},
    "memory": {
        "memory.current": "0",
        "memory.high": "max",
        "memory.low": "0",
        "memory.max": "max",
        "memory.min": "0",
        "memory.swap.max": "max",
    },
    "hugetlb": {"hugetlb.2MB.max": "max", "hugetlb.2MB.rsvd.max": "max"},
    "pids": {"pids.current": "0", "pids.max": "max"},
    "rdma": {"rdma.max": ""},
}


class FakeHierarchy(files.Filesystem):
    """Cgroup file systems below an ordinary directory, with the writes of this process redirected to them.

    New cgroups get the files of their controllers, ``cgroup.procs`` collects process ids, a cgroup with processes or
    cgroups below cannot be removed, and every write is recorded::

        with FakeHierarchy(tmp_path, v1=[("pids",)]) as fake:
            manager = create_cgroup_manager(CgroupConfig("one", "/one"), fake.mounts)
            manager.create()
            manager.add_task(7)
            assert fake.writes == [("pids/one/cgroup.procs", "7")]

    Attributes:
        writes: path below the directory and text of every successful write, in order.
        failures: error numbers by path below the directory; writing there, making or removing it, fails with it.
            A path that ends in ``=TEXT`` fails only for that text.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        v1: Sequence[tuple[str, ...]] = (("cpu", "cpuacct"), ("cpuset",), ("memory",), ("devices",), ("pids",)),
        v2: Sequence[str] | None = None,
        own_path: str = "/",
    ) -> None:
        """Build the hierarchies.

        Args:
            directory: an empty directory.
            v1: the controllers of each version 1 hierarchy.
            v2: the controllers of the version 2 hierarchy, None if there is none.
            own_path: the caller's own cgroup in all of them.
        """
        self.directory = os.fspath(directory)
        self.writes: list[tuple[str, str]] = []
        self.failures: dict[str, int] = {}
        self._hierarchies = {",".join(controllers): tuple(controllers) for controllers in v1}
        self._v2 = tuple(v2 or ())
        mountinfo, own = [], []
        for name, controllers in self._hierarchies.items():
            mountinfo.append(f"1 1 0:1 / {self.directory}/{name} rw - cgroup cgroup rw,{name}")
            own.append(f"1:{name}:{own_path}")
            self._fill(f"{self.directory}/{name}", controllers, _V1_FILES)
            if "cpuset" in controllers:
                self._set(f"{self.directory}/{name}/cpuset.cpus", "0-1")
                self._set(f"{self.directory}/{name}/cpuset.mems", "0")
        if v2 is not None:
            mountinfo.append(f"1 1 0:1 / {self.directory}/unified rw - cgroup2 cgroup2 rw")
            own.append(f"0::{own_path}")
            self._fill(f"{self.directory}/unified", ("",), _V2_FILES)
            self._set(f"{self.directory}/unified/cgroup.controllers", " ".join(self._v2))
        os.makedirs(f"{self.directory}/proc")
        self._set(f"{self.directory}/proc/mountinfo", "".join(f"{line}\n" for line in mountinfo))
        self._set(f"{self.directory}/proc/cgroup", "".join(f"{line}\n" for line in own))

    @property
    def mounts(self) -> detect.Mounts:
        """The hierarchies, as create_cgroup_manager takes them."""
        return detect.read_mounts(root=self.directory, proc=f"{self.directory}/proc")

    def __enter__(self) -> Self:
        files.use_filesystem(self)
        return self

    def __exit__(self, *_: object) -> None:
        files.use_filesystem(None)

    def read(self, path: str) -> str:
        """Return what a file below the directory holds."""
        with open(f"{self.directory}/{path}") as file:
            return file.read()

    def set(self, path: str, text: str) -> None:
        """Let a file below the directory hold a text, as if the kernel had put it there; not recorded."""
        self._set(f"{self.directory}/{path}", text)

    def write(self, path: str, data: bytes) -> None:
        """Write as the kernel would: never create, collect process ids, enable controllers; record."""
        text = data.decode()
        name = path.removeprefix(self.directory + "/")
        self._fail_if_asked(name)
        self._fail_if_asked(f"{name}={text}")
        if not os.path.exists(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        self.writes.append((name, text))
        if path.endswith("/cgroup.procs"):
            with open(path, "a") as file:
                file.write(f"{text}\n")
        elif path.endswith("/cgroup.subtree_control"):
            self._enable(path.rpartition("/")[0], text)
        elif path.endswith("/memory.oom_control"):
            self._set(path, f"oom_kill_disable {text}\nunder_oom 0\noom_kill 0\n")
        else:
            self._set(path, text)

    def mkdir(self, path: str) -> None:
        """Make a cgroup with the files of its controllers."""
        self._fail_if_asked(path.removeprefix(self.directory + "/"))
        os.mkdir(path)
        hierarchy = path.removeprefix(self.directory + "/").split("/")[0]
        if hierarchy == "unified":
            enabled = self.read(f"{os.path.dirname(path)}/cgroup.subtree_control".removeprefix(self.directory + "/"))
            self._fill(path, ("", *enabled.split()), _V2_FILES)
            self._set(f"{path}/cgroup.controllers", enabled)
        else:
            self._fill(path, self._hierarchies[hierarchy], _V1_FILES)
            self._set(f"{path}/tasks", "")

    def rmdir(self, path: str) -> None:
        """Remove a cgroup that holds neither processes nor cgroups."""
        self._fail_if_asked(path.removeprefix(self.directory + "/"))
        with os.scandir(path) as entries:
            is_busy = any(entry.is_dir() for entry in entries)
        with open(f"{path}/cgroup.procs") as file:
            is_busy = is_busy or bool(file.read().strip())
        if is_busy:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), path)
        for name in os.listdir(path):
            os.unlink(f"{path}/{name}")
        os.rmdir(path)

    def _fill(self, path: str, controllers: Sequence[str], tables: Mapping[str, Mapping[str, str]]) -> None:
        os.makedirs(path, exist_ok=True)
        self._set(f"{path}/cgroup.procs", "")
        for controller in controllers:
            for name, text in tables.get(controller, {}).items():
                self._set(f"{path}/{name}", text)

    def _enable(self, path: str, text: str) -> None:
        with open(f"{path}/cgroup.subtree_control") as file:
            enabled = dict.fromkeys(file.read().split())
        for word in text.split():
            if word[0] == "+":
                enabled[word[1:]] = None
            else:
                enabled.pop(word[1:], None)
        self._set(f"{path}/cgroup.subtree_control", " ".join(enabled))
        with os.scandir(path) as entries:
            children = [entry.path for entry in entries if entry.is_dir()]
        for child in children:
            self._fill_missing(child, tuple(enabled))
            self._set(f"{child}/cgroup.controllers", " ".join(enabled))

    def _fill_missing(self, path: str, controllers: Sequence[str]) -> None:
        for controller in controllers:
            for name, text in _V2_FILES.get(controller, {}).items():
                if not os.path.exists(f"{path}/{name}"):
                    self._set(f"{path}/{name}", text)

    def _fail_if_asked(self, name: str) -> None:
        if name in self.failures:
            number = self.failures[name]
            raise OSError(number, os.strerror(number), f"{self.directory}/{name}")

    @staticmethod
    def _set(path: str, text: str) -> None:
        with open(path, "w") as file:
            file.write(text)


class TestManager:
    """A CgroupManager that does nothing and records everything.

    Attributes:
        calls: name and arguments of every call that changes something, in order.
        failures: errors to raise, by the name of the method.
        pids: what get_all_pids returns; add_task appends, kill with SIGKILL clears.
        statistics: what stats returns.
    """

    # Not a test case, whatever pytest makes of the name that youki gave it.
    __test__ = False

    kind: Kind = "test"

    def __init__(self, name: str = "test") -> None:
        self.name = name
        self.calls: list[tuple[object, ...]] = []
        self.failures: dict[str, Exception] = {}
        self.pids: list[int] = []
        self.statistics = Stats()
        self.frozen = False
        self.created = False

    @classmethod
    def restore(cls, state: State) -> TestManager:
        """Give back a manager equal to the one whose ``state()`` was saved."""
        return cls(str(state["name"]))

    def get_add_task_args(self) -> list[int]:
        """Return the pids of all calls of add_task."""
        return [pid for name, *arguments in self.calls if name == "add_task" for pid in arguments if type(pid) is int]

    def apply_called(self) -> bool:
        """Tell whether apply was called."""
        return any(call[0] == "apply" for call in self.calls)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TestManager) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def _record(self, name: str, *arguments: object) -> None:
        self.calls.append((name, *arguments))
        if name in self.failures:
            raise self.failures[name]

    def state(self) -> dict[str, object]:
        """Return kind and name."""
        return {"kind": self.kind, "name": self.name}

    def hierarchies(self) -> tuple[Hierarchy, ...]:
        """Return none."""
        return ()

    def create(self, resources: LinuxResources | None = None) -> None:
        """Record; exists from now on."""
        self._record("create", resources)
        self.created = True

    def open_entrance(self) -> Entrance | None:
        """Return None."""
        return None

    def add_task(self, pid: int) -> None:
        """Record, and remember the pid."""
        self._record("add_task", pid)
        self.pids.append(pid)

    def apply(self, controller_opt: ControllerOpt) -> None:
        """Record."""
        self._record("apply", controller_opt)

    def update(self, resources: LinuxResources) -> None:
        """Record."""
        self._record("update", resources)

    def freeze(self, state: FreezerStateName) -> None:
        """Record, and remember the state."""
        self._record("freeze", state)
        self.frozen = state == FreezerState.FROZEN

    def is_frozen(self) -> bool:
        """Tell the state that was last asked for."""
        return self.frozen

    def get_all_pids(self) -> list[int]:
        """Return ``pids``."""
        return list(self.pids)

    def exists(self) -> bool:
        """Tell whether create was called, and remove not since."""
        return self.created

    def kill(self, signal: int) -> None:
        """Record; no process is signalled."""
        self._record("kill", signal)
        if signal == 9:
            self.pids.clear()

    def stats(self) -> Stats:
        """Return ``statistics``."""
        return self.statistics

    def oom_events(self) -> OomEvents:
        """Return a source that has ended, unless failures say otherwise."""
        self._record("oom_events")
        return _NoEvents()

    def remove(self) -> None:
        """Record; exists no longer."""
        self._record("remove")
        self.created = False


class _NoEvents:
    """An OomEvents that has ended; its descriptor is readable at once, as that of a removed cgroup."""

    ended = True

    def __init__(self) -> None:
        self._descriptor = os.eventfd(1, os.EFD_CLOEXEC)

    def fileno(self) -> int:
        return self._descriptor

    def read(self) -> int:
        return 0

    def close(self) -> None:
        os.close(self._descriptor)
