"""The words of ``mounts[].options``, what each means, and their translation to flags; not the mounting itself.

Words that are not in these tables are data for the file system, as in fstab(5).
"""

from __future__ import annotations

from libcgroups.record import Record
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# word: flag of mount(2) that it sets
_SETS = {
    "defaults": 0,
    "bind": flags.MS_BIND,
    "rbind": flags.MS_BIND | flags.MS_REC,
    "remount": flags.MS_REMOUNT,
    "ro": flags.MS_RDONLY,
    "nosuid": flags.MS_NOSUID,
    "nodev": flags.MS_NODEV,
    "noexec": flags.MS_NOEXEC,
    "nosymfollow": flags.MS_NOSYMFOLLOW,
    "noatime": flags.MS_NOATIME,
    "nodiratime": flags.MS_NODIRATIME,
    "relatime": flags.MS_RELATIME,
    "strictatime": flags.MS_STRICTATIME,
    "sync": flags.MS_SYNCHRONOUS,
    "dirsync": flags.MS_DIRSYNC,
    "mand": flags.MS_MANDLOCK,
    "silent": flags.MS_SILENT,
    "iversion": flags.MS_I_VERSION,
    "lazytime": flags.MS_LAZYTIME,
    # Of crun. The flags belong to the file system, so there is nothing for the "r" to recurse into.
    "rsync": flags.MS_SYNCHRONOUS,
    "rdirsync": flags.MS_DIRSYNC,
    "rmand": flags.MS_MANDLOCK,
}

# word: flag of mount(2) that it clears
_CLEARS = {
    "rw": flags.MS_RDONLY,
    "suid": flags.MS_NOSUID,
    "dev": flags.MS_NODEV,
    "exec": flags.MS_NOEXEC,
    "symfollow": flags.MS_NOSYMFOLLOW,
    "atime": flags.MS_NOATIME,
    "diratime": flags.MS_NODIRATIME,
    "norelatime": flags.MS_RELATIME,
    "nostrictatime": flags.MS_STRICTATIME,
    "async": flags.MS_SYNCHRONOUS,
    "nomand": flags.MS_MANDLOCK,
    "loud": flags.MS_SILENT,
    "noiversion": flags.MS_I_VERSION,
    "nolazytime": flags.MS_LAZYTIME,
    "rasync": flags.MS_SYNCHRONOUS,
    "rnomand": flags.MS_MANDLOCK,
}

# word: propagation type, a call of its own after the mount
_PROPAGATIONS = {
    "private": flags.MS_PRIVATE,
    "rprivate": flags.MS_PRIVATE | flags.MS_REC,
    "shared": flags.MS_SHARED,
    "rshared": flags.MS_SHARED | flags.MS_REC,
    "slave": flags.MS_SLAVE,
    "rslave": flags.MS_SLAVE | flags.MS_REC,
    "unbindable": flags.MS_UNBINDABLE,
    "runbindable": flags.MS_UNBINDABLE | flags.MS_REC,
}

# word: (attributes set, attributes cleared) of mount_setattr(2) with AT_RECURSIVE
_ATIME = flags.MOUNT_ATTR__ATIME
_RECURSIVE = {
    "rro": (flags.MOUNT_ATTR_RDONLY, 0),
    "rrw": (0, flags.MOUNT_ATTR_RDONLY),
    "rnosuid": (flags.MOUNT_ATTR_NOSUID, 0),
    "rsuid": (0, flags.MOUNT_ATTR_NOSUID),
    "rnodev": (flags.MOUNT_ATTR_NODEV, 0),
    "rdev": (0, flags.MOUNT_ATTR_NODEV),
    "rnoexec": (flags.MOUNT_ATTR_NOEXEC, 0),
    "rexec": (0, flags.MOUNT_ATTR_NOEXEC),
    "rnodiratime": (flags.MOUNT_ATTR_NODIRATIME, 0),
    "rdiratime": (0, flags.MOUNT_ATTR_NODIRATIME),
    # The access time is one field with several values: the kernel wants it cleared as a whole, and then it is relatime.
    "rrelatime": (flags.MOUNT_ATTR_RELATIME, _ATIME),
    "rnorelatime": (0, _ATIME),
    "rnoatime": (flags.MOUNT_ATTR_NOATIME, _ATIME),
    "ratime": (0, _ATIME),
    "rstrictatime": (flags.MOUNT_ATTR_STRICTATIME, _ATIME),
    "rnostrictatime": (0, _ATIME),
    "rnosymfollow": (flags.MOUNT_ATTR_NOSYMFOLLOW, 0),
    "rsymfollow": (0, flags.MOUNT_ATTR_NOSYMFOLLOW),
}

# Words that change how we mount. The last three are of crun.
_SPECIAL = ("tmpcopyup", "idmap", "ridmap", "copy-symlink", "src-nofollow", "dest-nofollow")

MOUNT_OPTIONS: tuple[str, ...] = tuple(sorted({*_SETS, *_CLEARS, *_PROPAGATIONS, *_RECURSIVE, *_SPECIAL}))
"""Every word that is understood, for ``features``."""

_ATTRIBUTES = (
    (flags.MS_RDONLY, flags.MOUNT_ATTR_RDONLY),
    (flags.MS_NOSUID, flags.MOUNT_ATTR_NOSUID),
    (flags.MS_NODEV, flags.MOUNT_ATTR_NODEV),
    (flags.MS_NOEXEC, flags.MOUNT_ATTR_NOEXEC),
    (flags.MS_NODIRATIME, flags.MOUNT_ATTR_NODIRATIME),
    (flags.MS_NOSYMFOLLOW, flags.MOUNT_ATTR_NOSYMFOLLOW),
)
_ATIME_FLAGS = flags.MS_NOATIME | flags.MS_RELATIME | flags.MS_STRICTATIME


MOUNT_FLAGS = (
    flags.MS_RDONLY | flags.MS_NOSUID | flags.MS_NODEV | flags.MS_NOEXEC | flags.MS_NODIRATIME | flags.MS_NOSYMFOLLOW
    | _ATIME_FLAGS
)  # fmt: skip
"""Flags of a mount; the others are of its file system, and a bind mount cannot change them."""


class MountOptions(Record):
    """The options of one mount, sorted by what has to be done with them.

    Attributes:
        flags: MS_* flags that are asked for, without those of propagation.
        cleared: MS_* flags that are asked not to be.
        recursive_set: MOUNT_ATTR_* attributes for the mount and all below it.
        recursive_clear: attributes taken from the mount and all below it.
        propagation: propagation types with or without MS_REC, in order.
        data: words for the file system.
        special: words of ours, such as ``tmpcopyup``.
    """

    flags: int = 0
    cleared: int = 0
    recursive_set: int = 0
    recursive_clear: int = 0
    propagation: tuple[int, ...] = ()
    data: tuple[str, ...] = ()
    special: tuple[str, ...] = ()

    @property
    def is_bind(self) -> bool:
        """Whether ``bind`` or ``rbind`` was given."""
        return self.flags & flags.MS_BIND != 0

    @property
    def is_recursive_bind(self) -> bool:
        """Whether ``rbind`` was given."""
        return self.flags & flags.MS_REC != 0


def parse(words: Iterable[str]) -> MountOptions:
    """Sort the words of one mount's options; a later word wins over an earlier one."""
    set_flags = cleared = recursive_set = recursive_clear = 0
    propagation: list[int] = []
    data: list[str] = []
    special: list[str] = []
    for word in words:
        if word in _SETS:
            set_flags |= _SETS[word]
            cleared &= ~_SETS[word]
        elif word in _CLEARS:
            set_flags &= ~_CLEARS[word]
            cleared |= _CLEARS[word]
        elif word in _PROPAGATIONS:
            propagation.append(_PROPAGATIONS[word])
        elif word in _RECURSIVE:
            to_set, to_clear = _RECURSIVE[word]
            recursive_set = recursive_set & ~to_clear | to_set
            recursive_clear = recursive_clear & ~to_set | to_clear
        elif word in _SPECIAL or word.startswith("idmap="):
            special.append(word)
        elif word:
            data.append(word)
    return MountOptions(
        flags=set_flags,
        cleared=cleared,
        recursive_set=recursive_set,
        recursive_clear=recursive_clear,
        propagation=tuple(propagation),
        data=tuple(data),
        special=tuple(special),
    )


def propagation_flags(word: str) -> int:
    """Return the flags of mount(2) for a propagation word such as ``rslave``; KeyError if it is none."""
    return _PROPAGATIONS[word]


def attributes(mount_flags: int) -> int:
    """Translate MS_* flags to the MOUNT_ATTR_* of a new mount; flags of the file system itself are left out."""
    result = 0
    for flag, attribute in _ATTRIBUTES:
        if mount_flags & flag:
            result |= attribute
    # As mount(2) does: strictatime wins, relatime is the default.
    if mount_flags & flags.MS_STRICTATIME:
        return result | flags.MOUNT_ATTR_STRICTATIME
    return result | flags.MOUNT_ATTR_NOATIME if mount_flags & flags.MS_NOATIME else result


def changes(to_set: int, to_clear: int) -> tuple[int, int]:
    """Return the (set, cleared) MOUNT_ATTR_* that change these MS_* flags of a mount and leave the others."""
    cleared = attributes(to_clear & ~_ATIME_FLAGS)
    if (to_set | to_clear) & _ATIME_FLAGS:
        cleared |= _ATIME
    return attributes(to_set), cleared
