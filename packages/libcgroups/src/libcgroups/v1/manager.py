"""The manager of cgroup v1 and of hybrid machines: one directory per hierarchy, limits through the controllers' files.

On a hybrid machine the container is a member of the unified hierarchy too, without limits there; it serves to kill.

Which directories are removed: the container's own in each hierarchy with all below it, and those parents that did not
exist when the manager was made, as far as they are empty by then. A parent that others use stays, as does every parent
that was there before: it is its maker's.
"""

from __future__ import annotations

import os

from libcgroups import files
from libcgroups.manager import Entrance, Hierarchy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libcgroups.detect import Mount, Mounts
    from libcgroups.manager import CgroupConfig, ControllerOpt, FreezerStateName, Kind, OomEvents, State
    from libcgroups.resources import LinuxResources
    from libcgroups.stats import Stats
    from libcgroups.v1.controllers import Controller, Write

_SIGKILL = 9

# EPERM, EACCES, EROFS: what someone without permission is told.
_NOT_PERMITTED = (1, 13, 30)

# ENOENT, ENODEV: the parent was, or is being, removed.
_VANISHED = (2, 19)

# Where to look for the container's processes; the freezer first: while it is frozen the list cannot change.
_LISTS_PROCESSES = ("freezer", "pids", "devices", "memory")


class Manager:
    """A CgroupManager over version 1 hierarchies."""

    kind: Kind = "v1"

    def __init__(self, config: CgroupConfig, mounts: Mounts) -> None:
        """Work out the places; reads which directories exist, makes none.

        Raises:
            PathError: the path leaves the hierarchy, or is its root.
        """
        self._rootless = config.rootless
        self._has_path = bool(config.cgroup_path)
        self._hierarchies = _place(config, mounts)
        # How many parents are missing now, per hierarchy: these will be ours to remove.
        self._missing_parents = tuple(
            len(files.missing_directories(_parent(each.directory), each.mount_point)) for each in self._hierarchies
        )
        self._unavailable: tuple[str, ...] = ()
        self._is_refused = False
        # The lists that ``create`` wrote already, by file name.
        self._cpuset_written: dict[str, str] = {}

    @classmethod
    def restore(cls, state: State) -> Manager:
        """Give back the manager whose ``state()`` was saved.

        Raises:
            StateError: the state is not one of this manager.
        """
        manager = cls.__new__(cls)
        try:
            manager._restore(state)
        except (LookupError, TypeError, ValueError) as error:
            from libcgroups import errors

            raise errors.StateError(f"restore cgroup manager v1: malformed state: {error!r}") from error
        return manager

    def _restore(self, state: State) -> None:
        rows = state["hierarchies"]
        if not isinstance(rows, list):
            raise TypeError("hierarchies is no list")
        self._rootless = bool(state["rootless"])
        self._has_path = bool(state["has_path"])
        self._hierarchies = tuple(_hierarchy(tuple(row[0]), str(row[1]), str(row[2])) for row in rows)
        self._missing_parents = tuple(int(row[3]) for row in rows)
        self._unavailable = ()
        self._is_refused = False
        self._cpuset_written = {}

    def state(self) -> dict[str, object]:
        """Return what restore needs; see CgroupManager."""
        return {
            "kind": self.kind,
            "rootless": self._rootless,
            "has_path": self._has_path,
            "hierarchies": [
                [list(each.controllers), each.mount_point, each.path, missing]
                for each, missing in zip(self._hierarchies, self._missing_parents, strict=True)
            ],
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Manager) and self.state() == other.state()

    def __hash__(self) -> int:
        return hash(self._hierarchies)

    def hierarchies(self) -> tuple[Hierarchy, ...]:
        """List the hierarchies in the order in which they are joined."""
        return self._hierarchies

    # Making and joining.

    def create(self, resources: LinuxResources | None = None) -> None:
        """Make the directories; processors and memory nodes are taken over from the parent where none are asked for.

        Raises:
            NotEmptyError: there are processes in one of them; ``kill`` and ``remove`` then leave it alone.
            FrozenError: it is there and frozen; likewise.
            DelegationError: a rootless user asked for a path and may not make it.
        """
        made: list[str] = []
        try:
            for each, missing in zip(self._hierarchies, self._missing_parents, strict=True):
                self._create_in(each, missing, made, resources)
        except Exception as error:
            _undo(made, error)
            raise
        if self._unavailable:
            self._leave_out_unavailable()

    def _create_in(self, each: Hierarchy, missing: int, made: list[str], resources: LinuxResources | None) -> None:
        try:
            is_new = _make(each, missing, made)
        except Exception as error:
            if not self._rootless or getattr(error, "errno", None) not in _NOT_PERMITTED:
                raise
            if self._has_path:
                raise _not_delegated() from error
            self._unavailable += each.controllers or ("",)
            return
        if not is_new:
            self._refuse_if_in_use(each)
        if "cpuset" in each.controllers:
            from libcgroups.v1 import cpuset

            asked = {} if resources is None else {w.file: w.text for w in cpuset.CpuSet.plan(resources, each.directory)}
            cpuset.inherit(each.directory, each.mount_point, asked)
            self._cpuset_written = asked

    def _refuse_if_in_use(self, each: Hierarchy) -> None:
        pids = files.get_all_pids(each.directory)
        if pids:
            from libcgroups import errors

            self._is_refused = True
            raise errors.NotEmptyError(pids, path=each.directory)
        if "freezer" in each.controllers and self.is_frozen():
            from libcgroups import errors

            self._is_refused = True
            raise errors.FrozenError(
                "container's cgroup unexpectedly frozen",
                path=each.directory,
                hint=f"echo THAWED > {each.directory}/freezer.state",
                controller="freezer",
            )

    def _leave_out_unavailable(self) -> None:
        available = [
            (each, missing)
            for each, missing in zip(self._hierarchies, self._missing_parents, strict=True)
            if (each.controllers or ("",))[0] not in self._unavailable
        ]
        self._hierarchies = tuple(each for each, _ in available)
        self._missing_parents = tuple(missing for _, missing in available)

    def open_entrance(self) -> Entrance | None:
        """Open the ``tasks`` files, and the directory of the unified hierarchy if there is one."""
        entrance = Entrance()
        path = ""
        try:
            for each in self._hierarchies:
                if each.controllers:
                    path = f"{each.directory}/tasks"
                    entrance.add_tasks_file(path)
                else:
                    path = each.directory
                    entrance.add_directory(path)
        except OSError as error:
            entrance.close()
            from libcgroups import errors

            raise errors.from_os_error("open", path, error) from error
        return entrance

    def add_task(self, pid: int) -> None:
        """Move a process into each hierarchy."""
        for each in self._hierarchies:
            files.write_cgroup_file(f"{each.directory}/cgroup.procs", pid)

    # Limits.

    def apply(self, controller_opt: ControllerOpt) -> None:
        """Write what is asked for, nothing else; stops at the first failure.

        Raises:
            ResourceError: a limit is invalid, or cgroup v1 does not have it.
            NotMountedError: the controller of a limit is not there.
            DelegationError: a rootless user asked for limits and has no permission.
            FileError: the kernel refused a value.
        """
        for controller, directory in self._controllers(controller_opt):
            if controller.name == "cpuset" and self._cpuset_written and controller_opt.resources is not None:
                plan = controller.plan(controller_opt.resources, directory)
                controller.write(
                    [write for write in plan if self._cpuset_written.get(write.file) != write.text], directory
                )
            else:
                controller.apply(controller_opt, directory)
        self._cpuset_written = {}
        if controller_opt.freezer_state is not None:
            self.freeze(controller_opt.freezer_state)

    def update(self, resources: LinuxResources) -> None:
        """Change limits; on failure the old ones are written back. Devices are left alone.

        Raises:
            CgroupError: as apply; what could not be written back is told in its notes.
        """
        from libcgroups.manager import ControllerOpt
        from libcgroups.v1 import rollback

        resources = resources.replace(devices=())
        plans: list[tuple[type[Controller], str, list[Write]]] = [
            (controller, directory, controller.plan(resources, directory))
            for controller, directory in self._controllers(ControllerOpt(resources=resources))
        ]
        rollback.write_all_or_none(plans)

    def _controllers(self, controller_opt: ControllerOpt) -> list[tuple[type[Controller], str]]:
        """Pair the controllers of which something is asked with their directories."""
        from libcgroups.v1 import controllers

        if controller_opt.resources is not None and controller_opt.resources.unified:
            from libcgroups import errors

            raise errors.ResourceError(
                "linux.resources.unified: needs cgroup v2, this machine has v1",
                hint="boot with systemd.unified_cgroup_hierarchy=1, or use memory, cpu, … instead",
            )
        found = []
        for controller in controllers.needed(controller_opt):
            directory = self._directory(controller.name)
            if directory is not None:
                found.append((controller, directory))
            elif not (self._rootless and controller.name == "devices"):
                # A user who cannot make device files has nothing to be kept from.
                raise self._missing(controller.name)
        return found

    def _missing(self, controller: str) -> Exception:
        from libcgroups import errors

        if controller in self._unavailable or (self._rootless and not self._hierarchies):
            return _not_delegated()
        hint = f"mount -t cgroup -o {controller} cgroup /sys/fs/cgroup/{controller}, or remove the limit"
        unified = next((each.mount_point for each in self._hierarchies if not each.controllers), None)
        text = None if unified is None else files.read_optional_cgroup_file(f"{unified}/cgroup.controllers")
        if controller in (text or "").split():
            hint = "it belongs to the unified hierarchy here, which has no limits on a hybrid machine; remove the limit"
        return errors.NotMountedError(
            f"set {controller} limit: the controller is not mounted as a cgroup v1 hierarchy",
            hint=hint,
            controller=controller,
        )

    def _directory(self, controller: str) -> str | None:
        for each in self._hierarchies:
            if controller in each.controllers or (not controller and not each.controllers):
                return each.directory
        return None

    # Processes.

    def freeze(self, state: FreezerStateName) -> None:
        """Freeze or thaw all processes.

        Raises:
            NotMountedError: there is no freezer.
            FrozenError: they do not stop in time; they are thawed again.
        """
        from libcgroups.v1 import freezer

        directory = self._directory("freezer")
        if directory is None:
            raise self._missing("freezer")
        freezer.Freezer.freeze(directory, state)

    def is_frozen(self) -> bool:
        """Tell whether the cgroup is frozen or about to be."""
        directory = self._directory("freezer")
        text = None if directory is None else files.read_optional_cgroup_file(f"{directory}/freezer.state")
        return text is not None and text.strip() != "THAWED"

    def get_all_pids(self) -> list[int]:
        """List the processes, those of cgroups below included."""
        for controller in _LISTS_PROCESSES:
            directory = self._directory(controller)
            if directory is not None:
                return files.get_all_pids(directory)
        return files.get_all_pids(self._hierarchies[0].directory) if self._hierarchies else []

    def exists(self) -> bool:
        """Tell whether any of the directories is there."""
        return any(os.path.isdir(each.directory) for each in self._hierarchies)

    def kill(self, signal: int) -> None:
        """Signal every process; see CgroupManager.

        SIGKILL goes through cgroup.kill of the unified hierarchy if there is one, which no fork bomb outruns. Otherwise
        the processes are frozen, so that they cannot fork, signalled, and thawed.
        """
        if self._is_refused:
            return
        unified = self._directory("")
        if signal == _SIGKILL and unified is not None and _kill_at_once(unified):
            # Listed by v1 but not in the unified cgroup: moved out by someone. Frozen ones die when thawed.
            pids = self.get_all_pids()
            if set(pids) <= set(files.get_all_pids(unified)):
                if self.is_frozen():
                    self.freeze("THAWED")
                return
        from libcgroups import signalling

        has_frozen = self._try_to_freeze()
        try:
            signalling.send_to_all(self.get_all_pids, signal)
        finally:
            if has_frozen or (signal == _SIGKILL and self.is_frozen()):
                self.freeze("THAWED")

    def _try_to_freeze(self) -> bool:
        """Freeze unless frozen already, or impossible: then signalling alone must do."""
        from libcgroups import errors

        if self._directory("freezer") is None or self.is_frozen():
            return False
        try:
            self.freeze("FROZEN")
        except errors.CgroupError:
            return False
        return True

    def stats(self) -> Stats:
        """Read usage and limits of every controller that is there."""
        from libcgroups.v1 import reading

        return reading.read_stats(self._directory)

    def oom_events(self) -> OomEvents:
        """Watch memory.oom_control.

        Raises:
            NotMountedError: there is no memory controller.
        """
        from libcgroups.v1 import oom

        directory = self._directory("memory")
        if directory is None:
            raise self._missing("memory")
        return oom.OomNotifications(directory)

    def remove(self) -> None:
        """Remove the directories; see CgroupManager, and the module about parents."""
        if self._is_refused:
            return
        from libcgroups import errors, removal

        failures: list[errors.CgroupError] = []
        for each, missing in zip(self._hierarchies, self._missing_parents, strict=True):
            try:
                removal.remove_tree(each.directory)
            except errors.CgroupError as error:
                failures.append(error)
                continue
            removal.remove_empty(_parents(each.directory, missing))
        if failures:
            for other in failures[1:]:
                failures[0].add_note(str(other))
            raise failures[0]


def _place(config: CgroupConfig, mounts: Mounts) -> tuple[Hierarchy, ...]:
    """Find the cgroup's path in each hierarchy."""
    from libcgroups import detect

    asked = config.cgroup_path or config.container_name
    below = files.join_safely("", asked)
    if below == "/":
        from libcgroups import errors

        raise errors.PathError(
            f"cgroup path {asked!r}: is the root of the hierarchy, whose processes are not the container's", path=asked
        )
    own_paths = {} if asked.startswith("/") else mounts.own_paths()
    all_mounts: Sequence[Mount] = mounts.v1 if mounts.v2 is None else (*mounts.v1, mounts.v2)
    placed = []
    for mount in all_mounts:
        own = detect.below_mount(mount, own_paths.get((mount.controllers or ("",))[0], "/"))
        path = below if own == "/" else own + below
        placed.append(_hierarchy(mount.controllers, mount.mount_point, path))
    return tuple(placed)


def _hierarchy(controllers: tuple[str, ...], mount_point: str, path: str) -> Hierarchy:
    return Hierarchy(controllers, mount_point, path, files.join_safely(mount_point, path))


def _make(each: Hierarchy, missing: int, made: list[str]) -> bool:
    """Make the cgroup and its missing parents; True if the cgroup itself is new.

    A parent may vanish in between, when the last container in it goes away: then it is made again.
    """
    wanted = [each.directory, *_parents(each.directory, missing)]
    while True:
        try:
            # One by one into the list: when the second fails, the first is there.
            made.extend(directory for directory in reversed(wanted) if files.make_directory(directory))
        except Exception as error:
            if getattr(error, "errno", None) not in _VANISHED or not os.path.isdir(each.mount_point):
                raise
            wanted = [each.directory, *files.missing_directories(_parent(each.directory), each.mount_point)]
        else:
            return made[-1:] == [each.directory]


def _undo(made: list[str], error: Exception) -> None:
    """Remove what was made before an error; what resists is told in the notes of the error."""
    for directory in reversed(made):
        try:
            files.remove_directory(directory)
        except OSError as failure:
            error.add_note(f"not removed: {failure}")


def _parent(directory: str) -> str:
    return directory.rpartition("/")[0]


def _parents(directory: str, count: int) -> list[str]:
    """List the next ``count`` directories above, the nearest first."""
    found = []
    for _ in range(count):
        directory = _parent(directory)
        found.append(directory)
    return found


def _kill_at_once(unified: str) -> bool:
    """Kill all at once; False if this kernel (before 5.14) cannot, or the cgroup is not there."""
    if not os.path.exists(f"{unified}/cgroup.kill"):
        return False
    files.write_cgroup_file(f"{unified}/cgroup.kill", 1)
    return True


def _not_delegated() -> Exception:
    from libcgroups import errors

    return errors.DelegationError(
        "rootless needs no limits + no cgrouppath when no permission is granted for cgroups",
        hint="remove linux.cgroupsPath and the limits, or boot with cgroup v2 and use a delegated cgroup",
    )
