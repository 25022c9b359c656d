"""Device nodes and the links of /dev; not which devices may be used (the cgroup) and not the console (tty)."""

from __future__ import annotations

import errno
import os
import stat

from libcgroups.record import Record
from libcontainer.errors import syscall_error
from libcontainer.rootfs import context as mounting
from libcontainer.rootfs import inside
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.rootfs.context import Context

# OCI device types; "u" is an unbuffered character device, the same to Linux.
KINDS = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}


class Device(Record):
    """A device node or FIFO to be made.

    Attributes:
        name: file name in its directory.
        path: the whole path, in the container and, for binding it, on the host.
        kind: file type, such as stat.S_IFCHR.
        device: number as of os.makedev; 0 for a FIFO.
        mode: permissions, exactly these.
    """

    name: str
    path: str
    kind: int
    device: int
    mode: int = 0o666
    uid: int = 0
    gid: int = 0
    property: str | None = None


DEFAULT_DEVICES = tuple(
    Device(name, f"/dev/{name}", stat.S_IFCHR, os.makedev(major, minor))
    for name, major, minor in (
        ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0),
    )
)  # fmt: skip
"""What every container has in /dev (config-linux.md, Default Devices) beside the links and the console."""

DEFAULT_LINKS = (
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
)


class MakeDevices(Record):
    """Make the devices of one directory.

    Attributes:
        directory: absolute path in the container; made if missing.
        devices: what to make there.
        bind: show the host's nodes instead of making new ones, as in a user namespace, where mknod(2) is not allowed.
    """

    directory: str
    devices: tuple[Device, ...]
    bind: bool = False
    property: str | None = None

    def describe(self) -> str:
        """Say what is done."""
        verb = "bind" if self.bind else "make"
        return f"{verb} devices {' '.join(device.name for device in self.devices)} in {self.directory}"

    def apply(self, context: Context) -> None:
        """Make each by the directory's descriptor; a failure names the device."""
        directory = inside.make_directories(context.syscall, context.root_fd, self.directory)
        try:
            for device in self.devices:
                try:
                    if self.bind and device.kind != stat.S_IFIFO:
                        _bind(context, directory, device)
                    else:
                        _make(context, directory, device)
                except OSError as error:
                    raise _explain(error, device) from error
        finally:
            os.close(directory)


def _explain(error: OSError, device: Device) -> Exception:
    return syscall_error(
        error, f"make device {device.path}", step="devices", property=device.property,
        hint="another file is there already" if error.errno == errno.EEXIST else None,
    )  # fmt: skip


def _make(context: Context, directory: int, device: Device) -> None:
    syscall = context.syscall
    try:
        syscall.mknod(device.name, device.kind | device.mode, device.device, dir_fd=directory)
    except FileExistsError:
        _require_same(context, directory, device)
        return
    except PermissionError:
        # Without CAP_MKNOD, as in a container that runs us, the host's node does as well.
        if device.kind == stat.S_IFIFO:
            raise
        _bind(context, directory, device)
        return
    if device.uid or device.gid:
        syscall.chown(device.name, device.uid, device.gid, dir_fd=directory)


def _require_same(context: Context, directory: int, device: Device) -> None:
    fd = inside.open_path(context.syscall, directory, device.name, os.O_PATH | os.O_NOFOLLOW)
    try:
        if not inside.is_device(fd, device.kind, device.device):
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), device.path)
    finally:
        os.close(fd)


def _bind(context: Context, directory: int, device: Device) -> None:
    """Mount the host's node, once it proved to be the device that is meant, on an empty file."""
    source = context.syscall.openat2(flags.AT_FDCWD, device.path, os.O_PATH)
    try:
        if not inside.is_device(source, device.kind, device.device):
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV), device.path)
        target = _open_or_make(context, directory, device.name)
        try:
            if inside.is_device(target, device.kind, device.device):
                return
            if not stat.S_ISREG(os.fstat(target).st_mode):
                raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), device.path)
            mounting.bind(context, source, target, device.path)
        finally:
            os.close(target)
    finally:
        os.close(source)


def _open_or_make(context: Context, directory: int, name: str) -> int:
    try:
        return inside.open_path(context.syscall, directory, name, os.O_PATH | os.O_NOFOLLOW)
    except FileNotFoundError:
        context.syscall.mknod(name, stat.S_IFREG | 0o644, 0, dir_fd=directory)
        return inside.open_path(context.syscall, directory, name, os.O_PATH | os.O_NOFOLLOW)


class MakeLinks(Record):
    """Make the links of /dev: to the process's own descriptors, to kcore where there is one, and ``ptmx``."""

    ptmx: bool = True
    property: str | None = None

    def describe(self) -> str:
        """Say what is done."""
        names = [name for name, _ in DEFAULT_LINKS] + (["ptmx"] if self.ptmx else [])
        return f"make links {' '.join(names)} in /dev"

    def apply(self, context: Context) -> None:
        """Make the links by the descriptor of /dev; those that exist are left alone, but for ptmx."""
        syscall = context.syscall
        directory = inside.make_directories(syscall, context.root_fd, "/dev")
        try:
            if self.ptmx:
                _link_ptmx(context, directory)
            for name, target in DEFAULT_LINKS:
                _link(context, directory, name, target)
            if os.path.exists("/proc/kcore"):
                _link(context, directory, "core", "/proc/kcore")
        finally:
            os.close(directory)


def _link(context: Context, directory: int, name: str, target: str) -> None:
    try:
        context.syscall.symlink(target, name, dir_fd=directory)
    except FileExistsError:
        return


def _link_ptmx(context: Context, directory: int) -> None:
    """Link to the container's own devpts; a node that is there already would hand out another one's terminals."""
    try:
        context.syscall.symlink("pts/ptmx", "ptmx", dir_fd=directory)
    except FileExistsError:
        context.syscall.unlink("ptmx", dir_fd=directory)
        context.syscall.symlink("pts/ptmx", "ptmx", dir_fd=directory)
