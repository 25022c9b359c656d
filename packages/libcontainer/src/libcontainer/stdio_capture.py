"""Standard streams that a program gives to a container and reads afterwards, as files; not pipes, on purpose.

A pipe is held open by everything that the container leaves running, so its reader may wait for ever, and fills up when
nobody reads. A memory file, memfd_create(2), does neither; its pages count as memory of the container that writes them.
"""

from __future__ import annotations

import os

from libcontainer import executor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class HasFileno(Protocol):
        """An open file or socket."""

        def fileno(self) -> int:
            """Return its descriptor."""
            ...

    Stream = int | HasFileno

_CHUNK = 1 << 20


class Capture:
    """What was written to one stream; to be closed, and readable even then."""

    def __init__(self, name: str) -> None:
        """Make the empty file."""
        self.fd = os.memfd_create(name, os.MFD_CLOEXEC)
        self._kept = b""

    def read(self) -> bytes:
        """Return everything that was written so far."""
        if self.fd < 0:
            return self._kept
        parts = []
        offset = 0
        while part := os.pread(self.fd, _CHUNK, offset):
            parts.append(part)
            offset += len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Give up the file; what comes later is lost."""
        if self.fd >= 0:
            self._kept = self.read()
            os.close(self.fd)
            self.fd = -1


class Stdio:
    """The three streams of a process that is to be started; to be closed when it was.

    Attributes:
        fds: what its descriptors 0, 1 and 2 shall be.
        captures: standard output and standard error, if they are captured.
    """

    def __init__(
        self,
        stdin: Stream | None,
        stdout: Stream | None,
        stderr: Stream | None,
        *,
        captures: bool,
        data: bytes | None,
    ) -> None:
        """Open what is needed.

        Args:
            stdin: None is /dev/null.
            stdout: None is this program's own; so is that of stderr.
            stderr: see there.
            captures: take stdout and stderr that are None into memory files.
            data: standard input itself, instead of a stream.
        """
        self._opened: list[int] = []
        self.captures: tuple[Capture, ...] = ()
        if captures:
            self.captures = (Capture("stdout"), Capture("stderr"))
        if data is not None:
            stdin = self._own(executor.memory_file("stdin", data))
        elif stdin is None:
            stdin = self._null()
        outputs = [
            given if given is not None else self.captures[index].fd if captures else self._inherited(index + 1)
            for index, given in enumerate((stdout, stderr))
        ]
        self.fds = [stream if isinstance(stream, int) else stream.fileno() for stream in (stdin, *outputs)]

    def close(self) -> None:
        """Close what was opened for the start; captures stay."""
        while self._opened:
            os.close(self._opened.pop())

    def _own(self, fd: int) -> int:
        self._opened.append(fd)
        return fd

    def _null(self) -> int:
        return self._own(os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC))

    def _inherited(self, fd: int) -> int:
        try:
            os.fstat(fd)
        except OSError:  # this program was started without it
            return self._null()
        return fd
