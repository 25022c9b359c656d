"""The configuration that ``runc spec`` prints: mounted by us and by runc, and what each phase may cost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from libcgroups.manager import Hierarchy
from libcontainer.rootfs.cgroup import CgroupView
from tests.integration.rootfs import harness, specs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.root

V1_CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids")


def run_in_runc(bundle: Path) -> dict[str, Any]:
    """Let runc mount its own default configuration on the same root and print what it looks like."""
    subprocess.run(["runc", "spec"], cwd=bundle, check=True)
    config = json.loads((bundle / "config.json").read_text())
    config["mounts"] = [mount for mount in config["mounts"] if mount["type"] != "cgroup"]
    config["process"] |= {"terminal": False, "args": ["sh", "-c", "cat /proc/self/mountinfo; echo ---; ls -1 /dev"]}
    (bundle / "config.json").write_text(json.dumps(config))
    name = f"pyouki-test-rootfs-{os.getpid()}"
    printed = subprocess.run(
        ["runc", "--root", str(bundle / "state"), "run", name],
        cwd=bundle, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    ).stdout  # fmt: skip
    table, _, names = printed.partition("---\n")
    return {"mountinfo": table, "dev": names.split()}


@pytest.mark.skipif(shutil.which("runc") is None, reason="runc is the oracle")
def test_default_mounts_are_those_of_runc(bundle: Path) -> None:
    expected = run_in_runc(bundle)

    found = harness.run(specs.default(), bundle)

    assert harness.mount_table(found["mountinfo"]) == harness.mount_table(expected["mountinfo"])
    assert sorted(found["dev"]) == sorted(expected["dev"])
    assert found["cwd"] == "/"


def test_default_devices_and_links_are_exact(bundle: Path) -> None:
    found = harness.run(specs.default(), bundle)

    core = {"core": "lrwxrwxrwx 0:0 /proc/kcore"} if os.path.exists("/proc/kcore") else {}
    assert found["dev"] == core | {
        "fd": "lrwxrwxrwx 0:0 /proc/self/fd",
        "full": "crw-rw-rw- 0:0 1:7",
        "mqueue": "drwxrwxrwt 0:0",
        "null": "crw-rw-rw- 0:0 1:3",
        "ptmx": "lrwxrwxrwx 0:0 pts/ptmx",
        "pts": "drwxr-xr-x 0:0",
        "random": "crw-rw-rw- 0:0 1:8",
        "shm": "drwxrwxrwt 0:0",
        "stderr": "lrwxrwxrwx 0:0 /proc/self/fd/2",
        "stdin": "lrwxrwxrwx 0:0 /proc/self/fd/0",
        "stdout": "lrwxrwxrwx 0:0 /proc/self/fd/1",
        "tty": "crw-rw-rw- 0:0 5:0",
        "urandom": "crw-rw-rw- 0:0 1:9",
        "zero": "crw-rw-rw- 0:0 1:5",
    }


def test_masked_and_read_only_paths_are_what_they_say(bundle: Path) -> None:
    def observe() -> dict[str, Any]:
        return {
            "keys": open("/proc/keys").read(),
            "firmware": os.listdir("/sys/firmware"),
            "sys is read-only": bool(os.statvfs("/proc/sys").f_flag & os.ST_RDONLY),
            "root is read-only": bool(os.statvfs("/").f_flag & os.ST_RDONLY),
            "dev is writable": not os.statvfs("/dev").f_flag & os.ST_RDONLY,
        }

    found = harness.run(specs.default(), bundle, observe=observe)

    assert found == {
        "keys": "",
        "firmware": [],
        "sys is read-only": True,
        "root is read-only": True,
        "dev is writable": True,
    }


def test_nothing_shows_on_the_host(bundle: Path) -> None:
    def table() -> list[str]:
        with open("/proc/self/mountinfo") as file:
            return file.readlines()

    before = table()

    harness.run(specs.default(), bundle)

    assert table() == before


def test_no_pivot_hides_the_kernels_file_systems_of_the_host(bundle: Path) -> None:
    found = harness.run(specs.default(), bundle, no_pivot=True)

    visible = [row for row in harness.mount_table(found["mountinfo"]) if row.split()[0] in ("/proc", "/sys")]
    assert found["root"] == ["bin", "dev", "etc", "proc", "sys", "tmp"]
    assert visible == ["/proc rw,relatime proc", "/sys ro,nosuid,nodev,noexec,relatime sysfs"]


@pytest.fixture
def own_cgroups() -> Iterator[tuple[Hierarchy, ...]]:
    name = f"pyouki-test-rootfs-{os.getpid()}"
    hierarchies = tuple(
        Hierarchy((controller,), f"/sys/fs/cgroup/{controller}", f"/{name}", f"/sys/fs/cgroup/{controller}/{name}")
        for controller in V1_CONTROLLERS
        if controller != "memory"
    )
    for hierarchy in hierarchies:
        os.mkdir(hierarchy.directory)
    yield hierarchies
    for hierarchy in hierarchies:
        os.rmdir(hierarchy.directory)


@pytest.mark.cgroup1
def test_cgroup_v1_shows_one_read_only_directory_for_each_hierarchy(
    bundle: Path, own_cgroups: tuple[Hierarchy, ...]
) -> None:
    spec = specs.make(*specs.DEFAULT_MOUNTS, specs.CGROUP)

    found = harness.run(spec, bundle, cgroup=CgroupView(own_cgroups))

    rows = [row for row in harness.mount_table(found["mountinfo"]) if row.startswith("/sys/fs/cgroup")]
    options = "ro,nosuid,nodev,noexec,relatime"
    assert rows == [
        f"/sys/fs/cgroup {options} tmpfs",
        *(f"/sys/fs/cgroup/{entry.controllers[0]} {options} cgroup" for entry in own_cgroups),
    ]


@pytest.mark.cgroup1
def test_controllers_that_share_a_hierarchy_are_links(bundle: Path, own_cgroups: tuple[Hierarchy, ...]) -> None:
    shared = own_cgroups[0].replace(controllers=("cpu", "cpuset_link"))
    spec = specs.make(*specs.DEFAULT_MOUNTS, specs.CGROUP)

    found = harness.run(
        spec, bundle, cgroup=CgroupView((shared,)), observe=lambda: harness.describe_tree("/sys/fs/cgroup")
    )

    assert found == {"cpu": "drwxr-xr-x 0:0", "cpuset_link": "lrwxrwxrwx 0:0 cpu"}


def test_unified_hierarchy_is_bound_without_a_cgroup_namespace(bundle: Path) -> None:
    if not os.path.exists("/sys/fs/cgroup/unified/cgroup.procs"):
        pytest.skip("no cgroup v2 hierarchy")
    directory = f"/sys/fs/cgroup/unified/pyouki-test-rootfs-{os.getpid()}"
    os.mkdir(directory)
    view = CgroupView((Hierarchy((), "/sys/fs/cgroup/unified", "/x", directory),), unified=True)
    try:
        found = harness.run(specs.make(specs.PROC, specs.SYS, specs.CGROUP), bundle, cgroup=view)
    finally:
        os.rmdir(directory)

    rows = [row for row in harness.mount_table(found["mountinfo"]) if row.startswith("/sys/fs/cgroup")]
    assert rows == ["/sys/fs/cgroup ro,nosuid,nodev,noexec,relatime cgroup2"]


def test_unified_hierarchy_is_mounted_anew_in_a_cgroup_namespace(bundle: Path) -> None:
    if not os.path.exists("/sys/fs/cgroup/unified/cgroup.procs"):
        pytest.skip("no cgroup v2 hierarchy")
    view = CgroupView((), unified=True, new_namespace=True)

    found = harness.run(specs.make(specs.PROC, specs.SYS, specs.CGROUP), bundle, cgroup=view)

    rows = [row for row in harness.mount_table(found["mountinfo"]) if row.startswith("/sys/fs/cgroup")]
    assert rows == ["/sys/fs/cgroup ro,nosuid,nodev,noexec,relatime cgroup2"]
