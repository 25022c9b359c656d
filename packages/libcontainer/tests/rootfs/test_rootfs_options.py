"""Every option word of the specification, and how words combine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libcontainer.rootfs import options
from libcontainer.rootfs.options import MOUNT_OPTIONS, MountOptions
from libcontainer.syscall import flags

MUST = """async atime bind defaults dev diratime dirsync exec iversion lazytime loud noatime nodev nodiratime noexec
    noiversion nolazytime norelatime nostrictatime nosuid private rbind relatime remount ro rprivate rshared rslave
    runbindable rw shared silent slave strictatime suid sync unbindable"""
SHOULD = """idmap nosymfollow ratime rdev rdiratime rexec ridmap rnoatime rnodiratime rnoexec rnorelatime
    rnostrictatime rnosuid rnosymfollow rrelatime rro rrw rstrictatime rsuid rsymfollow symfollow"""
MAY = "mand nomand tmpcopyup"


def test_all_61_words_of_the_specification_are_known() -> None:
    words = f"{MUST} {SHOULD} {MAY}".split()

    assert len(words) == 61
    assert set(words) <= set(MOUNT_OPTIONS)


@pytest.mark.parametrize("word", MOUNT_OPTIONS)
def test_no_known_word_becomes_data(word: str) -> None:
    assert options.parse([word]).data == ()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", MountOptions()),
        ("ro nosuid mode=755", MountOptions(flags=flags.MS_RDONLY | flags.MS_NOSUID, data=("mode=755",))),
        ("ro rw", MountOptions(cleared=flags.MS_RDONLY)),
        ("rw ro", MountOptions(flags=flags.MS_RDONLY)),
        ("rbind", MountOptions(flags=flags.MS_BIND | flags.MS_REC)),
        ("rslave", MountOptions(propagation=(flags.MS_SLAVE | flags.MS_REC,))),
        ("rro", MountOptions(recursive_set=flags.MOUNT_ATTR_RDONLY)),
        ("rro rrw", MountOptions(recursive_clear=flags.MOUNT_ATTR_RDONLY)),
        (
            "rnoatime rstrictatime",
            MountOptions(recursive_set=flags.MOUNT_ATTR_STRICTATIME, recursive_clear=flags.MOUNT_ATTR__ATIME),
        ),
        ("rstrictatime ratime", MountOptions(recursive_clear=flags.MOUNT_ATTR__ATIME)),
        ("tmpcopyup idmap", MountOptions(special=("tmpcopyup", "idmap"))),
        ("idmap=uids=0-1-1;gids=0-1-1", MountOptions(special=("idmap=uids=0-1-1;gids=0-1-1",))),
    ],
)
def test_words_are_sorted_by_what_they_need(words: str, expected: MountOptions) -> None:
    assert options.parse(words.split()) == expected


@pytest.mark.parametrize(
    ("words", "attributes"),
    [
        ("", 0),
        ("noatime", flags.MOUNT_ATTR_NOATIME),
        ("noatime strictatime", flags.MOUNT_ATTR_STRICTATIME),
        ("relatime", 0),
        ("ro sync noexec", flags.MOUNT_ATTR_RDONLY | flags.MOUNT_ATTR_NOEXEC),
    ],
)
def test_attributes_of_a_new_mount(words: str, attributes: int) -> None:
    assert options.attributes(options.parse(words.split()).flags) == attributes


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("nosuid", (flags.MOUNT_ATTR_NOSUID, 0)),
        ("suid rw", (0, flags.MOUNT_ATTR_NOSUID | flags.MOUNT_ATTR_RDONLY)),
        ("noatime", (flags.MOUNT_ATTR_NOATIME, flags.MOUNT_ATTR__ATIME)),
        ("norelatime", (0, flags.MOUNT_ATTR__ATIME)),
    ],
)
def test_changes_of_an_existing_mount(words: str, expected: tuple[int, int]) -> None:
    parsed = options.parse(words.split())

    assert options.changes(parsed.flags, parsed.cleared) == expected


@given(st.lists(st.one_of(st.sampled_from(MOUNT_OPTIONS), st.text(max_size=10))))
def test_any_words_can_be_sorted_and_none_is_both_set_and_cleared(words: list[str]) -> None:
    parsed = options.parse(words)

    assert parsed.flags & parsed.cleared == 0
    # The access time is one field: it is cleared as a whole and set.
    assert parsed.recursive_set & parsed.recursive_clear & ~flags.MOUNT_ATTR__ATIME == 0
