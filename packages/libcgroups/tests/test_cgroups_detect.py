from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from libcgroups import detect
from libcgroups.detect import CgroupSetup, Mount, Mounts
from libcgroups.errors import NotMountedError

if TYPE_CHECKING:
    from pathlib import Path

LEGACY = """\
31 23 0:28 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755
32 31 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/lib/agent,name=systemd
33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:15 - cgroup cgroup rw,cpu,cpuacct
"""
UNIFIED = "30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n"
HYBRID = LEGACY + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"


def read(tmp_path: Path, mountinfo: str, root: str | None = None) -> Mounts:
    (tmp_path / "mountinfo").write_text(mountinfo)
    return detect.read_mounts(root=root, proc=str(tmp_path))


@pytest.mark.parametrize(
    ("mountinfo", "setup"),
    [
        pytest.param(LEGACY, CgroupSetup.LEGACY, id="legacy"),
        pytest.param(HYBRID, CgroupSetup.HYBRID, id="hybrid"),
        pytest.param(UNIFIED, CgroupSetup.UNIFIED, id="unified"),
    ],
)
def test_the_setup_is_told_from_the_mount_table(tmp_path: Path, mountinfo: str, setup: str) -> None:
    assert read(tmp_path, mountinfo).setup == setup


def test_controllers_are_told_from_mount_options(tmp_path: Path) -> None:
    mounts = read(tmp_path, LEGACY)

    assert mounts.v1 == (
        Mount(("name=systemd",), "/sys/fs/cgroup/systemd"),
        Mount(("cpu", "cpuacct"), "/sys/fs/cgroup/cpu,cpuacct"),
    )


def test_a_later_mount_hides_what_is_below_it(tmp_path: Path) -> None:
    covered = HYBRID + "50 41 0:99 / /sys/fs/cgroup/unified rw - tmpfs tmpfs rw\n"

    assert read(tmp_path, covered).setup == CgroupSetup.LEGACY


def test_a_mount_over_a_directory_above_hides_all(tmp_path: Path) -> None:
    with pytest.raises(NotMountedError, match=r"^detect cgroups: no cgroup hierarchy is mounted$"):
        read(tmp_path, HYBRID + "50 41 0:99 / /sys rw - tmpfs tmpfs rw\n")


def test_a_mount_beside_hides_nothing(tmp_path: Path) -> None:
    mounts = read(tmp_path, HYBRID + "50 41 0:99 / /sys/fs/cgroup/uni rw - tmpfs tmpfs rw\n")

    assert mounts.v2 == Mount((), "/sys/fs/cgroup/unified")


def test_copies_of_a_hierarchy_elsewhere_are_not_taken(tmp_path: Path) -> None:
    copy = "60 1 0:26 /docker/x /var/lib/docker/x/sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"

    assert read(tmp_path, copy + UNIFIED).v2 == Mount((), "/sys/fs/cgroup")


def test_another_place_is_accepted_when_the_usual_one_is_empty(tmp_path: Path) -> None:
    elsewhere = "30 23 0:26 / /mnt/my\\040cgroup rw - cgroup2 cgroup2 rw\n"

    assert read(tmp_path, elsewhere).v2 == Mount((), "/mnt/my cgroup")


def test_a_root_is_binding(tmp_path: Path) -> None:
    with pytest.raises(NotMountedError, match=r"^detect cgroups: no cgroup hierarchy is mounted below /mnt$"):
        read(tmp_path, UNIFIED, root="/mnt")


def test_a_truncated_line_is_passed_over(tmp_path: Path) -> None:
    assert read(tmp_path, "1 2\n\n" + UNIFIED).setup == CgroupSetup.UNIFIED


def test_own_paths_are_read_by_controller(tmp_path: Path) -> None:
    mounts = read(tmp_path, HYBRID)
    (tmp_path / "cgroup").write_text("2:cpu,cpuacct:/a:b\n1:name=systemd:/c\n0::/d\n")

    assert mounts.own_paths() == {"cpu": "/a:b", "cpuacct": "/a:b", "name=systemd": "/c", "": "/d"}


@pytest.mark.parametrize(
    ("root", "own", "below"),
    [
        pytest.param("/", "/docker/x", "/docker/x", id="all mounted"),
        pytest.param("/docker/x", "/docker/x", "/", id="own cgroup mounted"),
        pytest.param("/docker", "/docker/x/y", "/x/y", id="parent mounted"),
        pytest.param("/other", "/docker/x", "/", id="unrelated part mounted"),
    ],
)
def test_own_path_is_seen_from_the_mount_point(root: str, own: str, below: str) -> None:
    assert detect.below_mount(Mount((), "/sys/fs/cgroup", root), own) == below
