"""Containers in the guest: the runtime under test with a cgroup driver, and what its cgroups and units hold.

Emulated, a command takes a second or more: what can be read from files is not asked of the runtime.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import pytest

from tests.support import mutations
from tests.support.runtime import ROOT, Background, Caller, Container, Result, Runtime, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.support.bundle import Bundle, Json
    from tests.support.mutations import Mutation

    Driver = Literal["cgroupfs", "systemd"]

MIB = 1 << 20
#: The name of what the fixture ``rdma_device`` makes.
RDMA_DEVICE = "pyouki_rxe"
IS_USER = os.geteuid() != 0
SYSTEMCTL = ["systemctl", *(["--user"] if IS_USER else [])]
#: For tests of what does not depend on the driver, or has to be seen with the one where it is harder.
only_cgroupfs = pytest.mark.parametrize("runtime", ["cgroupfs"], indirect=True)
only_systemd = pytest.mark.parametrize("runtime", ["systemd"], indirect=True)
_MOUNT_POINT = "/sys/fs/cgroup"
#: What leads a user's command to the systemd of the user.
_SESSION = {name: os.environ[name] for name in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS") if name in os.environ}


class GuestContainer(Container):
    """A container whose pid is known from its pid file, and its cgroup from its pid."""

    def __init__(self, runtime: Runtime, bundle: Bundle, created: Result, pid: int) -> None:
        super().__init__(runtime, bundle, created)
        self._pid = pid
        self.directory = cgroup_of(pid)

    @property
    def pid(self) -> int:
        """The pid of init, also after its end."""
        return self._pid

    def read(self, file: str) -> str:
        """Return what a file of the cgroup holds."""
        return read(f"{self.directory}/{file}").strip()

    def values(self, names: Sequence[str]) -> dict[str, str]:
        """Return what files of the cgroup hold."""
        return values(self.directory, names)

    def counters(self, file: str) -> dict[str, int]:
        """Return the numbers of a file such as memory.events."""
        return {name: int(count) for name, count in (line.split() for line in self.read(file).splitlines())}

    def properties(self, names: Sequence[str]) -> dict[str, str]:
        """Return what systemd says of the unit that the cgroup is."""
        return properties(os.path.basename(self.directory), names)


class GuestRuntime(Runtime):
    """The runtime under test with one of the two cgroup drivers; ordinary users have their session's environment."""

    def __init__(self, path: str, work: str, driver: Driver) -> None:
        super().__init__(path, work)
        self.driver = driver
        #: Those of the containers it created: to be gone with them.
        self.cgroups: list[str] = []
        self._options = ("--systemd-cgroup",) if driver == "systemd" else ()

    def __call__(
        self,
        *args: str,
        caller: Caller = ROOT,
        timeout_s: float = 60,
        global_options: Sequence[str] | None = None,
    ) -> Result:
        """Run one command as ``Runtime`` does."""
        caller = replace(caller, env={**_SESSION, **caller.env})
        return super().__call__(
            *self._options, *args, caller=caller, timeout_s=timeout_s, global_options=global_options
        )

    def background(self, *args: str, caller: Caller = ROOT) -> Background:
        """Start one command as ``Runtime`` does."""
        return super().background(*self._options, *args, caller=replace(caller, env={**_SESSION, **caller.env}))

    def create(self, bundle: Bundle, *options: str, caller: Caller = ROOT) -> GuestContainer:
        """Create a container that must come up."""
        pid_file = f"{self.work}/{bundle.id}.pid"
        result = self.try_create(bundle, "--pid-file", pid_file, *options, caller=caller).succeed()
        container = GuestContainer(self, bundle, result, int(read(pid_file)))
        self.cgroups.append(container.directory)
        return container

    def start(self, bundle: Bundle, *options: str, caller: Caller = ROOT) -> GuestContainer:
        """Create and start a container."""
        container = self.create(bundle, *options, caller=caller)
        container.start()
        return container

    def update(self, container_id: str, **resources: object) -> Result:
        """Change limits that have no option: properties of ``linux.resources``."""
        path = f"{self.work}/{container_id}.resources"
        with open(path, "w", encoding="ascii") as file:
            json.dump(resources, file)
        return self("update", "--resources", path, container_id)

    def cgroups_path(self, name: str) -> str:
        """Return a linux.cgroupsPath that this driver understands and this user may use."""
        if self.driver == "systemd":
            return f"{'user.slice' if IS_USER else 'system.slice'}:test:{name}"
        parent = os.path.dirname(cgroup_of("self").removeprefix(_MOUNT_POINT)) if IS_USER else "/pyouki-test"
        return f"{parent}/{name}"


def cgroup_of(pid: int | str) -> str:
    """Return the directory of the cgroup that a process is in."""
    return _MOUNT_POINT + read(f"/proc/{pid}/cgroup").strip().partition("::")[2]


def write(path: str, text: str) -> None:
    """Write to a file of the kernel."""
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def values(directory: str, names: Iterable[str]) -> dict[str, str]:
    """Return what files of a cgroup hold, which must be there."""
    found = {}
    for name in names:
        with open(f"{directory}/{name}") as file:
            found[name] = file.read().strip()
    return found


def properties(unit: str, names: Iterable[str]) -> dict[str, str]:
    """Return what systemd says of a unit."""
    command = [*SYSTEMCTL, "show", unit, *(f"--property={name}" for name in names)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return dict(line.split("=", 1) for line in output.splitlines())


def with_python(config: Json) -> None:
    """Let the container see the guest's programs and libraries, read-only: its own have no Python."""
    for destination, source in (("/usr", "/usr"), ("/lib", "/usr/lib"), ("/lib64", "/usr/lib64")):
        mutations.mount(destination, source, "rbind", "ro")(config)


def with_device(path: str) -> Mutation:
    """Give the container a character device of the guest."""
    number = os.stat(path).st_rdev
    numbers = {"type": "c", "major": os.major(number), "minor": os.minor(number)}

    def mutate(config: Json) -> None:
        config["linux"].setdefault("devices", []).append({"path": path, **numbers})
        config["linux"]["resources"]["devices"].append({"allow": True, **numbers, "access": "rw"})

    return mutate


def for_the_user(config: Json) -> None:
    """Turn a config for root into one that an ordinary user may run: root inside is the user outside."""
    linux = config["linux"]
    linux["namespaces"] = [space for space in linux["namespaces"] if space["type"] != "network"] + [{"type": "user"}]
    linux["uidMappings"] = [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
    linux["gidMappings"] = [{"containerID": 0, "hostID": os.getegid(), "size": 1}]
    linux["resources"] = {}
    for mount in config["mounts"]:
        mount["options"] = [option for option in mount.get("options", []) if not option.startswith("gid=")]
        if mount["destination"] == "/sys":  # a new sysfs would need a network namespace
            mount.update(type="none", source="/sys", options=["rbind", "nosuid", "noexec", "nodev", "ro"])
