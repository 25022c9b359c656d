"""The cgroup v2 manager: one directory in one hierarchy; cgroups(7) and the kernel's cgroup-v2.rst.

Limits are the business of the controllers (``libcgroups.v2.controllers``), switching them on that of
``libcgroups.v2.delegation``. Both are imported only to create or change a cgroup, not to look at or remove one.
"""

from __future__ import annotations

import os

from libcgroups import files
from libcgroups.v2.freezer import Freezer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from libcgroups.detect import Mounts
    from libcgroups.manager import (
        CgroupConfig,
        ControllerOpt,
        Entrance,
        FreezerStateName,
        Hierarchy,
        Kind,
        OomEvents,
        State,
    )
    from libcgroups.resources import LinuxResources
    from libcgroups.stats import Stats

#: Kills every process of the cgroup and below it, also those that are just being forked. Since Linux 5.14.
CGROUP_KILL = "cgroup.kill"

_SIGKILL = 9
_ENOENT = 2
_ENODEV = 19
# ENOENT, ENODEV: a file of a cgroup that is gone, or goes while it is written.
_GONE = (2, 19)
_EOPNOTSUPP = 95
# EPERM, EACCES, EROFS: what someone without permission is told.
_NOT_PERMITTED = (1, 13, 30)


class Manager:
    """A CgroupManager for cgroup v2."""

    kind: Kind = "v2"

    def __init__(self, config: CgroupConfig, mounts: Mounts) -> None:
        """Find the place of the cgroup; reads, never writes.

        A relative path, and a missing one, is placed beside the caller's own cgroup rather than below it: that one
        holds the caller, and a cgroup with processes cannot hand controllers down.

        Raises:
            NotMountedError: no cgroup v2 hierarchy is mounted.
            PathError: the path contains ``..``, or is the root of the hierarchy.
        """
        if mounts.v2 is None:
            from libcgroups import errors

            raise errors.NotMountedError("cgroup v2 manager: no cgroup2 file system is mounted")
        mount_point = mounts.v2.mount_point
        path = config.cgroup_path
        if not path.startswith("/"):
            from libcgroups import detect

            own = detect.below_mount(mounts.v2, mounts.own_paths().get("", "/"))
            # Seen from inside a cgroup namespace that we were moved out of, our own path begins with "/..".
            parent = "/" if own.startswith("/..") else own.rpartition("/")[0]
            path = f"{parent}/{path or config.container_name}"
        directory = files.join_safely(mount_point, path)
        if directory == mount_point:
            from libcgroups import errors

            raise errors.PathError(
                f"cgroup path {config.cgroup_path!r}: is the root of the hierarchy",
                path=mount_point,
                hint="a container needs a cgroup of its own; removing it would end every process of the machine",
            )
        self._place(
            mount_point,
            directory,
            optional=config.rootless and not config.cgroup_path,
            owner_uid=config.owner_uid,
            made=files.missing_directories(directory, mount_point),
        )

    def _place(
        self, mount_point: str, directory: str, *, optional: bool, owner_uid: int | None, made: Sequence[str]
    ) -> None:
        self.mount_point = mount_point
        self.directory = directory
        self._optional = optional
        self._owner_uid = owner_uid
        self._made = tuple(made)
        # The cgroup was found in use by others, so it is not ours to kill or remove.
        self._is_refused = False

    @classmethod
    def at(cls, mount_point: str, path: str, *, owner_uid: int | None = None) -> Manager:
        """Return the manager of a cgroup that somebody else, systemd for instance, makes and removes."""
        manager = cls.__new__(cls)
        directory = files.join_safely(mount_point, path)
        manager._place(mount_point, directory, optional=False, owner_uid=owner_uid, made=())
        return manager

    @classmethod
    def restore(cls, state: State) -> Manager:
        """Give back the manager whose ``state()`` was saved; reads nothing.

        Raises:
            StateError: something else was saved.
        """
        mount_point, path = state.get("mount_point"), state.get("path")
        owner_uid, made = state.get("owner_uid"), state.get("made")
        if (
            not isinstance(mount_point, str)
            or not isinstance(path, str)
            or not isinstance(owner_uid, int | None)
            or not isinstance(made, list | tuple)
            or not all(isinstance(above, str) and f"{path}/".startswith(f"{above}/") for above in made)
        ):
            from libcgroups import errors

            raise errors.StateError(f"restore cgroup v2 manager: not a saved state: {state!r}")
        manager = cls.at(mount_point, path, owner_uid=owner_uid)
        manager._optional = state.get("optional") is True
        manager._made = tuple(mount_point + above for above in made)
        return manager

    def state(self) -> dict[str, object]:
        """Return what ``restore`` needs, before and after ``create`` the same."""
        return {
            "kind": self.kind,
            "mount_point": self.mount_point,
            "path": self.path,
            "optional": self._optional,
            "owner_uid": self._owner_uid,
            "made": [directory[len(self.mount_point) :] for directory in self._made],
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Manager) and self.state() == other.state()

    def __hash__(self) -> int:
        return hash(self.directory)

    @property
    def path(self) -> str:
        """The cgroup below the mount point, with a leading slash."""
        return self.directory[len(self.mount_point) :]

    def hierarchies(self) -> tuple[Hierarchy, ...]:
        """Return the one hierarchy there is."""
        from libcgroups.manager import Hierarchy

        return (Hierarchy((), self.mount_point, self.path, self.directory),)

    def create(self, resources: LinuxResources | None = None) -> None:
        """Make the cgroup and what is missing of its parents, switch controllers on, and give it to its owner.

        Without permission, rootless, with neither path nor limits asked for, nothing is made: the container stays in
        the caller's cgroup. On failure what was made is removed.

        Args:
            resources: what is going to be applied; their controllers must be there.

        Raises:
            NotEmptyError: the cgroup was there and holds processes; ``kill`` and ``remove`` then leave it alone.
            FrozenError: the cgroup was there and is frozen; likewise.
            NotMountedError: the kernel does not have a controller.
            DelegationError: a controller, or the place itself, is not ours.
            FileError: the kernel refused.
        """
        from libcgroups import errors
        from libcgroups.v2 import controllers, delegation

        required = controllers.required(resources) if resources is not None else []
        try:
            is_new = self._make_directories()
        except errors.FileError as error:
            self._remove_made()
            if not self._optional or error.errno not in _NOT_PERMITTED:
                raise
            self._refuse_limits(required)
            return
        try:
            if not is_new:
                self._check_unused()
            delegation.repair_threaded(self.mount_point, self.directory, required)
            delegation.enable_controllers(self.mount_point, self.directory, required)
            self.take_over()
        except errors.CgroupError:
            self._remove_made()
            raise

    def take_over(self) -> None:
        """Give a cgroup that somebody else made to its owner; ``create`` does it for our own.

        Raises:
            FileError: the kernel refused.
        """
        if self._owner_uid is not None:
            from libcgroups.v2 import delegation

            delegation.give_away(self.directory, self._owner_uid)

    def _make_directories(self) -> bool:
        """Make the cgroup; True if it is new. A parent may vanish meanwhile, when the last container leaves it."""
        is_new = False
        while missing := files.missing_directories(self.directory, self.mount_point):
            try:
                for directory in reversed(missing):
                    is_new = files.make_directory(directory)
            except Exception as error:
                if getattr(error, "errno", None) != _ENOENT or not os.path.isdir(self.mount_point):
                    raise
        return is_new

    def _check_unused(self) -> None:
        from libcgroups import errors

        if self.is_frozen():
            self._is_refused = True
            raise errors.FrozenError(
                f"create cgroup {self.directory}: it exists and is frozen",
                path=self.directory,
                hint="thaw it by writing 0 to its cgroup.freeze, or choose another cgroupsPath",
            )
        pids = self.get_all_pids()
        if pids:
            self._is_refused = True
            raise errors.NotEmptyError(pids, path=self.directory)

    def _remove_made(self) -> None:
        """Remove the directories that were missing, if nobody uses them; the cgroup itself first."""
        from libcgroups import removal

        removal.remove_empty(list(self._made))

    def _is_unmanaged(self) -> bool:
        return self._optional and not self.exists()

    def _refuse_limits(self, required: Sequence[str]) -> None:
        """Complain about limits of a container that has no cgroup of its own."""
        if required:
            from libcgroups import errors

            raise errors.DelegationError(
                f"cgroup {self.directory}: cannot be made, and limits need controller {', '.join(required)}",
                path=self.directory,
                hint="run in a systemd user session (systemd-run --user --scope -p Delegate=yes …), or without limits",
                controller=required[0],
            )

    def open_entrance(self) -> Entrance | None:
        """Open the cgroup to be born in; None where the kernel would refuse: threaded, or no cgroup."""
        if self._is_unmanaged():
            return None
        from libcgroups.v2 import delegation

        if delegation.read_type(self.directory) not in ("domain", "domain threaded"):
            return None
        from libcgroups.manager import Entrance

        entrance = Entrance()
        try:
            entrance.add_directory(self.directory)
        except OSError as error:
            from libcgroups import errors

            raise errors.from_os_error("open", self.directory, error) from error
        return entrance

    def add_task(self, pid: int) -> None:
        """Move a process into the cgroup; into a threaded one, the thread whose id it is.

        Raises:
            FileError: the kernel refused; EBUSY if the cgroup hands controllers down to others.
        """
        if self._is_unmanaged():
            return
        try:
            files.write_cgroup_file(f"{self.directory}/cgroup.procs", pid)
        except Exception as error:
            if getattr(error, "errno", None) != _EOPNOTSUPP:
                raise
            files.write_cgroup_file(f"{self.directory}/cgroup.threads", pid)

    def apply(self, controller_opt: ControllerOpt) -> None:
        """Switch on the controllers that are needed, write limits, then device rules, then freeze or thaw.

        ``disable_oom_killer`` and ``oom_score_adj`` have no file in v2.

        Raises:
            ResourceError: a limit is invalid.
            NotMountedError: the kernel does not have a controller.
            DelegationError: a controller is not delegated to us.
            FileError: the kernel refused a value.
        """
        resources = controller_opt.resources
        if resources is not None:
            from libcgroups.v2 import controllers, delegation

            required = controllers.required(resources)
            if self._is_unmanaged():
                self._refuse_limits(required)
                return
            delegation.enable_controllers(self.mount_point, self.directory, required)
            controllers.carry_out(controllers.plan(resources, self.directory), self.directory)
            if resources.devices:
                from libcgroups.v2.devices import Devices

                Devices.apply(controller_opt, self.directory)
        if controller_opt.freezer_state is not None:
            self.freeze(controller_opt.freezer_state)

    def update(self, resources: LinuxResources, before: Callable[[], None] | None = None) -> None:
        """Change limits but for devices; when one is refused, those already changed are set back.

        Args:
            resources: the limits.
            before: called when the old limits were read and none is written yet.

        Raises:
            CgroupError: as apply, and what ``before`` raises.
        """
        from libcgroups import errors
        from libcgroups.v2 import controllers, delegation

        required = controllers.required(resources)
        if self._is_unmanaged():
            self._refuse_limits(required)
            return
        delegation.enable_controllers(self.mount_point, self.directory, required)
        writes = controllers.plan(resources, self.directory)
        old = controllers.inverse(writes, self.directory)
        try:
            if before is not None:
                before()
            controllers.carry_out(writes, self.directory)
        except errors.CgroupError as error:
            for write in old:
                try:
                    controllers.carry_out([write], self.directory)
                except errors.CgroupError as again:
                    if again.errno != _ENODEV:  # a device that is not there has no limits
                        error.add_note(f"not restored: {again}")
            raise

    def freeze(self, state: FreezerStateName) -> None:
        """Freeze or thaw all processes and wait for it.

        Raises:
            FrozenError: not done in time.
            FileError: the kernel refused.
        """
        if state != "UNDEFINED":
            Freezer.set_frozen(self.directory, state == "FROZEN")

    def is_frozen(self) -> bool:
        """Tell whether the cgroup was asked to freeze."""
        return Freezer.is_frozen(self.directory)

    def get_all_pids(self) -> list[int]:
        """List the processes in the cgroup and below it."""
        pids = files.get_all_pids(self.directory)
        if not pids:
            # A threaded cgroup lists no processes, only threads; theirs are the processes.
            threads = files.read_optional_cgroup_file(f"{self.directory}/cgroup.threads") or ""
            pids = list(dict.fromkeys(process for thread in threads.split() if (process := _process_of(thread))))
        return pids

    def exists(self) -> bool:
        """Tell whether the cgroup is there."""
        return os.path.isdir(self.directory)

    def kill(self, signal: int) -> None:
        """Send a signal to every process.

        SIGKILL goes through cgroup.kill. For others, and before Linux 5.14, the cgroup is frozen meanwhile, so that no
        process is missed because it forks.

        Raises:
            CgroupError: the kernel refused.
        """
        if self._is_refused or not self.exists():
            return
        try:
            self._kill(signal)
        except Exception as error:
            # systemd may remove a scope at the moment when its last process ends.
            if getattr(error, "errno", None) not in _GONE or self.exists():
                raise

    def _kill(self, signal: int) -> None:
        if signal == _SIGKILL and os.path.exists(f"{self.directory}/{CGROUP_KILL}"):
            files.write_cgroup_file(f"{self.directory}/{CGROUP_KILL}", "1")
            return
        from libcgroups import signalling

        was_frozen = self.is_frozen()
        if not was_frozen:
            Freezer.request(self.directory, True)
        try:
            signalling.send_to_all(self.get_all_pids, signal)
        finally:
            if not was_frozen:
                Freezer.request(self.directory, False)

    def stats(self) -> Stats:
        """Read usage and limits; what no controller tells stays empty."""
        from libcgroups.stats import Stats
        from libcgroups.v2.cpu import Cpu
        from libcgroups.v2.cpuset import CpuSet
        from libcgroups.v2.hugetlb import HugeTlb
        from libcgroups.v2.io import Io
        from libcgroups.v2.memory import Memory
        from libcgroups.v2.pids import Pids
        from libcgroups.v2.rdma import Rdma

        return Stats(
            cpu=Cpu.stats(self.directory),
            memory=Memory.stats(self.directory),
            pids=Pids.stats(self.directory),
            blkio=Io.stats(self.directory),
            hugetlb=HugeTlb.stats(self.directory),
            rdma=Rdma.stats(self.directory),
            cpuset=CpuSet.stats(self.directory),
        )

    def oom_events(self) -> OomEvents:
        """Watch memory.events and cgroup.events.

        Raises:
            FileError: the memory controller is not there.
        """
        from libcgroups.v2.oom import MemoryEvents

        return MemoryEvents(self.directory)

    def remove(self) -> None:
        """Remove the cgroup, those below it, and the parents that were missing before, if nobody else uses them.

        Raises:
            BusyError: processes remain.
        """
        if self._is_refused:
            return
        from libcgroups import removal

        removal.remove_tree(self.directory)
        self._remove_made()


def _process_of(thread: str) -> int:
    """Return the id of the process that a thread belongs to, 0 if it has ended."""
    try:
        with open(f"/proc/{thread}/status", encoding="ascii", errors="replace") as status:
            return next((int(line[5:]) for line in status if line.startswith("Tgid:")), 0)
    except OSError:
        return 0
