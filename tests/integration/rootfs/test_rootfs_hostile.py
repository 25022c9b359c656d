"""Root file systems made by an attacker: nothing outside them may change, be shown, or be trusted.

The cases are those of published advisories on other runtimes; ``victim`` is a directory of the host beside the root.
"""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cffi import FFI

from libcontainer.errors import LibcontainerError, SpecError, SyscallError
from libcontainer.oci.spec import LinuxDevice, Mount, Spec
from tests.integration.rootfs import harness, specs
from tests.integration.rootfs.conftest import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_FDCWD = -100
RENAME_EXCHANGE = 2

pytestmark = pytest.mark.root


def try_run(spec: Spec, bundle: Path) -> LibcontainerError | None:
    """Run and return the error, if any: both are fine as long as nothing outside the root is touched."""
    try:
        harness.run(spec, bundle, observe=lambda: None)
    except LibcontainerError as error:
        return error
    return None


@pytest.mark.parametrize("name", ["proc", "sys"])
@pytest.mark.parametrize("target", ["/tmp", "/decoy", "victim", "../victim"])
def test_kernel_file_systems_are_not_mounted_through_a_link(bundle: Path, victim: Path, name: str, target: str) -> None:
    # CVE-2019-16884, CVE-2019-19921, CVE-2023-27561
    before = snapshot(victim)
    (bundle / "rootfs" / name).rmdir()
    os.symlink(str(victim) if target == "victim" else target, bundle / "rootfs" / name)
    spec = specs.make(specs.PROC if name == "proc" else specs.SYS)

    with pytest.raises(
        SyscallError, match=r"^mount (proc|sysfs) on /(proc|sys): too many levels of symbolic links$"
    ) as caught:
        harness.run(spec, bundle)

    assert caught.value.property == "mounts[0]"
    assert caught.value.hint is not None
    assert "ordinary directory" in caught.value.hint
    assert snapshot(victim) == before


@pytest.mark.parametrize("target", ["{victim}", "../../../../../../..{victim}", "/proc/self/root{victim}"])
@pytest.mark.parametrize("destination", ["/vol", "/vol/sub/x", "vol/y", "/../../vol/z", "/bin/../vol"])
@pytest.mark.parametrize("kind", ["tmpfs", "directory", "file"])
def test_mount_points_stay_in_the_root(
    bundle: Path, victim: Path, tmp_path: Path, target: str, destination: str, kind: str
) -> None:
    # CVE-2019-18837
    before = snapshot(victim)
    os.symlink(target.format(victim=victim), bundle / "rootfs" / "vol")
    source = tmp_path / "source"
    if kind == "file":
        source.write_text("from the host")
    else:
        source.mkdir()
    mount = Mount(destination, "tmpfs", "tmpfs") if kind == "tmpfs" else specs.bind(source, destination)

    try_run(specs.make(mount, *specs.DEFAULT_MOUNTS), bundle)

    assert snapshot(victim) == before


def test_a_dangling_link_is_completed_inside_the_root(bundle: Path) -> None:
    os.symlink("/run", bundle / "rootfs" / "var-run")

    found = harness.run(specs.make(specs.PROC, Mount("/var-run/secrets", "tmpfs", "tmpfs")), bundle)

    assert harness.mount_table(found["mountinfo"])[-1] == "/run/secrets rw,relatime tmpfs"


@pytest.fixture
def swapping(bundle: Path, victim: Path) -> Iterator[None]:
    """Exchange rootfs/vol between a directory and a link to the victim as fast as possible."""
    rootfs = bundle / "rootfs"
    (rootfs / "vol").mkdir()
    os.symlink(str(victim), rootfs / "link")
    ffi = FFI()
    ffi.cdef("int renameat2(int, const char *, int, const char *, unsigned int);")
    renameat2 = ffi.dlopen(None).renameat2  # type: ignore[attr-defined]  # cffi makes it from the cdef
    pid = os.fork()
    if pid == 0:
        os.chdir(rootfs)
        while renameat2(AT_FDCWD, b"vol", AT_FDCWD, b"link", RENAME_EXCHANGE) == 0:
            pass
        os._exit(1)
    yield
    assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


@pytest.mark.usefixtures("swapping")
@pytest.mark.parametrize("kind", ["nested", "file"])
def test_no_race_leads_out_of_the_root(bundle: Path, victim: Path, tmp_path: Path, kind: str) -> None:
    # CVE-2021-30465, CVE-2024-45310
    before = snapshot(victim)
    source = tmp_path / "file"
    source.write_text("from the host")
    nested = Mount("/vol/a/b/c", "tmpfs", "tmpfs")
    spec = specs.make(nested if kind == "nested" else specs.bind(source, "/vol/new-file"))

    for _ in range(30):
        try_run(spec, bundle)

    assert snapshot(victim) == before


def test_masks_refuse_a_null_device_of_the_attacker(bundle: Path, tmp_path: Path) -> None:
    # CVE-2025-31133
    (bundle / "rootfs" / "topsecret").write_text("TOPSECRET")
    (bundle / "rootfs" / "payload").write_text("PAYLOAD")
    attacker = tmp_path / "dev"
    attacker.mkdir()
    os.symlink("/payload", attacker / "null")
    spec = specs.make(specs.PROC, specs.bind(attacker, "/dev"), masked_paths=("/topsecret",))

    with pytest.raises(
        SyscallError, match=r"^mask /topsecret: the container's /dev/null is not the null device: "
    ) as caught:
        harness.run(spec, bundle)

    assert caught.value.property == "linux.maskedPaths[0]"


def test_missing_masked_paths_are_left_out_but_no_other_error(bundle: Path) -> None:
    os.symlink("loop", bundle / "rootfs" / "loop")
    missing = specs.make(specs.PROC, specs.DEV, masked_paths=("/missing", "/missing/too"))
    looping = specs.make(specs.PROC, specs.DEV, masked_paths=("/loop",))

    harness.run(missing, bundle)
    with pytest.raises(SyscallError, match=r"^mask /loop: too many levels of symbolic links$"):
        harness.run(looping, bundle)


def test_masks_and_read_only_paths_follow_links_inside_the_root_only(bundle: Path, victim: Path) -> None:
    os.symlink(str(victim / "secret"), bundle / "rootfs" / "link")
    (bundle / "rootfs" / str(victim).lstrip("/")).mkdir(parents=True)
    (bundle / "rootfs" / str(victim / "secret").lstrip("/")).write_text("inside")

    found = harness.run(
        specs.make(specs.PROC, specs.DEV, masked_paths=("/link",), readonly_paths=(str(victim),)),
        bundle,
        observe=lambda: [Path("/link").read_text(), os.statvfs(str(victim)).f_flag & os.ST_RDONLY],
    )

    assert found == ["", os.ST_RDONLY]
    assert (victim / "secret").read_text() == "HOSTSECRET"


@pytest.mark.parametrize("mounts", [(), (specs.PROC, specs.DEV)], ids=["without a mount", "with a mount"])
def test_dev_that_is_a_link_does_not_lead_to_the_host(bundle: Path, victim: Path, mounts: tuple[Mount, ...]) -> None:
    # CVE-2026-41579, CVE-2026-47766
    before = snapshot(victim)
    (bundle / "rootfs" / "dev").rmdir()
    os.symlink(str(victim), bundle / "rootfs" / "dev")

    try_run(specs.make(*mounts), bundle)

    assert snapshot(victim) == before


@pytest.mark.parametrize("path", ["/dev/../../evil", "/link/evil", "../evil", "/dev/sub/../../../../evil"])
def test_devices_stay_in_the_root(bundle: Path, victim: Path, path: str) -> None:
    before = snapshot(victim)
    os.symlink(str(victim), bundle / "rootfs" / "link")
    device = LinuxDevice("c", path, 1, 3)

    try_run(specs.make(specs.PROC, specs.DEV, devices=(device,)), bundle)

    assert snapshot(victim) == before
    assert not (bundle / "evil").exists()
    assert not (bundle.parent / "evil").exists()


def test_a_device_does_not_replace_another_file(bundle: Path) -> None:
    (bundle / "rootfs" / "dev" / "null").write_text("payload")

    with pytest.raises(SyscallError, match=r"^make device /dev/null: file exists$"):
        harness.run(specs.make(specs.PROC), bundle)


def test_a_device_of_the_configuration_names_its_property(bundle: Path) -> None:
    (bundle / "rootfs" / "file").write_text("payload")
    device = LinuxDevice("b", "/file", 8, 0)

    with pytest.raises(SyscallError) as caught:
        harness.run(specs.make(specs.PROC, specs.DEV, devices=(device,)), bundle)

    assert caught.value.property == "linux.devices[0]"


def test_copy_up_does_not_read_through_links(bundle: Path, victim: Path) -> None:
    data = bundle / "rootfs" / "data"
    data.mkdir(mode=0o751)
    (data / "kept").write_text("kept")
    (data / "kept").chmod(0o640)
    os.chown(data / "kept", 7, 8)
    os.symlink(str(victim / "secret"), data / "link")
    os.mkfifo(data / "fifo")
    os.symlink(str(victim), bundle / "rootfs" / "data2")
    spec = specs.make(
        Mount("/data", "tmpfs", "tmpfs", ("tmpcopyup",)), Mount("/data2", "tmpfs", "tmpfs", ("tmpcopyup",))
    )

    def observe() -> object:
        return harness.describe_tree("/data"), Path("/data/kept").read_text(), stat.S_IMODE(os.stat("/data").st_mode)

    assert harness.run(spec, bundle, observe=observe) == [
        {
            "fifo": "prw-r--r-- 0:0",
            "kept": "-rw-r----- 7:8",
            "link": f"lrwxrwxrwx 0:0 {victim}/secret",
        },
        "kept",
        0o751,
    ]
    assert harness.run(spec, bundle, observe=lambda: os.listdir("/data2")) == []


def test_nothing_is_mounted_inside_proc_by_a_link(bundle: Path) -> None:
    os.symlink("/proc/sys", bundle / "rootfs" / "vol")

    with pytest.raises(SyscallError, match=r"^mount tmpfs on /vol: nothing may be mounted inside /proc: "):
        harness.run(specs.make(specs.PROC, Mount("/vol", "tmpfs", "tmpfs")), bundle)


def test_only_a_procfs_is_bound_on_proc(bundle: Path, victim: Path) -> None:
    with pytest.raises(SyscallError, match=r"^bind .* on /proc: only a procfs may be mounted on /proc: "):
        harness.run(specs.make(specs.bind(victim, "/proc")), bundle)


def test_the_hosts_root_is_no_container_root(bundle: Path) -> None:
    with pytest.raises(SpecError, match=r"^root\.path: the root of the host cannot be a container's root$"):
        harness.run(specs.make(specs.PROC, rootfs="/"), bundle)
