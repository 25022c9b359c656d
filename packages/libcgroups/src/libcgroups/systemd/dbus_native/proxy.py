"""systemd's manager object, org.freedesktop.systemd1(5), over a connection; which units we want is not known here."""

from __future__ import annotations

import time

from libcgroups.systemd.dbus_native.errors import ConnectionFailedError, DbusError, MethodError
from libcgroups.systemd.dbus_native.serialize import Variant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from libcgroups.systemd.dbus_native.dbus import DbusConnection

    #: Name and value of a unit's properties.
    Properties = Sequence[tuple[str, Variant]]

DESTINATION = "org.freedesktop.systemd1"
OBJECT_PATH = "/org/freedesktop/systemd1"
MANAGER = "org.freedesktop.systemd1.Manager"
PROPERTIES = "org.freedesktop.DBus.Properties"

NO_SUCH_UNIT = "org.freedesktop.systemd1.NoSuchUnit"
UNIT_EXISTS = "org.freedesktop.systemd1.UnitExists"

#: How long a job, to start or stop a unit, may take. A scope that is stopped gets 90 s to end by default.
JOB_TIMEOUT_S = 100.0


class Proxy:
    """The blocking SystemdClient; a context manager that closes its connection."""

    def __init__(self, connection: DbusConnection, *, is_system: bool = True) -> None:
        self._connection = connection
        self.is_system = is_system
        self._watches_jobs = False

    @classmethod
    def new_system(cls) -> Self:
        """Connect to the system's manager.

        Raises:
            ConnectionFailedError: it is not there.
            AuthenticationError: it refuses us.
        """
        from libcgroups.systemd.dbus_native.dbus import DbusConnection

        return cls(DbusConnection.new_system(), is_system=True)

    @classmethod
    def new_session(cls) -> Self:
        """Connect to the manager of the user's session.

        Raises:
            ConnectionFailedError: it is not there.
            AuthenticationError: it refuses us.
        """
        from libcgroups.systemd.dbus_native.dbus import DbusConnection

        return cls(DbusConnection.new_session(), is_system=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def start_transient_unit(self, name: str, properties: Properties, mode: str = "fail") -> None:
        """Make a unit and wait until it runs.

        Args:
            name: of the unit, ending in ``.scope`` or ``.slice``.
            properties: of the unit.
            mode: what to do about jobs that conflict, ``systemctl --job-mode``.

        Raises:
            MethodError: systemd refused; ``name`` is UNIT_EXISTS if the unit is there already, even as failed.
            DbusError: it did not start, or not in time.
        """
        self._run_job("StartTransientUnit", "ssa(sv)a(sa(sv))", (name, mode, list(properties), []), name)

    def stop_unit(self, name: str, mode: str = "replace") -> None:
        """Stop a unit, end its processes, and wait for that; one that is not loaded is stopped.

        Raises:
            MethodError: systemd refused.
            DbusError: it did not stop, or not in time.
        """
        try:
            self._run_job("StopUnit", "ss", (name, mode), name)
        except MethodError as error:
            if error.name != NO_SUCH_UNIT:
                raise

    def reset_failed_unit(self, name: str) -> None:
        """Let systemd forget that a unit failed; one that is not loaded is forgotten.

        Raises:
            MethodError: systemd refused.
        """
        try:
            self._call("ResetFailedUnit", "s", (name,))
        except MethodError as error:
            if error.name != NO_SUCH_UNIT:
                raise

    def set_unit_properties(self, name: str, properties: Properties, *, runtime: bool = True) -> None:
        """Change properties of a loaded unit.

        Args:
            name: of the unit.
            properties: the new values.
            runtime: until the next boot only.

        Raises:
            MethodError: systemd refused.
        """
        self._call("SetUnitProperties", "sba(sv)", (name, runtime, list(properties)))

    def attach_processes(self, name: str, subcgroup: str, pids: Sequence[int]) -> None:
        """Let systemd move processes into the cgroup of a unit with Delegate=yes, or below it. Since systemd 238.

        Args:
            name: of the unit.
            subcgroup: path below the unit's cgroup, ``/`` or empty for itself.
            pids: the processes.

        Raises:
            MethodError: systemd refused.
        """
        self._call("AttachProcessesToUnit", "ssau", (name, subcgroup, list(pids)))

    def get_unit(self, name: str) -> str:
        """Return the object path of a loaded unit.

        Raises:
            MethodError: NO_SUCH_UNIT if it is not loaded.
        """
        (path,) = self._call("GetUnit", "s", (name,))
        return str(path)

    def unit_properties(self, name: str) -> dict[str, Variant]:
        """Return all properties of a loaded unit that belong to its type (scope, slice).

        Raises:
            MethodError: NO_SUCH_UNIT if it is not loaded.
        """
        interface = f"org.freedesktop.systemd1.{name.rpartition('.')[2].capitalize()}"
        answer = self._connection.call(DESTINATION, self.get_unit(name), PROPERTIES, "GetAll", "s", (interface,))
        return dict(answer[0]) if answer and isinstance(answer[0], dict) else {}

    def get_property(self, path: str, interface: str, name: str) -> object:
        """Return the value of a property of any of systemd's objects.

        Raises:
            MethodError: there is no such object or property.
        """
        (value,) = self._connection.call(DESTINATION, path, PROPERTIES, "Get", "ss", (interface, name))
        return value.value if isinstance(value, Variant) else value

    def version(self) -> str:
        """Return systemd's version as it writes it, ``252.38-1~deb12u1``."""
        return str(self.get_property(OBJECT_PATH, MANAGER, "Version"))

    def systemd_version(self) -> int:
        """Return the number in systemd's version."""
        return parse_version(self.version())

    def control_group(self) -> str:
        """Return the cgroup below which this manager puts its units; empty for the root of the hierarchy."""
        return str(self.get_property(OBJECT_PATH, MANAGER, "ControlGroup")).rstrip("/")

    #: The names of youki's SystemdClient for the same.
    control_cgroup_root = control_group
    add_process_to_unit = attach_processes

    def _call(self, member: str, signature: str = "", values: Sequence[object] = ()) -> tuple[object, ...]:
        return self._connection.call(DESTINATION, OBJECT_PATH, MANAGER, member, signature, values)

    def _run_job(self, member: str, signature: str, values: Sequence[object], unit: str) -> None:
        """Call a method that begins a job, and wait for its end."""
        if not self._watches_jobs:
            # Before the call: the job may be over before its answer is read.
            self._connection.add_match(
                f"type='signal',sender='{DESTINATION}',path='{OBJECT_PATH}',interface='{MANAGER}',member='JobRemoved'"
            )
            self._watches_jobs = True
        (job,) = self._call(member, signature, values)
        deadline = time.monotonic() + JOB_TIMEOUT_S
        try:
            result = self._wait_for_job(job, deadline)
        except ConnectionFailedError as error:
            error.add_note(f"while waiting for systemd to carry out {member} of {unit}")
            raise
        if result != "done":
            raise DbusError(
                f"{member} {unit}: the job ended with result {result!r}",
                hint=f"see systemctl status {unit} and journalctl -u {unit}",
            )

    def _wait_for_job(self, job: object, deadline: float) -> str:
        """Return the result of a job: done, canceled, timeout, failed, dependency or skipped."""
        while True:
            values = self._connection.wait_for_signal(MANAGER, "JobRemoved", deadline).values
            if len(values) == 4 and values[1] == job:
                return str(values[3])


def parse_version(text: str) -> int:
    """Return the leading number of a version; ``v`` before it is skipped.

    Raises:
        DbusError: there is none.
    """
    digits = ""
    for character in text.removeprefix("v"):
        if character not in "0123456789":
            break
        digits += character
    if not digits:
        raise DbusError(f"systemd version {text!r}: does not begin with a number")
    return int(digits)
