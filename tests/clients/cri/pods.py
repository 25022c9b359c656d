"""Pods and containers as a kubelet makes them: the CRI's messages behind a few methods."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import rpc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .rpc import Decoded, Message

_SOCKET = os.environ.get("CRI_SOCKET", "")
_IMAGE = os.environ.get("CRI_IMAGE", "")
_CGROUP_PARENT = os.environ.get("CGROUP_PARENT", "")
_LOGS = Path(os.environ.get("WORK", ""), "cri", "logs")

HANDLER = "tested"
"""The name that a RuntimeClass gives as its handler."""

POD, CONTAINER, NODE = 0, 1, 2
"""NamespaceMode: who shares a namespace."""

RUNNING, EXITED = 1, 2
"""ContainerState."""

LIMITS: Message = {1: 100000, 2: 50000, 3: 512, 4: 64 << 20, 6: "0"}
"""LinuxContainerResources: cpu period, quota, shares, memory in bytes, cpuset."""


def call(method: str, message: Message) -> Decoded:
    """Call a method of the RuntimeService."""
    return rpc.call(_SOCKET, method, message)


class Container:
    """A container of a pod."""

    def __init__(self, container_id: str, log: Path) -> None:
        self.id = container_id
        self._log = log

    def start(self) -> Container:
        """Start its process."""
        call("StartContainer", {1: self.id})
        return self

    def execute(self, *command: str, timeout_s: int = 10) -> tuple[str, str, int]:
        """Run a command in it and return its output, its error output, its exit status."""
        answer = call("ExecSync", {1: self.id, 2: list(command), 3: timeout_s})
        return rpc.text(answer, 1), rpc.text(answer, 2), rpc.number(answer, 3)

    def output(self, *command: str) -> str:
        """Run a command in it and return what it prints."""
        return self.execute(*command)[0]

    def state(self) -> int:
        """Return RUNNING, EXITED or another ContainerState."""
        return rpc.number(self._status(), 3)

    def stop(self, timeout_s: int) -> None:
        """Send the stop signal, and SIGKILL after the timeout."""
        call("StopContainer", {1: self.id, 2: timeout_s})

    def exit_status(self, timeout_s: float = 20) -> tuple[int, str]:
        """Wait for its end and return the exit status and the kubelet's reason, such as "OOMKilled"."""
        deadline = time.monotonic() + timeout_s
        while self.state() != EXITED:
            assert time.monotonic() < deadline, "the container did not exit"
            time.sleep(0.1)
        status = self._status()
        return rpc.number(status, 7), rpc.text(status, 10)

    def log(self, expected: str, timeout_s: float = 10) -> str:
        """Return its log, in the CRI's format, once it has the expected text."""
        deadline = time.monotonic() + timeout_s
        while True:
            text = self._log.read_text() if self._log.exists() else ""
            if expected in text:
                return text
            assert time.monotonic() < deadline, f"no {expected!r} in the log: {text!r}"
            time.sleep(0.1)

    def _status(self) -> Decoded:
        return rpc.inner(call("ContainerStatus", {1: self.id}), 1)


class Pod:
    """A pod sandbox of the handler under test; a context manager that removes it."""

    def __init__(self, name: str, *, network: int = NODE, pid: int = CONTAINER) -> None:
        self._logs = _LOGS / name
        self._logs.mkdir(parents=True, exist_ok=True)
        self._namespaces: Message = {1: network, 2: pid}
        self._config: Message = {
            1: {1: name, 2: f"uid-{name}", 3: "default"},
            2: name if network != NODE else "",
            3: str(self._logs),
            8: {1: f"{_CGROUP_PARENT}/{name}", 2: {1: self._namespaces}},
        }
        self._cgroups = [Path(f"{hierarchy}{_CGROUP_PARENT}", name) for hierarchy in _hierarchies()]
        for directory in self._cgroups:  # the pod's cgroup is the kubelet's to make and to remove
            directory.mkdir(parents=True, exist_ok=True)
        self.id = rpc.text(call("RunPodSandbox", {1: self._config, 2: HANDLER}), 1)

    def __enter__(self) -> Pod:
        return self

    def __exit__(self, *_: object) -> None:
        remove_pod(self.id)
        for directory in self._cgroups:
            directory.rmdir()

    def status(self) -> Decoded:
        """Return its PodSandboxStatus."""
        return rpc.inner(call("PodSandboxStatus", {1: self.id}), 1)

    def create(
        self,
        name: str,
        *command: str,
        limits: Message = LIMITS,
        security: Message | None = None,
        mounts: Sequence[Message] = (),
        terminal: bool = False,
    ) -> Container:
        """Create a container.

        Args:
            name: of the container.
            command: what it runs.
            limits: LinuxContainerResources.
            security: LinuxContainerSecurityContext beyond group 77, no new privileges and two masked paths.
            mounts: Mount messages.
            terminal: whether it has one.
        """
        context: Message = {3: self._namespaces, 8: [77], 11: True, 13: ["/proc/kcore"], 14: ["/proc/sys"]}
        context.update(security or {})
        config: Message = {
            1: {1: name},
            2: {1: _IMAGE},
            3: list(command),
            6: [{1: "K", 2: "v"}],
            7: list(mounts),
            11: f"{name}.log",
            14: terminal,
            15: {1: limits, 2: context},
        }
        answer = call("CreateContainer", {1: self.id, 2: config, 3: self._config})
        return Container(rpc.text(answer, 1), self._logs / f"{name}.log")


def _hierarchies() -> list[str]:
    """Return where cgroups are mounted: once with version 2, once for each controller with version 1."""
    top = "/sys/fs/cgroup"
    if os.environ["CGROUP_VERSION"] == "2":
        return [top]
    return [entry.path for entry in os.scandir(top) if entry.is_dir(follow_symlinks=False)]


def remove_pod(pod_id: str) -> None:
    """Stop and remove a pod with all its containers."""
    try:
        call("StopPodSandbox", {1: pod_id})
    except rpc.RpcError:
        # containerd 1.6 loses the connection to a container that ends at this moment; a kubelet tries again, too.
        time.sleep(0.5)
        call("StopPodSandbox", {1: pod_id})
    call("RemovePodSandbox", {1: pod_id})


def remove_all_pods() -> None:
    """Remove every pod of this containerd."""
    for item in call("ListPodSandbox", {}).get(1, []):
        assert isinstance(item, bytes)
        remove_pod(rpc.text(rpc.decode(item), 1))
