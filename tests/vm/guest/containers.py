"""Containers in the guest: the runtime under test with a cgroup driver, and what its cgroups and units hold."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from tests.support.runtime import ROOT, Background, Caller, Result, Runtime, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.bundle import Json
    from tests.support.runtime import Container

    Driver = Literal["cgroupfs", "systemd"]

MIB = 1 << 20
IS_USER = os.geteuid() != 0
_MOUNT_POINT = "/sys/fs/cgroup"
#: What leads a user's command to the systemd of the user.
_SESSION = {name: os.environ[name] for name in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS") if name in os.environ}


class GuestRuntime(Runtime):
    """The runtime under test with one of the two cgroup drivers; ordinary users have their session's environment."""

    def __init__(self, path: str, work: str, driver: Driver) -> None:
        super().__init__(path, work)
        self.driver = driver
        #: Of the containers it started: to be gone with them.
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

    def cgroups_path(self, name: str) -> str:
        """Return a linux.cgroupsPath that this driver understands and this user may use."""
        if self.driver == "systemd":
            return f"{'user.slice' if IS_USER else 'system.slice'}:test:{name}"
        parent = os.path.dirname(cgroup_of("self").removeprefix(_MOUNT_POINT)) if IS_USER else "/pyouki-test"
        return f"{parent}/{name}"


def cgroup_of(pid: int | str) -> str:
    """Return the directory of the cgroup that a process is in."""
    return _MOUNT_POINT + read(f"/proc/{pid}/cgroup").strip().partition("::")[2]


def values(container: Container, names: Sequence[str]) -> dict[str, str]:
    """Return what files of a container's cgroup hold."""
    directory = cgroup_of(container.pid)
    return {name: read(f"{directory}/{name}").strip() for name in names}


def events(directory: str, file: str) -> dict[str, int]:
    """Return the counters of a file such as memory.events."""
    lines = (line.split() for line in read(f"{directory}/{file}").splitlines())
    return {name: int(count) for name, count in lines}


def properties(container: Container, names: Sequence[str]) -> dict[str, str]:
    """Return what systemd says of the unit that a container's cgroup is."""
    command = ["systemctl", *(["--user"] if IS_USER else []), "show", os.path.basename(cgroup_of(container.pid))]
    command += [f"--property={name}" for name in names]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return dict(line.split("=", 1) for line in output.splitlines())


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
