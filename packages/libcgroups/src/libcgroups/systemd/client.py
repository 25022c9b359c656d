"""What can be asked of systemd, and an asynchronous client for programs that run an event loop.

The default client is ``libcgroups.systemd.dbus_native.proxy.Proxy``: blocking, no dependency, fast to import. This
module's needs ``libcgroups[dbus-next]`` and imports it when it connects.
"""

from __future__ import annotations

from libcgroups.systemd.dbus_native.errors import ConnectionFailedError, DbusError, MethodError
from libcgroups.systemd.dbus_native.proxy import (
    DESTINATION,
    JOB_TIMEOUT_S,
    MANAGER,
    NO_SUCH_UNIT,
    OBJECT_PATH,
    PROPERTIES,
    parse_version,
)
from libcgroups.systemd.dbus_native.serialize import Variant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Protocol, Self

    from libcgroups.systemd.dbus_native.proxy import Properties
else:
    Protocol = object


class SystemdClient(Protocol):
    """What a cgroup manager asks of systemd; Proxy is one. Every method raises DbusError.

    A context manager, which releases the connection.
    """

    is_system: bool

    def __enter__(self) -> Self:
        """Return itself."""

    def __exit__(self, *_: object) -> None:
        """Release the connection."""

    def start_transient_unit(self, name: str, properties: Properties, mode: str = "fail") -> None:
        """Make a unit and wait until it runs."""

    def stop_unit(self, name: str, mode: str = "replace") -> None:
        """Stop a unit and wait for that; one that is not loaded is stopped."""

    def reset_failed_unit(self, name: str) -> None:
        """Forget that a unit failed."""

    def set_unit_properties(self, name: str, properties: Properties, *, runtime: bool = True) -> None:
        """Change properties of a loaded unit."""

    def unit_properties(self, name: str) -> dict[str, Variant]:
        """Return all properties of a loaded unit that belong to its type."""

    def attach_processes(self, name: str, subcgroup: str, pids: Sequence[int]) -> None:
        """Move processes into a unit."""

    def systemd_version(self) -> int:
        """Return the number in systemd's version."""

    def control_group(self) -> str:
        """Return the cgroup below which this manager puts its units; empty for the root."""


class AsyncSystemdClient:
    """The same for an asyncio program, over dbus-next; an asynchronous context manager.

    ::

        async with AsyncSystemdClient() as systemd:
            await systemd.start_transient_unit("web.scope", [("PIDs", Variant("au", [pid]))])
    """

    def __init__(self, *, is_system: bool = True) -> None:
        """Choose the manager: the system's, or that of the user's session. ``connect`` connects."""
        self.is_system = is_system
        self._bus: Any = None  # dbus_next.aio.MessageBus, which has no types

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self) -> None:
        """Connect and authenticate.

        Raises:
            ConnectionFailedError: dbus-next is not installed, or the bus cannot be reached.
        """
        try:
            from dbus_next.aio.message_bus import MessageBus
            from dbus_next.constants import BusType
        except ImportError as error:
            raise ConnectionFailedError(
                "connect to systemd: dbus-next is not installed", hint="pip install 'libcgroups[dbus-next]'"
            ) from error
        kind = BusType.SYSTEM if self.is_system else BusType.SESSION
        try:
            self._bus = await MessageBus(bus_type=kind).connect()
        except Exception as error:
            raise ConnectionFailedError(f"connect to the {kind.name.lower()} bus: {error}") from error

    async def close(self) -> None:
        """Close the connection."""
        if self._bus is not None:
            bus, self._bus = self._bus, None
            bus.disconnect()
            await bus.wait_for_disconnect()
            # dbus-next 0.2.3 leaves its socket to the garbage collector.
            bus._stream.close()
            bus._sock.close()

    async def start_transient_unit(self, name: str, properties: Properties, mode: str = "fail") -> None:
        """Make a unit and wait until it runs; see Proxy."""
        await self._run_job("StartTransientUnit", "ssa(sv)a(sa(sv))", [name, mode, _foreign(properties), []], name)

    async def stop_unit(self, name: str, mode: str = "replace") -> None:
        """Stop a unit and wait for that; see Proxy."""
        try:
            await self._run_job("StopUnit", "ss", [name, mode], name)
        except MethodError as error:
            if error.name != NO_SUCH_UNIT:
                raise

    async def reset_failed_unit(self, name: str) -> None:
        """Forget that a unit failed; see Proxy."""
        try:
            await self._call("ResetFailedUnit", "s", [name])
        except MethodError as error:
            if error.name != NO_SUCH_UNIT:
                raise

    async def set_unit_properties(self, name: str, properties: Properties, *, runtime: bool = True) -> None:
        """Change properties of a loaded unit; see Proxy."""
        await self._call("SetUnitProperties", "sba(sv)", [name, runtime, _foreign(properties)])

    async def attach_processes(self, name: str, subcgroup: str, pids: Sequence[int]) -> None:
        """Move processes into a unit; see Proxy."""
        await self._call("AttachProcessesToUnit", "ssau", [name, subcgroup, list(pids)])

    async def version(self) -> str:
        """Return systemd's version as it writes it."""
        return str(await self._get("Version"))

    async def systemd_version(self) -> int:
        """Return the number in systemd's version."""
        return parse_version(await self.version())

    async def control_group(self) -> str:
        """Return the cgroup below which this manager puts its units; empty for the root."""
        return str(await self._get("ControlGroup")).rstrip("/")

    async def _get(self, name: str) -> object:
        (answer,) = await self._call("Get", "ss", [MANAGER, name], interface=PROPERTIES)
        return answer.value

    async def _call(
        self, member: str, signature: str, body: list[object], interface: str = MANAGER, path: str = OBJECT_PATH
    ) -> Any:
        from dbus_next.constants import MessageType
        from dbus_next.message import Message

        if self._bus is None:
            raise ConnectionFailedError("talk to systemd: not connected")
        answer = await self._bus.call(
            Message(
                destination=DESTINATION, path=path, interface=interface, member=member, signature=signature, body=body
            )
        )
        if answer.message_type == MessageType.ERROR:
            text = answer.body[0] if answer.body else ""
            raise MethodError(f"call {interface}.{member}", answer.error_name, text)
        return answer.body

    async def _run_job(self, member: str, signature: str, body: list[object], unit: str) -> None:
        """Call a method that begins a job, and wait for its end."""
        import asyncio

        if self._bus is None:
            raise ConnectionFailedError("talk to systemd: not connected")
        removed: asyncio.Queue[list[object]] = asyncio.Queue()

        def on_message(message: Any) -> None:
            if message.interface == MANAGER and message.member == "JobRemoved":
                removed.put_nowait(message.body)

        self._bus.add_message_handler(on_message)
        try:
            await self._match("AddMatch")
            (job,) = await self._call(member, signature, body)
            async with asyncio.timeout(JOB_TIMEOUT_S):
                while (values := await removed.get())[1] != job:
                    pass
        except TimeoutError as error:
            raise ConnectionFailedError(f"{member} {unit}: the job did not end in {JOB_TIMEOUT_S:.0f} s") from error
        finally:
            self._bus.remove_message_handler(on_message)
            await self._match("RemoveMatch")
        if values[3] != "done":
            raise DbusError(f"{member} {unit}: the job ended with result {values[3]!r}")

    async def _match(self, member: str) -> None:
        from dbus_next.message import Message

        rule = f"type='signal',sender='{DESTINATION}',interface='{MANAGER}',member='JobRemoved'"
        name = "org.freedesktop.DBus"
        await self._bus.call(
            Message(
                destination=name,
                path="/org/freedesktop/DBus",
                interface=name,
                member=member,
                signature="s",
                body=[rule],
            )
        )


def _foreign(properties: Properties) -> list[list[object]]:
    """Turn properties into what dbus-next takes: lists for structures, and its own Variant."""
    from dbus_next.signature import Variant as ForeignVariant

    def convert(value: object) -> object:
        if isinstance(value, Variant):
            return ForeignVariant(value.signature, convert(value.value))
        if isinstance(value, list | tuple):
            return [convert(item) for item in value]
        if isinstance(value, dict):
            return {key: convert(item) for key, item in value.items()}
        return value

    return [[name, convert(value)] for name, value in properties]
