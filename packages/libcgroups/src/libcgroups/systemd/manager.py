"""The systemd manager: a transient unit that systemd makes and removes, all else through the v1 or v2 manager.

systemd owns the tree of cgroups on its machines (systemd.io/CGROUP_DELEGATION). A scope with ``Delegate=yes`` is the
part of it that is left to us: inside we write the limits that systemd has no property for, freeze, kill and count.

A scope cannot exist without a process, so ``create`` only prepares and the first ``add_task`` starts the unit.
"""

from __future__ import annotations

import time

from libcgroups import errors, files
from libcgroups.systemd import names, properties
from libcgroups.systemd.dbus_native.errors import DbusError, MethodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from libcgroups.detect import Mounts
    from libcgroups.manager import (
        CgroupConfig,
        CgroupManager,
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
    from libcgroups.systemd.client import SystemdClient
    from libcgroups.v2.manager import Manager as V2Manager

#: How long a process may take to appear in the cgroup of its unit after systemd says that the unit runs.
PROCESS_IN_CGROUP_TIMEOUT_S = 5.0

#: How long ``remove`` waits for processes to end before it says that they remain.
REMOVE_TIMEOUT_S = 5.0

# What systemd writes by a scale of its own: quotas in hundredths, weights for BFQ, which then forgets those of devices.
_EXACT = ("cpu.max", "io.bfq.weight")

# EPERM, EACCES; EBUSY.
_NOT_PERMITTED = (1, 13)
_EBUSY = 16


class Manager:
    """A CgroupManager over transient units."""

    kind: Kind = "systemd"

    def __init__(
        self, config: CgroupConfig, mounts: Mounts, connect: Callable[[], SystemdClient] | None = None
    ) -> None:
        """Work out unit and place; asks systemd where its units are, changes nothing.

        Args:
            config: ``cgroup_path`` is ``slice:prefix:name``; ``rootless`` means the manager of the user's session.
            mounts: the hierarchies.
            connect: gives a connection to systemd, of which there is one for each operation; None is the default way.

        Raises:
            CgroupsPathError: the path has another form.
            ResourceError: an annotation asks for a property that it may not set.
            DelegationError: rootless on cgroup v1.
            DbusError: systemd cannot be reached.
        """
        self._is_user = config.rootless
        if self._is_user and mounts.v1:
            raise errors.DelegationError(
                "systemd cgroup manager: the systemd of a user delegates cgroups on pure cgroup v2 only",
                hint="boot with systemd.unified_cgroup_hierarchy=1, or use the cgroupfs driver without limits",
            )
        default_slice = "user.slice" if self._is_user else "system.slice"
        self.unit, self.slice = names.parse_cgroups_path(config.cgroup_path, config.container_name, default_slice)
        self._annotated = properties.from_annotations(config.annotations)
        self._connect = connect or self._connect_natively
        is_slice = self.unit.endswith(".slice")
        path = names.expand_slice(self.unit) if is_slice else f"{names.expand_slice(self.slice)}/{self.unit}"
        with self._connect() as systemd:
            path = systemd.control_group() + path
        self._v2: V2Manager | None = None
        self._inner: CgroupManager
        if mounts.v1:
            from libcgroups.v1.manager import Manager as V1Manager

            self._inner = V1Manager(config.replace(cgroup_path=path, systemd_cgroup=False), mounts)
        else:
            from libcgroups.v2.manager import Manager as V2Manager

            mount_point = mounts.v2.mount_point if mounts.v2 is not None else ""
            self._inner = self._v2 = V2Manager.at(mount_point, path, owner_uid=config.owner_uid)
        self._known_resources: LinuxResources | None = None
        self._is_started = False
        # The unit was found in use by others, so it is not ours to kill or remove.
        self._is_refused = False

    @classmethod
    def restore(cls, state: State) -> Manager:
        """Give back the manager whose ``state()`` was saved; does not connect to systemd.

        Raises:
            StateError: the state is not one of this manager.
        """
        unit, slice_name, inner = state.get("unit"), state.get("slice"), state.get("inner")
        if not (isinstance(unit, str) and isinstance(slice_name, str) and isinstance(inner, dict)):
            raise errors.StateError(f"restore systemd cgroup manager: not a saved state: {state!r}")
        manager = cls.__new__(cls)
        manager.unit, manager.slice = unit, slice_name
        manager._is_user = state.get("user") is True
        manager._annotated = []
        manager._connect = manager._connect_natively
        manager._v2 = None
        if inner.get("kind") == "v1":
            from libcgroups.v1.manager import Manager as V1Manager

            manager._inner = V1Manager.restore(inner)
        else:
            from libcgroups.v2.manager import Manager as V2Manager

            manager._inner = manager._v2 = V2Manager.restore(inner)
        manager._known_resources = None
        manager._is_started = True  # by whoever saved the state
        manager._is_refused = False
        return manager

    def state(self) -> dict[str, object]:
        """Return what restore needs."""
        return {
            "kind": self.kind,
            "unit": self.unit,
            "slice": self.slice,
            "user": self._is_user,
            "inner": self._inner.state(),
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Manager) and self.state() == other.state()

    def __hash__(self) -> int:
        return hash((self.unit, self._is_user))

    def _connect_natively(self) -> SystemdClient:
        from libcgroups.systemd.dbus_native.proxy import Proxy

        return Proxy.new_session() if self._is_user else Proxy.new_system()

    def hierarchies(self) -> tuple[Hierarchy, ...]:
        """List the hierarchies the unit is in."""
        return self._inner.hierarchies()

    def create(self, resources: LinuxResources | None = None) -> None:
        """Check that the place is free, and remember the resources: they are properties of the unit as it starts.

        On v1 the hierarchies that systemd does not manage get their directories now. A slice is started now, too.

        Raises:
            NotEmptyError: the cgroup holds processes; ``kill`` and ``remove`` then leave it alone.
            ResourceError: a limit is invalid.
            DbusError: systemd refused.
        """
        self._known_resources = resources
        is_slice = self.unit.endswith(".slice")
        pids = self._inner.get_all_pids()
        if pids and not is_slice:
            self._is_refused = True
            raise errors.NotEmptyError(pids, path=self._inner.hierarchies()[0].directory)
        if self._v2 is None:
            self._inner.create(resources)
        if is_slice:
            self._start_unit([])

    def open_entrance(self) -> Entrance | None:
        """Open the cgroup of a unit that runs; None before it has its first process: until then there is no cgroup."""
        return self._inner.open_entrance() if self._is_started else None

    def add_task(self, pid: int) -> None:
        """Start the unit with the process as its first, or move the process into the unit that runs.

        Raises:
            DbusError: systemd refused, or the unit did not start.
            CgroupError: the process is not where it belongs.
        """
        if not self._is_started:
            self._start_unit([pid])
            if self._v2 is not None:
                self._wait_for(pid, self._v2)
                self._v2.take_over()
                return
        try:
            self._inner.add_task(pid)
        except errors.FileError as error:
            # Out of a session that is not ours to write, only systemd can move a process.
            if error.errno not in _NOT_PERMITTED or self._v2 is None:
                raise
            with self._connect() as systemd:
                systemd.attach_processes(self.unit, "", [pid])
            self._wait_for(pid, self._v2)

    def _start_unit(self, pids: Sequence[int]) -> None:
        with self._connect() as systemd:
            wanted = self._unit_properties(pids, systemd)
            try:
                systemd.start_transient_unit(self.unit, wanted)
            except MethodError as error:
                if not error.name.endswith(".UnitExists"):
                    raise
                if not self.unit.endswith(".slice"):
                    self._start_again(systemd, wanted)
        self._is_started = True

    def _unit_properties(self, pids: Sequence[int], systemd: SystemdClient) -> properties.Properties:
        is_unified = self._v2 is not None
        description = f"container {self.unit.rpartition('.')[0]}"
        wanted = properties.unit_properties(self.unit, self.slice, description, pids, is_unified=is_unified)
        resources = self._known_resources
        if resources is not None:
            version = systemd.systemd_version()
            wanted += properties.from_resources(resources, version, is_unified=is_unified)
            wanted += properties.oom_policy(resources.unified, version)
            if resources.devices and not is_unified:
                wanted += properties.from_devices(resources.devices)
        # Last: who wrote the annotations wants to overrule.
        return wanted + self._annotated

    def _start_again(self, systemd: SystemdClient, wanted: properties.Properties) -> None:
        """Start a unit whose name is taken, maybe only by the memory of one that failed."""
        systemd.reset_failed_unit(self.unit)
        try:
            systemd.start_transient_unit(self.unit, wanted)
        except MethodError as error:
            self._is_refused = True
            error.hint = f"a unit of this name runs: choose another cgroupsPath, or systemctl stop {self.unit}"
            raise

    @staticmethod
    def _wait_for(pid: int, inner: V2Manager) -> None:
        """Wait until a process is in its cgroup, which systemd says it is."""
        deadline = time.monotonic() + PROCESS_IN_CGROUP_TIMEOUT_S
        pause_s = 0.001
        while pid not in inner.get_all_pids():
            left = deadline - time.monotonic()
            if left <= 0:
                actual = files.read_optional_cgroup_file(f"/proc/{pid}/cgroup")
                where = "it has ended" if actual is None else f"it is in {actual.strip()}"
                raise errors.CgroupError(
                    f"move process {pid} to cgroup {inner.directory}: {where}",
                    path=inner.directory,
                )
            time.sleep(min(pause_s, left))
            pause_s *= 2

    def apply(self, controller_opt: ControllerOpt) -> None:
        """Write limits: as properties, unless the unit was started with them, and into the cgroup's files.

        Raises:
            CgroupError: as the v1 and v2 managers, and DbusError.
        """
        resources = controller_opt.resources
        if resources is not None and resources != self._known_resources:
            with self._connect() as systemd:
                self._set_properties(systemd, self._limits(systemd, resources))
        self._inner.apply(controller_opt)

    def _limits(self, systemd: SystemdClient, resources: LinuxResources) -> properties.Properties:
        return properties.from_resources(resources, systemd.systemd_version(), is_unified=self._v2 is not None)

    def _set_properties(self, systemd: SystemdClient, wanted: properties.Properties) -> None:
        """Set properties, and give the cgroup its exact limits back: with every change systemd writes rounded ones."""
        if not wanted:
            return
        paths = [f"{self._v2.directory}/{name}" for name in _EXACT] if self._v2 is not None else []
        exact = {path: files.read_optional_cgroup_file(path) for path in paths}
        systemd.set_unit_properties(self.unit, wanted)
        for path, text in exact.items():
            if text is not None and text != files.read_optional_cgroup_file(path):
                for line in text.splitlines():
                    files.write_cgroup_file(path, line)

    def update(self, resources: LinuxResources) -> None:
        """Change limits but for devices; when one is refused, files and properties are set back.

        Raises:
            CgroupError: as the v1 and v2 managers, and DbusError.
        """
        with self._connect() as systemd:
            wanted = self._limits(systemd, resources)
            present = systemd.unit_properties(self.unit) if wanted else {}
            old = [(name, present[name]) for name, _ in wanted if name in present]
            try:
                if self._v2 is not None:
                    # systemd rounds; so it goes first, and the v2 manager has read the old limits before.
                    self._v2.update(resources, before=lambda: self._set_properties(systemd, wanted))
                else:
                    self._set_properties(systemd, wanted)
                    self._inner.update(resources)
            except errors.CgroupError as error:
                self._set_back(systemd, old, error)
                raise

    def _set_back(self, systemd: SystemdClient, old: properties.Properties, error: errors.CgroupError) -> None:
        try:
            self._set_properties(systemd, old)
        except DbusError as again:
            error.add_note(f"not restored: {again}")

    def freeze(self, state: FreezerStateName) -> None:
        """Freeze or thaw all processes and wait for it."""
        self._inner.freeze(state)

    def is_frozen(self) -> bool:
        """Tell whether the cgroup was asked to freeze."""
        return self._inner.is_frozen()

    def get_all_pids(self) -> list[int]:
        """List the processes in the unit."""
        return self._inner.get_all_pids()

    def exists(self) -> bool:
        """Tell whether the cgroup of the unit is there."""
        return self._inner.exists()

    def kill(self, signal: int) -> None:
        """Send a signal to every process."""
        if not self._is_refused:
            self._inner.kill(signal)

    def stats(self) -> Stats:
        """Read usage and limits."""
        return self._inner.stats()

    def oom_events(self) -> OomEvents:
        """Watch for processes killed because memory ran out."""
        return self._inner.oom_events()

    def remove(self) -> None:
        """Wait for the processes to end, stop the unit, let systemd forget it, and remove what is left of the cgroup.

        Raises:
            BusyError: processes remain.
            DbusError: systemd cannot be reached or refused, and the cgroup is still there.
        """
        if self._is_refused:
            return
        if self._is_started:
            self._wait_until_empty()
            try:
                with self._connect() as systemd:
                    systemd.stop_unit(self.unit)
                    systemd.reset_failed_unit(self.unit)
            except DbusError:
                if self._inner.exists():
                    raise
        if not self.unit.endswith(".slice") or self._v2 is None:
            self._inner.remove()

    def _wait_until_empty(self) -> None:
        """Stopping a unit would kill; only an empty one is stopped."""
        if self._v2 is None:
            return
        from libcgroups.v2 import freezer

        if not freezer.wait_for_event(self._v2.directory, "populated", "0", REMOVE_TIMEOUT_S):
            busy = OSError(_EBUSY, errors.describe_errno(_EBUSY))
            raise errors.BusyError(self._v2.directory, self.get_all_pids(), busy)
