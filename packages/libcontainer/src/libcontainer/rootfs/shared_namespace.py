"""Enter the root of a container that shares the mount namespace of its caller, or of others; used for such only.

What is mounted there would show up in, and stay behind in, a namespace that is not the container's; pivot_root(2)
would take the root of everybody in it away. So nothing is mounted, and the root is entered by chroot(2).
"""

from __future__ import annotations

import os

from libcgroups.record import Record
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.rootfs.context import Context


class OpenRoot(Record):
    """Open the root directory as it is."""

    path: str
    property: str | None = "root.path"

    def describe(self) -> str:
        """Say what is done."""
        return f"open {self.path}"

    def apply(self, context: Context) -> None:
        """Keep the directory open as the context's root."""
        context.root_fd = context.syscall.openat2(flags.AT_FDCWD, self.path, os.O_PATH | os.O_DIRECTORY)


class EnterRoot(Record):
    """Make the root directory ``/`` of this process alone."""

    property: str | None = None

    def describe(self) -> str:
        """Say what is done."""
        return "chroot to the container's root"

    def apply(self, context: Context) -> None:
        """Call chroot(2) on the descriptor."""
        context.syscall.fchdir(context.root_fd)
        context.syscall.chroot(".")
        context.syscall.chdir("/")
