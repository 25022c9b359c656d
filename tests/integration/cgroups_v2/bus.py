"""A message bus of our own and a systemd on it that only remembers; for the tests of the D-Bus client."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest
from dbus_next.aio.message_bus import MessageBus
from dbus_next.constants import MessageType
from dbus_next.message import Message
from dbus_next.signature import Variant

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

_CONFIGURATION = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
"""


class Bus:
    """A dbus-daemon that ends with the ``with`` statement."""

    def __init__(self, directory: str) -> None:
        self._path = f"{directory}/bus"
        self._configuration = f"{directory}/bus.conf"

    @property
    def address(self) -> str:
        return f"unix:path={self._path}"

    def __enter__(self) -> Self:
        program = shutil.which("dbus-daemon")
        if program is None:
            pytest.skip("dbus-daemon is not installed")
        with open(self._configuration, "w") as file:
            file.write(_CONFIGURATION.format(path=self._path))
        ready, write_end = os.pipe()
        self._daemon = subprocess.Popen(
            [program, f"--config-file={self._configuration}", "--nofork", f"--print-address={write_end}"],
            pass_fds=[write_end],
        )
        os.close(write_end)
        os.chmod(os.path.dirname(self._path), 0o755)
        with open(ready) as pipe:
            pipe.readline()
        return self

    def __exit__(self, *_: object) -> None:
        self._daemon.terminate()
        self._daemon.wait()


class FakeSystemd:
    """Answers systemd's manager interface on a bus, from a thread, by means of dbus-next.

    Attributes:
        calls: member and arguments of every call to the manager, in order.
        errors: names of D-Bus errors to answer with, by member; each is used once.
        results: results of the next jobs, ``done`` when empty.
    """

    def __init__(self, address: str) -> None:
        self.calls: list[tuple[str, list[object]]] = []
        self.errors: dict[str, str] = {}
        self.results: list[str] = []
        self._address = address
        self._jobs = 0
        self._loop = asyncio.new_event_loop()
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    def __enter__(self) -> Self:
        self._thread.start()
        self._is_ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._bus: Any = await MessageBus(bus_address=self._address).connect()
        self._bus.add_message_handler(self._answer)
        await self._bus.request_name("org.freedesktop.systemd1")
        self._is_ready.set()
        await self._stop.wait()
        bus: Any = self._bus
        bus.disconnect()
        await bus.wait_for_disconnect()
        # dbus-next 0.2.3 leaves its socket open.
        bus._stream.close()
        bus._sock.close()

    def _answer(self, message: Any) -> Any:
        if message.message_type != MessageType.METHOD_CALL or message.path == "/org/freedesktop/DBus":
            return None
        if message.interface == "org.freedesktop.DBus.Properties":
            return self._answer_property(message)
        self.calls.append((message.member, message.body))
        if message.member in self.errors:
            return Message.new_error(message, self.errors.pop(message.member), "no, sorry")
        answers: dict[str, Callable[[], Any]] = {
            "StartTransientUnit": lambda: self._begin_job(message),
            "StopUnit": lambda: self._begin_job(message),
            "GetUnit": lambda: Message.new_method_return(message, "o", ["/org/freedesktop/systemd1/unit/one_2escope"]),
        }
        return answers.get(message.member, lambda: Message.new_method_return(message))()

    def _answer_property(self, message: Any) -> Any:
        values = {"Version": "252.38-1~deb12u1", "ControlGroup": "/init.scope/"}
        if message.member == "GetAll":
            return Message.new_method_return(message, "a{sv}", [{"TasksMax": Variant("t", 7)}])
        return Message.new_method_return(message, "v", [Variant("s", values[message.body[1]])])

    def _begin_job(self, message: Any) -> Any:
        """Say that another job ended, then that this one did, before its answer is sent: the hardest order."""
        self._jobs += 1
        job = f"/org/freedesktop/systemd1/job/{self._jobs}"
        result = self.results.pop(0) if self.results else "done"
        for number, path in ((0, "/org/freedesktop/systemd1/job/0"), (self._jobs, job)):
            signal = Message.new_signal(
                "/org/freedesktop/systemd1",
                "org.freedesktop.systemd1.Manager",
                "JobRemoved",
                "uoss",
                [number, path, message.body[0], result],
            )
            self._bus.send(signal)
        return Message.new_method_return(message, "o", [job])
