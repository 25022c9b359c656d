"""Passes a container's notifications on to the service manager, sd_notify(3); not how ``start`` reaches a container.

systemd gives a service the address of a datagram socket in NOTIFY_SOCKET. The container gets a socket of its own,
bound in ``ROOT/ID/notify``, which is mounted at ``/run/notify``; ``run``, or ``start`` after ``create``, stands between
the two. Every line is passed on, with descriptors (FDSTORE, BARRIER), but those that name a main process: a pid in
there means nothing to the host, so READY is accompanied by the one that does.

Nothing here may fail or delay a container: a service manager that does not listen is not waited for.
"""

from __future__ import annotations

import errno
import os
import select
import sys

from libcontainer import log, pidfd
from libcontainer.container import start as start_module
from libcontainer.container import store
from libcontainer.errors import SyscallError

try:
    import _socket
except ImportError:  # another interpreter than CPython
    import socket as _socket  # type: ignore[no-redef]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.container.store import ContainerDirectory
    from libcontainer.oci.spec import Spec
    from libcontainer.syscall import Kernel

VARIABLE = "NOTIFY_SOCKET"
_SOCKET = "notify.sock"
_DESTINATION = "/run/notify"
_MAX_MESSAGE = 4096  # systemd drops longer ones
_MAX_DESCRIPTORS = 253  # SCM_MAX_FD of the kernel
_SEND_TIMEOUT_S = 1.0
_BARRIER_TIMEOUT_MS = 30_000
_OF_THE_HOST = (b"MAINPID=", b"MAINPIDFDID=")
_READY = b"READY="


def with_socket(spec: Spec, directory: str) -> Spec:
    """Return the configuration with the mount and the variable that let the container notify.

    Args:
        spec: the configuration.
        directory: the container's state directory.
    """
    from libcontainer.oci.spec import Mount

    assert spec.process is not None
    options = ("bind", "ro", "nosuid", "nodev", "noexec")
    mount = Mount(_DESTINATION, f"{directory}/{store.NOTIFY_DIRECTORY}", "bind", options)
    env = (*spec.process.env, f"{VARIABLE}={_DESTINATION}/{_SOCKET}")
    return spec.replace(mounts=(*spec.mounts, mount), process=spec.process.replace(env=env))


def make_directory(directory: str) -> None:
    """Make what ``with_socket`` mounts; every user of the container may enter it."""
    path = f"{directory}/{store.NOTIFY_DIRECTORY}"
    try:
        os.mkdir(path, 0o755)
        os.chmod(path, 0o755)  # whatever the umask
    except OSError as error:
        raise SyscallError(f"make {path}", error.errno, step="notify", object=path) from None


def start(kernel: Kernel, directory: ContainerDirectory) -> None:
    """Start a container that is locked, as ``container.start`` does, and stay until it is ready or has ended.

    The lock is given up as soon as the container runs: others may kill or delete it while we wait.

    Raises:
        LibcontainerError: it could not be started.
    """
    proxy = open_proxy(directory.path)
    try:
        state = start_module.start(kernel, directory)
        if proxy is None:
            return
        directory.unlock()
        process = pidfd.open_process(state.pid, state.pid_start_time)
        if process is None:
            proxy.forward(state.pid)
            return
        try:
            proxy.until_ready(state.pid, process)
        finally:
            os.close(process)
    finally:
        if proxy is not None:
            proxy.close()


def open_proxy(directory: str) -> Proxy | None:
    """Return a proxy if this process has a service manager and the container was created with a place for it."""
    address = os.getenv(VARIABLE)
    if not address or not os.path.isdir(f"{directory}/{store.NOTIFY_DIRECTORY}"):
        return None
    return Proxy(f"{directory}/{store.NOTIFY_DIRECTORY}", address)


class Proxy:
    """The socket that the container notifies, and the way from there to the service manager; to be closed."""

    def __init__(self, directory: str, service: str) -> None:
        """Bind the container's socket.

        Args:
            directory: what the container sees as ``/run/notify``.
            service: address of the service manager: a path, or ``@`` and an abstract name, unix(7).

        Raises:
            SyscallError: it cannot be bound.
        """
        self._service = f"\0{service[1:]}" if service.startswith("@") else service
        self._directory = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        # By descriptor: the address of a socket has 108 bytes, and engines have long state roots.
        self._path = f"/proc/self/fd/{self._directory}/{_SOCKET}"
        self._socket = _datagram_socket()
        try:
            _unlink(self._path)  # of a start that was killed
            self._socket.bind(self._path)
            os.chmod(self._path, 0o777)  # whoever the container's process is
        except OSError as error:
            self.close()
            raise SyscallError(f"bind {directory}/{_SOCKET}", error.errno, step="notify", syscall="bind") from None

    def close(self) -> None:
        """Remove the socket."""
        _unlink(self._path)
        self._socket.close()
        os.close(self._directory)

    def fileno(self) -> int:
        """Return a descriptor that is readable when there is something to pass on."""
        return self._socket.fileno()

    def forward(self, main_pid: int) -> bool:
        """Pass on all that the container has sent so far; true if it said that it is ready.

        Args:
            main_pid: what the service manager is to take for the service's main process, in the host's numbers.
        """
        is_ready = False
        while (received := self._receive()) is not None:
            data, fds = received
            try:
                lines = [line for line in data.split(b"\n") if line and not line.startswith(_OF_THE_HOST)]
                if any(line.startswith(_READY) for line in lines):
                    is_ready = True
                    lines.append(b"MAINPID=%d" % main_pid)
                if lines:
                    self._send(b"\n".join(lines), fds)
            finally:
                for fd in fds:
                    os.close(fd)
        return is_ready

    def until_ready(self, pid: int, pidfd: int) -> None:
        """Pass on until the container is ready or has ended, and the service manager has dealt with it.

        Args:
            pid: the container's init, which becomes the main process of the service.
            pidfd: the same process.
        """
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLIN)
        poll.register(pidfd, select.POLLIN)
        has_ended = False
        while not self.forward(pid):
            if has_ended:
                log.debug("the container has ended without a word to the service manager")
                return
            has_ended = any(fd == pidfd for fd, _ in poll.poll())
        self._wait_at_barrier()

    def _wait_at_barrier(self) -> None:
        """Wait until all is dealt with: the manager cannot tell whose words they are when their sender is gone."""
        reader, writer = os.pipe2(os.O_CLOEXEC)
        try:
            self._send(b"BARRIER=1", [writer])
        finally:
            os.close(writer)
        try:
            poll = select.poll()
            poll.register(reader, select.POLLIN)
            if not poll.poll(_BARRIER_TIMEOUT_MS):
                log.warning("the service manager does not answer at %s", VARIABLE)
        finally:
            os.close(reader)

    def _receive(self) -> tuple[bytes, list[int]] | None:
        """Return one message and its descriptors, which are ours from then on; None if there is none."""
        size = _socket.CMSG_SPACE(_MAX_DESCRIPTORS * 4)
        try:
            data, ancillary, received, _ = self._socket.recvmsg(
                _MAX_MESSAGE, size, _socket.MSG_DONTWAIT | _socket.MSG_CMSG_CLOEXEC
            )
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EINTR):
                log.debug("receive a notification: %s", error.strerror)
            return None
        fds: list[int] = []
        for level, kind, content in ancillary:
            if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
                fds += memoryview(content[: len(content) // 4 * 4]).cast("i").tolist()
        # Half a message could say the opposite of the whole.
        return (b"" if received & _socket.MSG_TRUNC else data), fds

    def _send(self, data: bytes, fds: list[int]) -> None:
        packed = b"".join(fd.to_bytes(4, sys.byteorder) for fd in fds)
        rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)] if fds else []
        manager = _datagram_socket()
        try:
            manager.settimeout(_SEND_TIMEOUT_S)
            manager.connect(self._service)
            manager.sendmsg([data], rights, _socket.MSG_NOSIGNAL)
        except OSError as error:
            log.debug("notify the service manager at %s: %s", self._service, error.strerror or error)
        finally:
            manager.close()


def _datagram_socket() -> _socket.socket:
    return _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
