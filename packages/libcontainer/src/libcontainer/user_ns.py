"""User namespaces: writing the id maps of a child; not the choice of ids, which is the configuration's.

user_namespaces(7): only a process outside of the new namespace, with rights over its parent, may write the maps, once.
"""

from __future__ import annotations

import errno
import os

from libcontainer.errors import SyscallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libcontainer.oci.spec import LinuxIDMapping

_FULL_RANGE = 4294967295


_uid_maps: list[bytes] = []  # of this process, once it was read: main stays where it is


def is_in_user_namespace() -> bool:
    """Tell whether this process, as main, is in a user namespace other than the initial one."""
    if not _uid_maps:
        try:
            fd = os.open("/proc/self/uid_map", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            _uid_maps.append(os.read(fd, 256))
        finally:
            os.close(fd)
    return _uid_maps[0].split() != [b"0", b"0", str(_FULL_RANGE).encode()]


def has_root(mappings: Sequence[LinuxIDMapping]) -> bool:
    """Tell whether id 0 exists inside."""
    return any(mapping.container_id == 0 and mapping.size for mapping in mappings)


def host_id(mappings: Sequence[LinuxIDMapping], container_id: int) -> int:
    """Return the id on the outside of an id on the inside; the id itself if there are no mappings, -1 if unmapped."""
    if not mappings:
        return container_id
    for mapping in mappings:
        if mapping.container_id <= container_id < mapping.container_id + mapping.size:
            return mapping.host_id + container_id - mapping.container_id
    return -1


def write_maps(pid: int, uid_mappings: Sequence[LinuxIDMapping], gid_mappings: Sequence[LinuxIDMapping]) -> None:
    """Write the maps of a child that waits in its new user namespace.

    Called by main, which is outside. Without the right to write them all, a map of the caller's own id is written with
    setgroups denied, and any other through newuidmap(1) and newgidmap(1).

    Raises:
        SyscallError: the kernel, or the helper, refused.
    """
    _write_map(pid, "gid", gid_mappings)
    _write_map(pid, "uid", uid_mappings)


def _write_map(pid: int, kind: str, mappings: Sequence[LinuxIDMapping]) -> None:
    text = "".join(f"{mapping.container_id} {mapping.host_id} {mapping.size}\n" for mapping in mappings)
    if not text:
        return
    name = f"/proc/{pid}/{kind}_map"
    try:
        _write(name, text)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EACCES):
            raise _refused(kind, error.errno) from None
    else:
        return
    own = os.geteuid() if kind == "uid" else os.getegid()
    if len(mappings) == 1 and mappings[0].size == 1 and mappings[0].host_id == own:
        try:
            # Since Linux 3.19 an unprivileged writer of a gid map must first give up setgroups(2) for good.
            if kind == "gid":
                _write(f"/proc/{pid}/setgroups", "deny")
            _write(name, text)
        except OSError as error:
            raise _refused(kind, error.errno) from None
        return
    from libcontainer import id_map_helpers

    id_map_helpers.run(f"new{kind}map", pid, mappings)


def _write(name: str, text: str) -> None:
    fd = os.open(name, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _refused(kind: str, number: int | None) -> SyscallError:
    return SyscallError(
        f"write the {kind} map",
        number,
        step="map_ids",
        property=f"linux.{kind}Mappings",
        syscall="write",
        object=f"{kind}_map",
        hint=f"ordinary users may map their own {kind} alone, or ranges of /etc/sub{kind} with new{kind}map installed",
    )
