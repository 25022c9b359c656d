"""What every cgroup manager can do, and which one fits a configuration; not how any of them does it.

The life of a manager, as an engine drives it::

    manager = create_cgroup_manager(CgroupConfig(cgroup_path="/web/one", container_name="one"))
    save(manager.state())                 # nothing was touched yet
    manager.create()
    manager.add_task(pid)
    manager.apply(ControllerOpt(resources=resources))
    ...                                   # later, in another process
    manager = restore_cgroup_manager(load())
    manager.kill(SIGKILL)
    manager.remove()
"""

from __future__ import annotations

import os

from libcgroups.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal, Protocol

    from libcgroups.detect import Mounts
    from libcgroups.resources import LinuxResources
    from libcgroups.stats import Stats

    FreezerStateName = Literal["UNDEFINED", "FROZEN", "THAWED"]
    Kind = Literal["v1", "v2", "systemd", "disabled", "test"]
    #: What a manager writes to disk: strings, numbers, booleans, None, and lists and objects of them.
    State = Mapping[str, object]
else:
    Protocol = object


class FreezerState:
    """The states a cgroup can be asked to take, spelled as ``freezer.state`` spells them."""

    UNDEFINED: FreezerStateName = "UNDEFINED"
    FROZEN: FreezerStateName = "FROZEN"
    THAWED: FreezerStateName = "THAWED"


class ControllerOpt(Record):
    """What to apply to a cgroup.

    Attributes:
        resources: ``linux.resources`` of the OCI runtime spec; None leaves all limits alone.
        disable_oom_killer: pause instead of kill when memory runs out; v1 only, ``memory.oom_control``.
        oom_score_adj: for managers of youki's interface; a score belongs to a process, no cgroup file holds it.
        freezer_state: freeze or thaw after the limits were written.
    """

    resources: LinuxResources | None = None
    disable_oom_killer: bool = False
    oom_score_adj: int | None = None
    freezer_state: FreezerStateName | None = None


class CgroupConfig(Record):
    """Which cgroup, and who manages it.

    Attributes:
        cgroup_path: ``linux.cgroupsPath``. With the cgroupfs driver an absolute path is below the mount of each
            hierarchy, a relative one below the caller's own cgroup; with the systemd driver ``slice:prefix:name``.
            Empty: the container's name, placed like a relative path.
        systemd_cgroup: ask systemd for a transient unit instead of creating directories.
        container_name: the container's id.
        rootless: go on without the hierarchies that may not be written, as long as no limit and no path was asked for.
        disabled: manage no cgroup at all; the container stays in the cgroup of its creator.
        owner_uid: user id on the host that is given the cgroup (v2 only), None for no change of owner.
        annotations: the container's annotations as pairs; systemd's ``org.systemd.property.*`` are taken from them.
    """

    container_name: str
    cgroup_path: str = ""
    systemd_cgroup: bool = False
    rootless: bool = False
    disabled: bool = False
    owner_uid: int | None = None
    annotations: tuple[tuple[str, str], ...] = ()


class Hierarchy(Record):
    """One hierarchy and the place of the cgroup in it.

    Attributes:
        controllers: ``("cpu", "cpuacct")``, ``("name=systemd",)``; empty for the unified hierarchy (v2).
        mount_point: where it is mounted on the host.
        path: the cgroup below the mount point, with a leading slash.
        directory: ``mount_point`` and ``path`` joined.
    """

    controllers: tuple[str, ...]
    mount_point: str
    path: str
    directory: str


class Entrance:
    """Descriptors by which a child that is cloned now gets into a cgroup without anybody waiting.

    Moving another process makes the kernel wait for all processors, an RCU grace period of 8 to 13 ms on an idle
    machine. Being born in a cgroup of version 2 does not, nor does moving oneself in version 1: clone3(2), cgroups(7).

    Attributes:
        clone_into: for CLONE_INTO_CGROUP, -1 for none.
    """

    def __init__(self) -> None:
        self.clone_into = -1
        self._files: list[tuple[str, int]] = []

    def add_directory(self, path: str) -> None:
        """Open the cgroup of version 2 to be born in; raises OSError."""
        self.clone_into = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def add_tasks_file(self, path: str) -> None:
        """Open the ``tasks`` file of a cgroup of version 1; raises OSError."""
        self._files.append((path, os.open(path, os.O_WRONLY | os.O_CLOEXEC)))

    def enter(self) -> None:
        """Move the calling thread, the child's only one, into the cgroups that it was not born in; closes its copies.

        The object is left as it is: the child may share it with its parent.

        Raises:
            FileError: the kernel refused.
        """
        for path, fd in self._files:
            try:
                os.write(fd, b"0")
            except OSError as error:
                from libcgroups import errors

                raise errors.from_os_error("write", path, error, "0") from error
        self._close_descriptors()

    def close(self) -> None:
        """Close this process's descriptors; harmless when repeated."""
        self._close_descriptors()
        self._files, self.clone_into = [], -1

    def _close_descriptors(self) -> None:
        for _, fd in self._files:
            os.close(fd)
        if self.clone_into >= 0:
            os.close(self.clone_into)


class OomEvents(Protocol):
    """A source of out-of-memory events; ``fileno`` becomes readable when one happened."""

    def fileno(self) -> int:
        """Return the descriptor to poll for reading."""

    def read(self) -> int:
        """Consume what is readable and return how many OOM events it stands for.

        0 means something else happened, for instance a process ended; ``ended`` tells whether the cgroup is gone.
        """

    @property
    def ended(self) -> bool:
        """True when no more events can come: the cgroup was removed or holds no process any more."""

    def close(self) -> None:
        """Release the descriptors."""


class CgroupManager(Protocol):
    """One container's place in the hierarchies, and everything that can be done to it.

    Constructing a manager reads (mount table, own cgroup) and never writes. Every method raises CgroupError.
    """

    @property
    def kind(self) -> Kind:
        """Name the implementation."""

    def state(self) -> dict[str, object]:
        """Return what restore_cgroup_manager needs to give back an equal manager; JSON-able, without side effect."""

    def hierarchies(self) -> tuple[Hierarchy, ...]:
        """List the hierarchies the container is a member of, in the order in which they are joined."""

    def create(self, resources: LinuxResources | None = None) -> None:
        """Make the cgroup, and what is missing of its parents.

        Args:
            resources: what is going to be applied, for managers that must know it now (systemd); None is always fine.

        Raises:
            CgroupError: the cgroup exists and is frozen or holds processes, or it may not be made.
        """

    def open_entrance(self) -> Entrance | None:
        """Open what a child needs to enter by itself; the caller closes. None: use add_task."""

    def add_task(self, pid: int) -> None:
        """Move a process, with all its threads, into the cgroup."""

    def apply(self, controller_opt: ControllerOpt) -> None:
        """Write what is asked, each file at most once, nothing else; stops at the first failure."""

    def update(self, resources: LinuxResources) -> None:
        """Change limits of a running container; on failure the old ones are written back. Devices are left alone."""

    def freeze(self, state: FreezerStateName) -> None:
        """Freeze or thaw all processes and wait until that is done; UNDEFINED changes nothing."""

    def is_frozen(self) -> bool:
        """Tell whether the cgroup is frozen (or about to be); False when it does not exist."""

    def get_all_pids(self) -> list[int]:
        """List the processes in the cgroup and in those below it; empty when it does not exist."""

    def exists(self) -> bool:
        """Tell whether the cgroup exists in any of its hierarchies."""

    def kill(self, signal: int) -> None:
        """Send a signal to every process, new ones included; SIGKILL reaches frozen ones too."""

    def stats(self) -> Stats:
        """Read usage and limits; controllers that are not there are left at their empty value."""

    def oom_events(self) -> OomEvents:
        """Watch for processes killed, or stalled, because memory ran out."""

    def remove(self) -> None:
        """Remove the cgroup, all below it, and the parents that creating it made, if they are empty now.

        Kills nothing: waits, bounded, for processes that are about to end. Removing what is gone is fine.

        Raises:
            CgroupError: processes remain; they are named.
        """


def create_cgroup_manager(config: CgroupConfig, mounts: Mounts | None = None) -> CgroupManager:
    """Choose the manager that fits the configuration and this machine; reads, never writes.

    Args:
        config: which cgroup, which driver.
        mounts: the hierarchies; None reads them from /proc/self/mountinfo.

    Raises:
        CgroupError: no hierarchy is mounted, or the path cannot be used.
    """
    if config.disabled:
        from libcgroups import disabled

        return disabled.Manager(config)
    from libcgroups import detect

    if mounts is None:
        mounts = detect.read_mounts()
    if config.systemd_cgroup:
        from libcgroups.systemd.manager import Manager as SystemdManager

        return SystemdManager(config, mounts)
    if mounts.setup == detect.CgroupSetup.UNIFIED:
        from libcgroups.v2.manager import Manager as V2Manager

        return V2Manager(config, mounts)
    from libcgroups.v1.manager import Manager as V1Manager

    return V1Manager(config, mounts)


def create_cgroup_manager_with_root(root: str | None, config: CgroupConfig) -> CgroupManager:
    """Choose a manager as create_cgroup_manager does, for hierarchies mounted at or below ``root``."""
    from libcgroups import detect

    return create_cgroup_manager(config, None if root is None else detect.read_mounts(root=root))


def restore_cgroup_manager(state: State) -> CgroupManager:
    """Give back the manager whose ``state()`` was saved; reads nothing.

    Raises:
        CgroupError: the state is not one that a manager wrote.
    """
    kind = state.get("kind") if isinstance(state, dict) else None
    if kind == "v1":
        from libcgroups.v1.manager import Manager as V1Manager

        return V1Manager.restore(state)
    if kind == "v2":
        from libcgroups.v2.manager import Manager as V2Manager

        return V2Manager.restore(state)
    if kind == "systemd":
        from libcgroups.systemd.manager import Manager as SystemdManager

        return SystemdManager.restore(state)
    if kind == "disabled":
        from libcgroups import disabled

        return disabled.Manager.restore(state)
    from libcgroups import errors

    raise errors.StateError(f"restore cgroup manager: unknown kind {kind!r}")
