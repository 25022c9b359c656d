"""NOTIFY_SOCKET, sd_notify(3): what a container says reaches the service manager, and nothing waits in vain."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.support import host, mutations
from tests.support.runtime import Caller, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeBundle
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root


class Manager:
    """A service manager: takes notifications, and closes the descriptors that come with them."""

    def __init__(self, path: str) -> None:
        self.messages: list[list[str]] = []
        self.descriptors = 0
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            data, fds, _, _ = socket.recv_fds(self._socket, 4096, 8)
            for fd in fds:
                os.close(fd)
            if data == b"the end":
                return
            self.messages.append(data.decode().split("\n"))
            self.descriptors += len(fds)

    @property
    def caller(self) -> Caller:
        """Whoever runs a command as this manager's service."""
        return Caller(env={"NOTIFY_SOCKET": self.path})

    def heard(self, line: str) -> bool:
        return any(line in message for message in self.messages)

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"the end", self.path)
        self._thread.join()
        self._socket.close()


@pytest.fixture
def manager(work: str) -> Iterator[Manager]:
    host.require("gcc")
    listening = Manager(os.path.join(work, "manager"))
    yield listening
    listening.close()


def test_ready_comes_with_the_pid_of_init_and_a_barrier(
    runtime: Runtime, make_bundle: MakeBundle, manager: Manager
) -> None:
    container = runtime.start(make_bundle("sh", "-c", "probe notify READY=1; sleep 1000"), caller=manager.caller)

    eventually(lambda: manager.heard("BARRIER=1"), "the barrier")
    assert manager.messages == [["READY=1", f"MAINPID={container.pid}"], ["BARRIER=1"]]
    assert manager.descriptors == 1


def test_start_returns_when_the_container_is_ready(
    runtime: Runtime, make_bundle: MakeBundle, manager: Manager, work: str
) -> None:
    bundle = make_bundle(
        "sh", "-c", "until test -e /mnt/go; do sleep 0.01; done; probe notify READY=1; sleep 1000",
        mutate=mutations.mount("/mnt", work, "bind"),
    )  # fmt: skip
    container = runtime.create(bundle, caller=manager.caller)
    starting = runtime.background("start", bundle.id, caller=manager.caller)
    eventually(lambda: container.status == "running", "the start")

    still_waiting = starting.process.poll() is None
    open(os.path.join(work, "go"), "w").close()

    assert still_waiting
    assert starting.wait() == 0
    assert manager.heard("READY=1")


def test_every_line_is_passed_on_but_a_pid_of_the_container(
    runtime: Runtime, make_bundle: MakeBundle, manager: Manager
) -> None:
    script = """
        probe notify STATUS=waking
        probe notify "$(printf 'MAINPID=1\\nSTATUS=up\\nREADY=1')"
        sleep 1000
    """

    container = runtime.start(make_bundle("sh", "-c", script), caller=manager.caller)

    eventually(lambda: manager.heard("BARRIER=1"), "the barrier")
    assert manager.messages[:2] == [["STATUS=waking"], ["STATUS=up", "READY=1", f"MAINPID={container.pid}"]]


def test_container_that_ends_without_a_word_keeps_nobody_waiting(
    runtime: Runtime, make_bundle: MakeBundle, manager: Manager
) -> None:
    bundle = make_bundle("sh", "-c", "exit 3")

    assert runtime.create(bundle, caller=manager.caller).start().returncode == 0
    assert manager.messages == []


def test_foreground_run_that_hears_no_word_ends_with_its_container(
    runtime: Runtime, make_bundle: MakeBundle, manager: Manager
) -> None:
    runtime.run(make_bundle("sh", "-c", "exit 3"), caller=manager.caller).exit_with(3)


def test_foreground_run_is_the_main_process_itself(runtime: Runtime, make_bundle: MakeBundle, manager: Manager) -> None:
    running = runtime.background(
        "run", "--bundle", make_bundle("sh", "-c", "probe notify READY=1; sleep 1000").directory, "c1",
        caller=manager.caller,
    )  # fmt: skip

    eventually(lambda: bool(manager.messages), "the notification")
    assert manager.messages == [["READY=1", f"MAINPID={running.process.pid}"]]


def test_notifications_go_on_in_the_foreground(runtime: Runtime, make_bundle: MakeBundle, manager: Manager) -> None:
    script = "probe notify READY=1; probe notify STATUS=one; probe notify STOPPING=1; probe barrier"

    result = runtime.run(make_bundle("sh", "-c", script), caller=manager.caller).succeed()

    assert result.stdout == "ok\n"
    assert [message[0] for message in manager.messages] == ["READY=1", "STATUS=one", "STOPPING=1", "BARRIER=1"]


def test_run_detached_waits_until_ready(runtime: Runtime, make_bundle: MakeBundle, manager: Manager) -> None:
    bundle = make_bundle("sh", "-c", "probe notify READY=1; sleep 1000")

    runtime.run(bundle, "--detach", caller=manager.caller).succeed()

    assert manager.heard("READY=1")


def test_ordinary_user_of_a_user_namespace_may_notify(
    runtime: Runtime, make_bundle: MakeBundle, manager: Manager
) -> None:
    host.require("userns")
    user = mutations.process(user={"uid": 1000, "gid": 1000})
    bundle = make_bundle("probe", "notify", "READY=1", mutate=mutations.every(mutations.user_namespace(), user))

    os.makedirs(bundle.inside("/run/notify"))  # the root of the namespace may not make it: the bundle is the host's

    runtime.run(bundle, caller=manager.caller).succeed()

    assert manager.heard("READY=1")


def test_container_cannot_change_the_directory(runtime: Runtime, make_bundle: MakeBundle, manager: Manager) -> None:
    script = "grep ' /run/notify ' /proc/self/mountinfo | cut -d' ' -f6; rm /run/notify/notify.sock 2>&1; true"

    output = runtime.run(make_bundle("sh", "-c", script), caller=manager.caller).succeed().stdout

    assert set(output.splitlines()[0].split(",")) >= {"ro", "nosuid", "nodev", "noexec"}
    assert "Read-only file system" in output


def test_manager_that_is_gone_is_no_fault(runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
    host.require("gcc")
    caller = Caller(env={"NOTIFY_SOCKET": os.path.join(work, "nobody")})

    runtime.run(make_bundle("probe", "notify", "READY=1"), "--detach", caller=caller).succeed()


def test_waiting_start_is_killed_and_the_container_can_still_be_deleted(
    runtime: Runtime, make_bundle: MakeBundle, manager: Manager
) -> None:
    container = runtime.create(make_bundle(), caller=manager.caller)
    starting = runtime.background("start", container.id, caller=manager.caller)
    eventually(lambda: container.status == "running", "the start")

    starting.end()

    container.delete("--force").succeed()


def test_without_a_service_manager_there_is_no_socket(runtime: Runtime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle("sh", "-c", "env; ls /run")

    assert "notify" not in runtime.run(bundle).stdout.lower()


def test_word_of_a_process_that_ends_at_once_arrives(
    runtime: Runtime, make_bundle: MakeBundle, manager: Manager
) -> None:
    runtime.create(make_bundle("probe", "notify", "READY=1"), caller=manager.caller).start()

    assert manager.heard("READY=1")
