"""The ids that /etc/subuid and /etc/subgid give to an ordinary user, subuid(5); not writing maps (see ``user_ns``)."""

from __future__ import annotations

import os

from libcontainer import id_map_helpers
from libcontainer.oci.spec import LinuxIDMapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_LAST_ID = 2**32 - 2


def mappings(kind: str, *, directory: str = "/etc") -> tuple[LinuxIDMapping, ...]:
    """Return mappings that the present user may have written: root is the user, other ids are subordinate ones.

    Without subordinate ids, or without newuidmap(1) and newgidmap(1), it is the user's own id alone.

    Args:
        kind: ``uid`` or ``gid``.
        directory: where subuid and subgid are.
    """
    own = LinuxIDMapping(0, os.geteuid() if kind == "uid" else os.getegid(), 1)
    if id_map_helpers.find(f"new{kind}map") is None:
        return (own,)
    found = [own]
    for first, count in ranges(f"{directory}/sub{kind}", os.geteuid(), _name(os.geteuid())):
        last = found[-1]
        found.append(LinuxIDMapping(last.container_id + last.size, first, count))
    return tuple(found)


def ranges(path: str, uid: int, name: str | None) -> Iterator[tuple[int, int]]:
    """Read the (first, count) ranges of a user, given by name or number; lines of another form are passed over."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:
        return
    for line in lines:
        owner, *numbers = line.strip().split(":")
        if owner not in (name, str(uid)) or len(numbers) != 2:
            continue
        if all(number.isascii() and number.isdecimal() for number in numbers):
            first, count = int(numbers[0]), int(numbers[1])
            if count and first + count - 1 <= _LAST_ID:
                yield first, count


def _name(uid: int) -> str | None:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
