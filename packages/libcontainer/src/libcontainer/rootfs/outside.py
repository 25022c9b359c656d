"""Bind mounts that the main process prepares for init: idmapped ones, and sources that init may not reach.

Imported only when a container has such mounts. They are detached trees: init attaches them, and when it never does,
they vanish with their descriptors.
"""

from __future__ import annotations

import errno
import os
import stat

from libcontainer.errors import SpecError, syscall_error
from libcontainer.oci.spec import LinuxIDMapping
from libcontainer.rootfs import mounts
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libcontainer.rootfs.plan import OutsideMount, UsernsFd
    from libcontainer.syscall import Syscall


def prepare(wanted: Sequence[OutsideMount], syscall: Syscall, userns_fd: UsernsFd) -> dict[int, int]:
    """Return detached mounts by their index in ``mounts``; what init can do itself is left to it."""
    prepared: dict[int, int] = {}
    try:
        for entry in wanted:
            if entry.idmap is not None:
                prepared[entry.mount.index] = _idmapped(entry, syscall, userns_fd)
            elif not is_reachable_by_all(entry.mount.source):
                fd = _clone(entry, syscall)
                if fd >= 0:
                    prepared[entry.mount.index] = fd
    except BaseException:
        for fd in prepared.values():
            os.close(fd)
        raise
    return prepared


def is_reachable_by_all(path: str) -> bool:
    """Tell whether every user can get to a path: init in a user namespace is another user than us."""
    directory = os.path.dirname(path)
    while True:
        try:
            if not os.stat(directory).st_mode & stat.S_IXOTH:
                return False
        except OSError:
            return False
        if directory == "/":
            return True
        directory = os.path.dirname(directory)


def _clone(entry: OutsideMount, syscall: Syscall) -> int:
    """Clone a source that only we may reach; -1 if we may not mount (rootless): then init has the same rights as we."""
    try:
        return mounts.clone_source(syscall, entry.mount.source, entry.mount.options)
    except OSError as error:
        if error.errno in (errno.EPERM, errno.ENOSYS):
            return -1
        raise entry.mount.source_error(error) from error


def _idmapped(entry: OutsideMount, syscall: Syscall, userns_fd: UsernsFd) -> int:
    mount = entry.mount
    try:
        tree = mounts.clone_source(syscall, mount.source, mount.options)
    except OSError as error:
        raise mount.source_error(error) from error
    namespace = -1
    try:
        namespace = userns_fd(entry.uid_mappings, entry.gid_mappings)
        how = flags.AT_EMPTY_PATH | (flags.AT_RECURSIVE if entry.idmap == "ridmap" else 0)
        syscall.mount_setattr(tree, "", how, flags.MOUNT_ATTR_IDMAP, userns_fd=namespace)
    except OSError as error:
        os.close(tree)
        hint = "the file system of the source does not support idmapped mounts" if error.errno == errno.EINVAL else None
        raise syscall_error(
            error, f"map the ids of {mount.source}", step="mount", property=mount.property, hint=hint
        ) from error
    except BaseException:
        os.close(tree)
        raise
    finally:
        if namespace >= 0:
            os.close(namespace)
    return tree


def parse_mappings(word: str, name: str) -> tuple[tuple[LinuxIDMapping, ...], tuple[LinuxIDMapping, ...]]:
    """Parse crun's option ``idmap=uids=0-1000-1#1-2000-10;gids=0-1000-1``: container id, host id, size.

    Args:
        word: the option.
        name: the property that has it, for the error.

    Raises:
        SpecError: it has another form.
    """
    found: dict[str, tuple[LinuxIDMapping, ...]] = {}
    for part in word.removeprefix("idmap=").split(";"):
        kind, _, ranges = part.partition("=")
        found[kind] = tuple(_parse_range(text, word, name) for text in ranges.split("#"))
    if found.keys() != {"uids", "gids"}:
        raise SpecError(name, f"expected idmap=uids=…;gids=…, got {word!r}")
    return found["uids"], found["gids"]


def _parse_range(text: str, word: str, name: str) -> LinuxIDMapping:
    numbers = text.split("-")
    if len(numbers) != 3 or not all(number.isascii() and number.isdecimal() for number in numbers):
        raise SpecError(name, f"expected container-host-size, got {text!r} in {word!r}")
    container_id, host_id, size = map(int, numbers)
    if max(container_id, host_id, size) >= 1 << 32 or size == 0:
        raise SpecError(name, f"id out of range in {word!r}")
    return LinuxIDMapping(container_id, host_id, size)
