"""Answer system calls on behalf of another process, seccomp_unotify(2); not for making the filter that asks.

What the target's pointers point at is read from /proc/PID/mem by the caller of this module, who then asks
`Listener.id_valid`: only a true answer says that the memory belonged to the process that asked.
"""

from __future__ import annotations

import errno
import os

from libseccomp import constants
from libseccomp._libseccomp import ffi, lib
from libseccomp.errors import InvalidArgument, SeccompError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Self

    from libseccomp._libseccomp import RawNotification as _RawNotification
    from libseccomp._libseccomp import RawResponse as _RawResponse


class Notification:
    """A system call that waits for an answer.

    Attributes:
        id: names the call in answers; never used twice by one filter.
        pid: the thread that made the call, in the receiver's pid namespace; 0 if it cannot be seen there.
        flags: none is defined by the kernel yet.
        nr: number of the system call.
        arch: AUDIT_ARCH number, to be taken into account when reading ``nr``.
        instruction_pointer: address of the call.
        args: the six arguments, unsigned.
    """

    __slots__ = ("arch", "args", "flags", "id", "instruction_pointer", "nr", "pid")

    def __init__(self, request: _RawNotification) -> None:
        """Copy a ``struct seccomp_notif``, whose memory libseccomp owns."""
        data = request.data
        self.id: Final = request.id
        self.pid: Final = request.pid
        self.flags: Final = request.flags
        self.nr: Final = data.nr
        self.arch: Final = data.arch
        self.instruction_pointer: Final = data.instruction_pointer
        self.args: Final = tuple(data.args)

    def __repr__(self) -> str:
        arguments = ", ".join(map(hex, self.args))
        return f"Notification(id={self.id:#x}, pid={self.pid}, arch={self.arch:#x}, nr={self.nr}, args=({arguments}))"


class Listener:
    """Owns a notification descriptor; usable in selectors through `fileno`.

    When the last copy of the descriptor is closed, waiting and later calls of the target fail with ENOSYS.
    """

    def __init__(self, fd: int) -> None:
        """Take over a descriptor, from `Filter.notify_fd` (duplicated) or from a runtime's listener socket."""
        self._fd = fd

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """Return the descriptor: readable when a call waits, POLLHUP when no target is left."""
        if self._fd < 0:
            raise InvalidArgument("Listener", (), "the listener is closed")
        return self._fd

    def close(self) -> None:
        """Close the descriptor; more calls do nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def receive(self) -> Notification:
        """Wait for the next system call.

        Raises:
            SeccompError: ENOENT if the target died before its call could be read. Receive again, unless poll(2) says
                POLLHUP: then no target is left.
        """
        fd = self.fileno()
        with _Buffers() as buffers:
            request = buffers.request
            while lib.seccomp_notify_receive(fd, request) < 0:
                # 2.5 says ECANCELED for whatever the kernel says.
                number = ffi.errno
                if number != errno.EINTR:
                    raise SeccompError("seccomp_notify_receive", (fd,), number)
            return Notification(request)

    def id_valid(self, request: Notification) -> bool:
        """Say whether the call still waits: false when its target died or was interrupted."""
        return lib.seccomp_notify_id_valid(self.fileno(), request.id) == 0

    def respond_value(self, request: Notification, value: int = 0) -> None:
        """Let the call return a value without having been made.

        Raises:
            SeccompError: ENOENT if nobody waits any more, as for every answer.
        """
        self._respond(request, value=value)

    def respond_errno(self, request: Notification, number: int) -> None:
        """Let the call fail with a (positive) error number."""
        if not 0 < number <= constants.MAX_ERRNO:
            raise InvalidArgument("respond_errno", (request, number), f"not between 1 and {constants.MAX_ERRNO}")
        self._respond(request, error=-number)

    def respond_continue(self, request: Notification) -> None:
        """Let the kernel make the call after all.

        Not a security decision: the target may change what its pointers point at in the meantime, seccomp_unotify(2).
        """
        self._respond(request, flags=constants.NOTIFY_FLAG_CONTINUE)

    def add_fd(
        self,
        request: Notification,
        fd: int,
        *,
        target_fd: int | None = None,
        close_on_exec: bool = False,
        respond: bool = False,
    ) -> int:
        """Install a copy of one of our descriptors in the target, SECCOMP_IOCTL_NOTIF_ADDFD, since Linux 5.9.

        Args:
            request: the waiting call.
            fd: our descriptor.
            target_fd: its number there, replacing what is open; None takes the lowest free one.
            close_on_exec: O_CLOEXEC for the copy.
            respond: also let the call return the copy's number, in one step; since Linux 5.14.

        Returns:
            The number in the target.

        Raises:
            SeccompError: ENOENT if nobody waits any more, EMFILE if the target is at its limit, EBADF for ``fd``.
        """
        flags = constants.ADD_FD_FLAG_SEND if respond else 0
        if target_fd is not None:
            flags |= constants.ADD_FD_FLAG_SETFD
        addition = ffi.new(
            "struct seccomp_notif_addfd *",
            {
                "id": request.id,
                "flags": flags,
                "srcfd": fd,
                "newfd": target_fd or 0,
                "newfd_flags": os.O_CLOEXEC if close_on_exec else 0,
            },
        )
        number = lib.notify_add_fd(self.fileno(), addition)
        if number < 0:
            raise SeccompError("SECCOMP_IOCTL_NOTIF_ADDFD", (request, fd, target_fd), ffi.errno)
        return number

    def _respond(self, request: Notification, *, value: int = 0, error: int = 0, flags: int = 0) -> None:
        with _Buffers() as buffers:
            response = buffers.response
            response.id, response.val, response.error, response.flags = request.id, value, error, flags
            if lib.seccomp_notify_respond(self.fileno(), response) < 0:
                raise SeccompError("seccomp_notify_respond", (request, value, error, flags), ffi.errno)


class _Buffers:
    """A zeroed request and response, as large as the running kernel wants them."""

    def __enter__(self) -> Self:
        request = ffi.new("struct seccomp_notif **")
        response = ffi.new("struct seccomp_notif_resp **")
        status = lib.seccomp_notify_alloc(request, response)
        if status < 0:
            raise SeccompError("seccomp_notify_alloc", (), -status)
        self.request: _RawNotification = request[0]
        self.response: _RawResponse = response[0]
        return self

    def __exit__(self, *_: object) -> None:
        lib.seccomp_notify_free(self.request, self.response)
