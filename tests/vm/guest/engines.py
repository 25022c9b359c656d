"""Docker and Podman in the guest, as programs: a command ends in time, and in the end nothing of a container is left.

No network: the images are made of busybox, and setting one up takes longer than a container, emulated.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.runtime import eventually, read
from tests.vm.guest import containers

if TYPE_CHECKING:
    from collections.abc import Sequence

IMAGE = "localhost/busybox"
_TIMEOUT_S = 60
#: What limits the containers have, and what they become in files of the cgroup and in properties of the unit.
LIMITS = ("--memory=64m", "--memory-swap=96m", "--pids-limit=50", "--cpus=0.5")
FILES = {
    "memory.max": str(64 << 20),
    "memory.swap.max": str(32 << 20),
    "pids.max": "50",
    "cpu.max": "50000 100000",
}
PROPERTIES = {
    "ActiveState": "active",
    "Delegate": "yes",
    "MemoryMax": FILES["memory.max"],
    "MemorySwapMax": FILES["memory.swap.max"],
    "TasksMax": "50",
    "CPUQuotaPerSecUSec": "500ms",
}


@dataclass(frozen=True)
class Done:
    """What a command did."""

    status: int
    output: str


class Engine:
    """An engine's client with the options that stand before each command."""

    def __init__(self, *client: str, scope: str, run_options: Sequence[str] = ()) -> None:
        """Remember what the commands have in common.

        Args:
            client: program and global options.
            scope: what the name of a container's scope begins with.
            run_options: of each container.
        """
        self._client = client
        self._scope = scope
        self._run_options = ("--network=none", *run_options)

    def __call__(self, *args: str, timeout_s: float = _TIMEOUT_S) -> Done:
        """Run a command; what it writes goes to a file, since a container may keep a pipe open."""
        with tempfile.TemporaryFile() as output:
            command = [*self._client, *args]
            status = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=timeout_s, check=False
            ).returncode
            output.seek(0)
            return Done(status, output.read().decode(errors="replace"))

    def succeed(self, *args: str, timeout_s: float = _TIMEOUT_S) -> str:
        """Run a command that must succeed and return its output without the white space around."""
        done = self(*args, timeout_s=timeout_s)
        assert done.status == 0, f"{args}: {done}"
        return done.output.strip()

    def run(self, *args: str, options: Sequence[str] = ()) -> Done:
        """Run a container of busybox in the foreground and remove it."""
        return self("run", "--rm", *self._run_options, *options, IMAGE, *args)

    def start(self, *args: str, options: Sequence[str] = LIMITS, image: Sequence[str] = (IMAGE,)) -> EngineContainer:
        """Start a container in the background; by default it sleeps and has limits."""
        command = args or ("sleep", "1000")
        return EngineContainer(
            self, self.succeed("run", "--detach", *self._run_options, *options, *image, *command), self._scope
        )

    def import_image(self, directory: str) -> None:
        """Make the image of a root file system."""
        with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
            subprocess.run(["tar", "-C", directory, "-cf", archive.name, "."], check=True)
            self.succeed("import", archive.name, IMAGE)

    def remove_all(self) -> list[str]:
        """Remove all containers and return which there were; their scopes must end."""
        present = self.succeed("ps", "--all", "--quiet").split()
        if present:
            self.succeed("rm", "--force", *present)
        eventually(lambda: scopes(self._scope) == [], f"the end of the scopes {self._scope}*", 20)
        return present


class EngineContainer:
    """A container that an engine runs in the background."""

    def __init__(self, engine: Engine, id: str, scope: str) -> None:
        self._engine = engine
        self.id = id
        self.unit = f"{scope}{id}.scope"
        self.pid = int(self.inspect("State.Pid"))
        #: The unit's cgroup, whatever is below it.
        self.directory = containers.cgroup_of(self.pid).partition(".scope")[0] + ".scope"

    def inspect(self, what: str) -> str:
        """Return what the engine says about it."""
        return self._engine.succeed("inspect", "--format", f"{{{{.{what}}}}}", self.id)

    def exec(self, *args: str, timeout_s: float = _TIMEOUT_S) -> Done:
        """Run a process in it."""
        return self._engine("exec", self.id, *args, timeout_s=timeout_s)

    def command(self, *args: str) -> str:
        """Run a command whose last argument is this container, which must succeed."""
        return self._engine.succeed(*args, self.id)

    def values(self) -> dict[str, str]:
        """Return what the files of the limits hold."""
        return containers.values(self.directory, FILES)

    def properties(self) -> dict[str, str]:
        """Return what systemd says of the limits."""
        return containers.properties(self.unit, PROPERTIES)

    def is_frozen(self) -> bool:
        """Tell whether the cgroup is frozen."""
        return "frozen 1" in read(f"{self.directory}/cgroup.events")

    def remove(self) -> None:
        """Remove it once it has ended; scope and cgroup must be gone."""
        self.command("rm")
        assert containers.properties(self.unit, ["LoadState"]) == {"LoadState": "not-found"}
        assert not os.path.exists(self.directory)


def scopes(prefix: str) -> list[str]:
    """List the scopes that systemd knows, failed ones too, by the beginning of their names."""
    command = [*containers.SYSTEMCTL, "list-units", "--all", "--output=json", f"{prefix}*.scope"]
    return [unit["unit"] for unit in json.loads(subprocess.run(command, check=True, capture_output=True).stdout)]


def mounts() -> list[str]:
    """List the mount points."""
    return sorted(line.split()[4] for line in read("/proc/self/mountinfo").splitlines())
