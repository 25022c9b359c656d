"""What each option word of a mount does, as /proc/self/mountinfo inside the container shows it; data for the tests.

A word is tried on a tmpfs, or on a bind mount of a directory with another mount below it. Each list holds words of the
mount options, super block options and propagation tags of mountinfo.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One word.

    Attributes:
        before: words that come before it.
        bind: on a bind mount instead of a tmpfs.
        below: words of the source's inner mount, for words that reach it.
        present: what the mount then has.
        absent: what it has not.
        below_present: what the inner mount has.
        below_absent: what it has not.
    """

    before: tuple[str, ...] = ()
    bind: bool = False
    below: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    below_present: tuple[str, ...] = ()
    below_absent: tuple[str, ...] = ()


def _sets(flag: str) -> Case:
    return Case(present=(flag,))


def _clears(flag: str, setting: str = "") -> Case:
    return Case(before=(setting or flag,), absent=(flag,))


def _recursively(flag: str, *absent: str) -> Case:
    return Case(
        bind=True, before=("rbind",), present=(flag,), absent=absent, below_present=(flag,), below_absent=absent
    )


def _takes_away_below(flag: str, present: str = "") -> Case:
    found = (present,) if present else ()
    return Case(bind=True, before=("rbind",), below=(flag,), below_present=found, below_absent=(flag,), absent=(flag,))


def _spreads(tag: str, *, below: bool) -> Case:
    tags = (tag,) if tag else ()
    absent = ("shared", "master", "unbindable") if not tag else ()
    return Case(
        bind=True,
        before=("rbind",),
        present=tags,
        absent=absent,
        below_present=tags if below else (),
        below_absent=absent if below else (),
    )


CASES: dict[str, Case] = {
    "defaults": Case(present=("rw",)),
    "ro": _sets("ro"),
    "rw": _clears("ro"),
    "nosuid": _sets("nosuid"),
    "suid": _clears("nosuid"),
    "nodev": _sets("nodev"),
    "dev": _clears("nodev"),
    "noexec": _sets("noexec"),
    "exec": _clears("noexec"),
    "nosymfollow": _sets("nosymfollow"),
    "symfollow": _clears("nosymfollow"),
    "noatime": _sets("noatime"),
    "atime": _clears("noatime"),
    "nodiratime": _sets("nodiratime"),
    "diratime": _clears("nodiratime"),
    "relatime": _sets("relatime"),
    "norelatime": Case(before=("noatime", "relatime"), absent=("relatime",)),
    "strictatime": Case(absent=("relatime", "noatime")),
    "nostrictatime": Case(before=("strictatime",), present=("relatime",)),
    "sync": _sets("sync"),
    "async": _clears("sync"),
    "rsync": _sets("sync"),
    "rasync": _clears("sync"),
    "dirsync": _sets("dirsync"),
    "rdirsync": _sets("dirsync"),
    "lazytime": _sets("lazytime"),
    "nolazytime": _clears("lazytime"),
    # The kernel takes these and shows nothing: mandatory locks are gone since Linux 5.15.
    **{word: Case() for word in ("mand", "nomand", "rmand", "rnomand", "iversion", "noiversion", "silent", "loud")},
    "bind": Case(bind=True, present=("rw",)),
    "rbind": Case(bind=True, below_present=("rw",)),
    "private": _spreads("", below=False),
    "rprivate": _spreads("", below=True),
    "shared": _spreads("shared", below=False),
    "rshared": _spreads("shared", below=True),
    "slave": _spreads("master", below=False),
    "rslave": _spreads("master", below=True),
    "unbindable": _spreads("unbindable", below=False),
    "runbindable": _spreads("unbindable", below=True),
    "rro": _recursively("ro"),
    "rrw": _takes_away_below("ro", "rw"),
    "rnosuid": _recursively("nosuid"),
    "rsuid": _takes_away_below("nosuid"),
    "rnodev": _recursively("nodev"),
    "rdev": _takes_away_below("nodev"),
    "rnoexec": _recursively("noexec"),
    "rexec": _takes_away_below("noexec"),
    "rnosymfollow": _recursively("nosymfollow"),
    "rsymfollow": _takes_away_below("nosymfollow"),
    "rnodiratime": _recursively("nodiratime"),
    "rdiratime": _takes_away_below("nodiratime"),
    "rnoatime": _recursively("noatime"),
    "ratime": _takes_away_below("noatime", "relatime"),
    "rrelatime": _takes_away_below("noatime", "relatime"),
    "rnorelatime": _takes_away_below("noatime"),
    "rstrictatime": _recursively("rw", "relatime", "noatime"),
    "rnostrictatime": _takes_away_below("noatime", "relatime"),
}
"""The words that can be seen in mountinfo, or need only be taken; the others have tests of their own."""
