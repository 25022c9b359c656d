"""Which namespaces a container has of its own, and joining those of others; not user mappings (see ``user_ns``)."""

from __future__ import annotations

import errno
import fcntl
import os

from libcontainer import log
from libcontainer.errors import SpecError, SyscallError
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from libcontainer.oci.spec import LinuxNamespace
    from libcontainer.syscall import Syscall

CLONE_FLAGS = {
    "user": flags.CLONE_NEWUSER,
    "mount": flags.CLONE_NEWNS,
    "pid": flags.CLONE_NEWPID,
    "network": flags.CLONE_NEWNET,
    "ipc": flags.CLONE_NEWIPC,
    "uts": flags.CLONE_NEWUTS,
    "cgroup": flags.CLONE_NEWCGROUP,
    "time": flags.CLONE_NEWTIME,
}
"""The flag of clone(2) of each type of namespace, by the spec's names."""

PROC_NAMES = {
    "user": "user",
    "mount": "mnt",
    "pid": "pid",
    "network": "net",
    "ipc": "ipc",
    "uts": "uts",
    "cgroup": "cgroup",
    "time": "time",
}
"""The file of each type below /proc/PID/ns."""


def new_types(namespaces: Iterable[LinuxNamespace]) -> frozenset[str]:
    """Return the types of which the container gets a new namespace."""
    return frozenset(namespace.type for namespace in namespaces if not namespace.path)


def clone_flags(types: Iterable[str]) -> int:
    """Return the flags of clone(2) for new namespaces of these types."""
    result = 0
    for kind in types:
        result |= CLONE_FLAGS[kind]
    return result


def open_paths(syscall: Syscall, namespaces: Sequence[LinuxNamespace]) -> list[tuple[str, int]]:
    """Open the namespaces that are to be joined, each checked to be one of its type: pairs of type and descriptor.

    Raises:
        SpecError: a path is missing, is no namespace, or one of another type.
    """
    opened: list[tuple[str, int]] = []
    try:
        for index, namespace in enumerate(namespaces):
            if namespace.path:
                opened.append((namespace.type, _open(syscall, namespace, f"linux.namespaces[{index}].path")))
    except BaseException:
        for _, fd in opened:
            os.close(fd)
        raise
    return opened


def _open(syscall: Syscall, namespace: LinuxNamespace, name: str) -> int:
    path = namespace.path or ""
    try:
        # Non-blocking: a FIFO in place of the namespace must not make us wait for a writer.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise SpecError(name, f"open {path}: {_text(error)}") from None
    try:
        if syscall.fstatfs_type(fd) != flags.NSFS_MAGIC:
            raise SpecError(name, f"{path} is not a namespace")
        if fcntl.ioctl(fd, flags.NS_GET_NSTYPE) != CLONE_FLAGS[namespace.type]:
            raise SpecError(name, f"{path} is not a {namespace.type} namespace")
    except BaseException:
        os.close(fd)
        raise
    return fd


def open_of_process(pid: int, types: Iterable[str]) -> list[tuple[str, int]]:
    """Open those namespaces of a process that this one is not in already: pairs of type and descriptor.

    Raises:
        SyscallError: the process is gone, or of somebody else.
    """
    opened: list[tuple[str, int]] = []
    try:
        for kind in types:
            path = f"/proc/{pid}/ns/{PROC_NAMES[kind]}"
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise SyscallError(f"open {path}", error.errno, step="namespaces", object=path) from None
            if is_own(kind, fd):
                os.close(fd)
            else:
                opened.append((kind, fd))
    except BaseException:
        for _, fd in opened:
            os.close(fd)
        raise
    return opened


def is_own(kind: str, fd: int) -> bool:
    """Tell whether the descriptor is the namespace that this process is in already."""
    try:
        own = os.stat(f"/proc/self/ns/{PROC_NAMES[kind]}")
    except OSError:
        return False
    other = os.fstat(fd)
    return (own.st_dev, own.st_ino) == (other.st_dev, other.st_ino)


def join(syscall: Syscall, opened: Iterable[tuple[str, int]]) -> None:
    """Join the namespaces and close their descriptors; a user namespace is joined as early as it must be.

    Namespaces that the caller owns now (those of the host) are joined before the user namespace, those that belong to
    the user namespace after it, when its rights over them are ours.
    """
    rest = list(opened)
    has_user = any(kind == "user" for kind, _ in rest)
    if has_user:
        rest = _join_permitted(syscall, rest)
    for kind, fd in sorted(rest, key=lambda entry: entry[0] != "user"):
        if not (kind == "user" and is_own(kind, fd)):
            _setns(syscall, kind, fd)
        os.close(fd)


def open_home(syscall: Syscall) -> int:
    """Open the pid namespace of this process, if children of it may be made elsewhere and here again; else -1.

    That is a right in the user namespace that owns it, which root of a container's engine in another one has not.
    """
    home = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        syscall.setns(home, flags.CLONE_NEWPID)
    except OSError:
        os.close(home)
        return -1
    return home


class of_children:  # noqa: N801 - used as a statement
    """Let what is cloned in the block be born in a pid namespace, and what comes after it at home."""

    def __init__(self, syscall: Syscall, pid_namespace: int, home: int) -> None:
        self._syscall = syscall
        self._pid_namespace = pid_namespace
        self._home = home

    def __enter__(self) -> None:
        _setns(self._syscall, "pid", self._pid_namespace)

    def __exit__(self, *_: object) -> None:
        _setns(self._syscall, "pid", self._home)


def _join_permitted(syscall: Syscall, opened: list[tuple[str, int]]) -> list[tuple[str, int]]:
    refused = []
    for kind, fd in opened:
        if kind == "user":
            refused.append((kind, fd))
            continue
        try:
            _setns(syscall, kind, fd)
        except SyscallError as error:
            if error.errno != errno.EPERM:
                raise
            refused.append((kind, fd))
        else:
            os.close(fd)
    return refused


def _setns(syscall: Syscall, kind: str, fd: int) -> None:
    try:
        syscall.setns(fd, CLONE_FLAGS[kind])
    except OSError as error:
        raise SyscallError(
            f"join the {kind} namespace", error.errno, step="namespaces", property="linux.namespaces", syscall="setns"
        ) from None


def become_root(syscall: Syscall) -> None:
    """Take the ids 0 of a user namespace that was joined, if it has them: what is made then belongs to its root."""
    try:
        syscall.setresgid(0)
        syscall.setresuid(0)
    except OSError as error:
        log.debug("stay without the ids 0 of the user namespace: %s", error.strerror)


def _text(error: OSError) -> str:
    text = os.strerror(error.errno or 0)
    return text[:1].lower() + text[1:]
