"""``tmpcopyup``: a fresh tmpfs gets the mode and owner of what it covers, unless its options ask for others."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from libcontainer.oci.spec import Mount, Root, Spec
from libcontainer.rootfs import copy_up, plan
from libcontainer.rootfs.cgroup import CgroupView
from libcontainer.rootfs.context import Context
from libcontainer.testing.recording import RecordingSyscall

if TYPE_CHECKING:
    from pathlib import Path

UID, GID = os.geteuid(), os.getegid()
BELOW, FRESH = 0o751, 0o1711
COPIED = [("fchown", UID, GID), ("fchmod", BELOW)]

ASKED = pytest.mark.parametrize(
    ("asked", "restored"),
    [
        ((), []),
        (("size=1m", "nr_inodes=9"), []),
        (("mode=1711",), [("fchmod", FRESH)]),
        (("uid=5",), [("fchown", UID, -1)]),
        (("size=1m", "gid=6"), [("fchown", -1, GID)]),
        (("gid=6", "mode=1711", "uid=5"), [("fchown", UID, GID), ("fchmod", FRESH)]),
    ],
    ids=["nothing", "others", "mode", "uid", "gid", "all"],
)


@pytest.fixture
def below(tmp_path: Path) -> Path:
    """The directory of the image."""
    path = tmp_path / "below"
    path.mkdir()
    path.chmod(BELOW)
    os.utime(path, ns=(1_000_000_001, 2_000_000_002))
    return path


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """What stands for the root of the tmpfs, as the kernel made it from the options."""
    path = tmp_path / "fresh"
    path.mkdir()
    path.chmod(FRESH)
    return path


def changes(kernel: RecordingSyscall) -> list[tuple[object, ...]]:
    """Return the calls that change mode or owner, without the descriptor."""
    return [(name, *arguments) for name, _, *arguments in kernel.calls if name in ("fchown", "fchmod")]


@ASKED
def test_what_the_options_ask_for_is_given_back_after_the_copy(
    below: Path, fresh: Path, asked: tuple[str, ...], restored: list[tuple[object, ...]]
) -> None:
    kernel = RecordingSyscall()
    source, target = os.open(below, os.O_PATH), os.open(fresh, os.O_PATH)

    copy_up.copy(kernel, source, target, asked)

    os.close(source)
    os.close(target)
    assert changes(kernel) == COPIED + restored


def test_time_of_change_is_copied_whatever_the_options_ask_for(below: Path, fresh: Path) -> None:
    source, target = os.open(below, os.O_PATH), os.open(fresh, os.O_PATH)

    copy_up.copy(RecordingSyscall(), source, target, ("mode=1711", "uid=5", "gid=6"))

    os.close(source)
    os.close(target)
    assert fresh.stat().st_mtime_ns == 2_000_000_002


@ASKED
def test_a_mount_is_filled_by_its_options_before_it_can_be_seen(
    below: Path, fresh: Path, asked: tuple[str, ...], restored: list[tuple[object, ...]]
) -> None:
    # The path of the mount point and the unnamed root of the detached mount lead to the two directories.
    kernel = RecordingSyscall(files={"mnt": str(below), "": str(fresh)})
    spec = Spec("1.3.0", Root("rootfs"), mounts=(Mount("/mnt", "tmpfs", "tmpfs", ("tmpcopyup", *asked)),))
    made = plan.make(spec, bundle="/b", rootfs="/b/rootfs", user_namespace=False, cgroup=CgroupView())
    context = Context(kernel)
    context.root_fd = os.open("/", os.O_PATH)

    plan._apply([made.preparing[2]], context)
    context.close()

    assert changes(kernel) == COPIED + restored
    assert kernel.names().index("move_mount") > max(
        index for index, name in enumerate(kernel.names()) if name in ("fchown", "fchmod")
    )
