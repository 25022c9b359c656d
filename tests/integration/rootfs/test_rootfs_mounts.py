"""Mount options of every class, applied by the kernel and read back inside."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from libcontainer.errors import SpecError, SyscallError
from libcontainer.oci.spec import LinuxDevice, LinuxIDMapping, Mount
from libcontainer.syscall import flags
from libcontainer.syscall.linux import LinuxSyscall
from tests.integration.rootfs import harness, specs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytestmark = pytest.mark.root


def row(found: dict[str, Any], mount_point: str) -> str:
    """Return the one row of the mount table for a mount point, as propagation and options."""
    fields = [line.split() for line in found["mountinfo"].splitlines() if line.split()[4] == mount_point][-1]
    return " ".join(fields[5 : fields.index("-")])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "rw,relatime"),
        (("ro",), "ro,relatime"),
        (("nosuid", "nodev", "noexec"), "rw,nosuid,nodev,noexec,relatime"),
        (("nosuid", "suid"), "rw,relatime"),
        (("noatime",), "rw,noatime"),
        (("strictatime",), "rw"),
        (("nodiratime",), "rw,nodiratime,relatime"),
        (("nosymfollow",), "rw,relatime,nosymfollow"),
        (("mand", "nomand", "silent", "loud"), "rw,relatime"),
        (("defaults", "rro"), "ro,relatime"),
        (("silent", "noexec"), "rw,noexec,relatime"),
        (("shared",), "rw,relatime shared"),
        (("private", "slave", "unbindable"), "rw,relatime unbindable"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, tuple) else None,
)
def test_options_of_a_tmpfs(bundle: Path, words: Sequence[str], expected: str) -> None:
    found = harness.run(specs.make(specs.PROC, Mount("/tmp", "tmpfs", "tmpfs", words)), bundle)

    assert row(found, "/tmp").split(":")[0] == expected


@pytest.mark.parametrize(
    ("words", "top", "below"),
    [
        ((), "rw,nodev,relatime", "rw,relatime"),
        (("ro",), "ro,nodev,relatime", "rw,relatime"),
        (("rro",), "ro,nodev,relatime", "ro,relatime"),
        (("rro", "noexec"), "ro,nodev,noexec,relatime", "ro,relatime"),
        (("dev",), "rw,relatime", "rw,relatime"),
        (("rnosuid", "rnoatime"), "rw,nosuid,nodev,noatime", "rw,nosuid,noatime"),
        (("rnoexec", "rnosymfollow"), "rw,nodev,noexec,relatime,nosymfollow", "rw,noexec,relatime,nosymfollow"),
        (("noatime",), "rw,nodev,noatime", "rw,relatime"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, tuple) else None,
)
def test_bind_mounts_keep_the_flags_of_the_source_and_change_what_is_named(
    bundle: Path, tree: Path, words: Sequence[str], top: str, below: str
) -> None:
    found = harness.run(specs.make(specs.PROC, specs.bind(tree, "/data", "rbind", *words)), bundle)

    assert (row(found, "/data"), row(found, "/data/below")) == (top, below)


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A nodev tmpfs with another tmpfs below."""
    top = tmp_path / "tree"
    top.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nodev", "tmpfs", top], check=True)
    (top / "below").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", top / "below"], check=True)
    subprocess.run(["mount", "--make-rprivate", top], check=True)
    yield top
    subprocess.run(["umount", "-R", top], check=True)


def test_bind_without_recursion_leaves_what_is_below(bundle: Path, tree: Path) -> None:
    found = harness.run(specs.make(specs.PROC, specs.bind(tree, "/data")), bundle)

    assert not any(" /data/below " in line for line in found["mountinfo"].splitlines())


def test_file_is_bound_on_a_new_file(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("127.0.0.1 localhost")

    found = harness.run(
        specs.make(specs.bind(tmp_path / "hosts", "/etc/made/hosts", "ro")),
        bundle,
        observe=lambda: [Path("/etc/made/hosts").read_text(), os.statvfs("/etc/made/hosts").f_flag & os.ST_RDONLY],
    )

    assert found == ["127.0.0.1 localhost", os.ST_RDONLY]


def test_relative_source_is_in_the_bundle(bundle: Path) -> None:
    (bundle / "volume").mkdir()
    (bundle / "volume" / "file").touch()

    found = harness.run(specs.make(specs.bind("volume", "/data")), bundle, observe=lambda: os.listdir("/data"))

    assert found == ["file"]


def test_missing_bind_source_is_named(bundle: Path) -> None:
    mounts = (*specs.DEFAULT_MOUNTS, specs.bind("/missing/source", "/data"))

    with pytest.raises(
        SyscallError, match=r"^mounts\[6\]\.source: open /missing/source: no such file or directory$"
    ) as caught:
        harness.run(specs.make(*mounts), bundle)

    assert caught.value.property == "mounts[6].source"


def test_the_kernels_reason_is_the_hint(bundle: Path) -> None:
    spec = specs.make(specs.PROC, Mount("/tmp", "tmpfs", "tmpfs", ("no_such_option=1",)))

    message = r"^mounts\[1\]\.options: unknown option 'no_such_option=1': mount tmpfs on /tmp: invalid argument$"
    with pytest.raises(SyscallError, match=message) as caught:
        harness.run(spec, bundle)

    assert caught.value.property == "mounts[1].options"
    assert caught.value.hint == "the kernel says: tmpfs: Unknown parameter 'no_such_option'"


def test_unknown_file_system_is_an_error(bundle: Path) -> None:
    with pytest.raises(SyscallError, match=r"^mount nofs on /tmp: no such device$"):
        harness.run(specs.make(Mount("/tmp", "nofs", "nofs")), bundle)


def test_tmpfs_without_mode_takes_that_of_the_directory(bundle: Path) -> None:
    (bundle / "rootfs" / "tmp").chmod(0o1777)
    (bundle / "rootfs" / "etc").chmod(0o710)
    spec = specs.make(Mount("/tmp", "tmpfs", "tmpfs"), Mount("/etc", "tmpfs", "tmpfs", ("mode=700",)))

    found = harness.run(
        spec, bundle, observe=lambda: [stat.S_IMODE(os.stat(path).st_mode) for path in ("/tmp", "/etc")]
    )

    assert found == [0o1777, 0o700]


def test_read_only_dev_gets_its_devices_first(bundle: Path) -> None:
    dev = Mount("/dev", "tmpfs", "tmpfs", ("nosuid", "ro", "mode=755"))

    found = harness.run(specs.make(specs.PROC, dev), bundle)

    assert row(found, "/dev") == "ro,nosuid,relatime"
    assert "null" in found["dev"]


def test_two_read_only_mounts_on_one_destination(bundle: Path) -> None:
    mount = Mount("/tmp", "tmpfs", "tmpfs", ("ro",))

    found = harness.run(specs.make(specs.PROC, mount, mount), bundle)

    rows = [line for line in harness.mount_table(found["mountinfo"]) if line.startswith("/tmp ")]
    assert rows == ["/tmp ro,relatime tmpfs"] * 2


def test_remount_changes_what_is_there(bundle: Path) -> None:
    spec = specs.make(
        specs.PROC,
        Mount("/tmp", "tmpfs", "tmpfs", ("size=64k",)),
        Mount("/tmp", "tmpfs", "tmpfs", ("remount", "nosuid", "size=128k")),
    )

    found = harness.run(spec, bundle)

    line = next(line for line in found["mountinfo"].splitlines() if " /tmp " in line)
    assert "rw,nosuid,relatime" in line
    assert "size=128k" in line


def test_bind_of_dev_is_left_alone(bundle: Path, tmp_path: Path) -> None:
    mine = tmp_path / "dev"
    mine.mkdir()
    (mine / "only").touch()

    found = harness.run(specs.make(specs.PROC, specs.bind(mine, "/dev")), bundle)

    assert list(found["dev"]) == ["only"]


def test_devices_of_every_kind_are_exact(bundle: Path) -> None:
    devices = (
        LinuxDevice("c", "/dev/fuse", 10, 229, file_mode=0o640, uid=5, gid=6),
        LinuxDevice("b", "/dev/sub/disk", 7, 0, file_mode=0o600 | stat.S_IFBLK),
        LinuxDevice("u", "/dev/unbuffered", 1, 3),
        LinuxDevice("p", "/dev/fifo", file_mode=0o622),
    )

    found = harness.run(
        specs.make(specs.PROC, specs.DEV, devices=devices),
        bundle,
        observe=lambda: harness.describe_tree("/dev") | harness.describe_tree("/dev/sub"),
    )

    assert {name: found[name] for name in ("fuse", "disk", "unbuffered", "fifo")} == {
        "fuse": "crw-r----- 5:6 10:229",
        "disk": "brw------- 0:0 7:0",
        "unbuffered": "crw-rw-rw- 0:0 1:3",
        "fifo": "prw--w--w- 0:0",
    }


@pytest.mark.parametrize(
    ("word", "expected"),
    [(None, ""), ("private", ""), ("shared", "shared"), ("unbindable", "unbindable"), ("rslave", "")],
)
def test_root_propagation(bundle: Path, word: str | None, expected: str) -> None:
    found = harness.run(specs.make(specs.PROC, rootfs_propagation=word), bundle)

    assert row(found, "/").removeprefix("rw,relatime").strip().split(":")[0] in {expected, f"{expected}"}


def test_shared_root_propagation_does_not_leak_mounts(bundle: Path) -> None:
    def table() -> str:
        with open("/proc/self/mountinfo") as file:
            return file.read()

    subprocess.run(["mount", "--bind", bundle, bundle], check=True)
    try:
        subprocess.run(["mount", "--make-shared", bundle], check=True)
        before = table()
        harness.run(specs.make(*specs.DEFAULT_MOUNTS, rootfs_propagation="shared"), bundle)
        after = table()
    finally:
        subprocess.run(["umount", bundle], check=True)

    assert after == before


@pytest.mark.parametrize(
    ("words", "expected"),
    [(("copy-symlink",), "lrwxrwxrwx 0:0 file"), (("src-nofollow",), None)],
    ids=["copy-symlink", "src-nofollow"],
)
def test_links_as_sources(bundle: Path, tmp_path: Path, words: Sequence[str], expected: str | None) -> None:
    (tmp_path / "file").write_text("text")
    os.symlink("file", tmp_path / "link")

    found = harness.run(
        specs.make(specs.bind(tmp_path / "link", "/etc/link", *words)),
        bundle,
        observe=lambda: harness.describe_tree("/etc").get("link"),
    )

    assert found == expected or (expected is None and found.startswith("l"))


def test_data_of_a_bind_mount_is_refused(bundle: Path) -> None:
    with pytest.raises(
        SpecError, match=r"^mounts\[0\]\.options: a bind mount has no options of a file system, got 'size=1'$"
    ):
        harness.run(specs.make(specs.bind("/tmp", "/data", "size=1")), bundle)


def user_namespace(uids: Sequence[LinuxIDMapping], gids: Sequence[LinuxIDMapping]) -> int:
    """Make a user namespace with the maps and return a descriptor of it."""
    reader, writer = os.pipe()
    pid, pidfd = LinuxSyscall().clone3(flags.CLONE_NEWUSER)
    if pid == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    os.close(pidfd)
    os.close(reader)
    for kind, maps in (("uid_map", uids), ("gid_map", gids)):
        text = "\n".join(f"{entry.container_id} {entry.host_id} {entry.size}" for entry in maps)
        with open(f"/proc/{pid}/{kind}", "w") as file:
            file.write(text)
    fd = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    os.close(writer)
    os.waitpid(pid, 0)
    return fd


@pytest.mark.parametrize("words", [("idmap",), ("ridmap", "rbind"), ()], ids=["idmap", "ridmap", "mappings alone"])
def test_idmapped_mounts_shift_owners(bundle: Path, tmp_path: Path, words: Sequence[str]) -> None:
    source = tmp_path / "volume"
    source.mkdir()
    (source / "file").touch()
    os.chown(source / "file", 1000, 2000)
    shift = (LinuxIDMapping(0, 10000, 65536),)
    mount = Mount("/data", str(source), "bind", ("bind", *words), uid_mappings=shift, gid_mappings=shift)

    found = harness.run(
        specs.make(mount),
        bundle,
        observe=lambda: [os.stat("/data/file").st_uid, os.stat("/data/file").st_gid],
        userns_fd=user_namespace,
    )

    assert found == [11000, 12000]


def test_file_system_that_cannot_be_idmapped_is_named(bundle: Path) -> None:
    shift = (LinuxIDMapping(0, 10000, 65536),)
    mount = Mount("/data", "/proc", "bind", ("bind", "idmap"), uid_mappings=shift, gid_mappings=shift)

    with pytest.raises(SyscallError, match=r"^map the ids of /proc: invalid argument$") as caught:
        harness.run(specs.make(mount), bundle, userns_fd=user_namespace)

    assert caught.value.property == "mounts[0]"


class TestUserNamespace:
    """The container's root is the host's 100000."""

    maps = ("0 100000 65536", "0 100000 65536")

    def run(self, spec: Any, bundle: Path, **options: Any) -> Any:
        os.chown(bundle / "rootfs", 100000, 100000)
        for name in os.listdir(bundle / "rootfs"):
            os.chown(bundle / "rootfs" / name, 100000, 100000)
        return harness.run(spec, bundle, id_maps=self.maps, **options)

    def test_default_mounts_and_bound_devices(self, bundle: Path) -> None:
        found = self.run(specs.default(), bundle)

        assert row(found, "/dev/null").split(":")[0].startswith("rw")
        assert row(found, "/sys") == "ro,nosuid,nodev,noexec,relatime"
        assert row(found, "/") == "ro,relatime"
        assert found["dev"]["null"] == "crw-rw-rw- 65534:65534 1:3"

    def test_sysfs_of_the_host_is_bound_when_the_network_namespace_is_shared(self, bundle: Path) -> None:
        spec = specs.make(specs.PROC, specs.SYS, namespaces=("mount", "pid", "ipc", "uts", "user"))
        shared = harness.NAMESPACES & ~flags.CLONE_NEWNET

        found = self.run(spec, bundle, clone_flags=shared)

        assert row(found, "/sys").startswith("ro,nosuid,nodev,noexec,relatime")

    def test_source_that_only_root_can_reach_is_prepared_outside(self, bundle: Path, tmp_path: Path) -> None:
        private = tmp_path / "private"
        private.mkdir(mode=0o700)
        (private / "volume").mkdir()
        (private / "volume" / "file").touch()

        found = self.run(
            specs.make(specs.bind(private / "volume", "/data", "ro")),
            bundle,
            observe=lambda: [os.listdir("/data"), os.statvfs("/data").f_flag & os.ST_RDONLY],
        )

        assert found == [["file"], os.ST_RDONLY]

    def test_locked_flags_are_kept_by_a_read_only_bind(self, bundle: Path, tree: Path) -> None:
        found = self.run(specs.make(specs.PROC, specs.bind(tree, "/data", "rbind", "ro")), bundle)

        assert row(found, "/data") == "ro,nodev,relatime"

    def test_clearing_a_locked_flag_is_an_error_with_a_remedy(self, bundle: Path, tree: Path) -> None:
        with pytest.raises(SyscallError, match=r"^bind .* on /data: operation not permitted$") as caught:
            self.run(specs.make(specs.PROC, specs.bind(tree, "/data", "rbind", "dev")), bundle)

        assert caught.value.hint is not None
        assert "leave out suid, dev" in caught.value.hint


class OldKernel(LinuxSyscall):
    """A kernel before Linux 5.2 (no mount calls by descriptor), 5.6 (openat2) and 5.12 (mount_setattr)."""

    def __init__(self, *missing: str) -> None:
        self._without_openat2 = "openat2" in missing
        for name in set(missing) - {"openat2"}:
            setattr(self, name, self._refuse)

    def openat2(self, dirfd: int, path: str, flags: int, mode: int = 0, resolve: int = 0) -> int:
        if resolve and self._without_openat2:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        return super().openat2(dirfd, path, flags, mode, resolve)

    def _refuse(self, *arguments: object, **named: object) -> int:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))


OLD_KERNELS = {
    "no openat2": ("openat2",),
    "no mount_setattr": ("mount_setattr",),
    "no fsopen": ("fsopen",),
    "no calls by descriptor": ("fsopen", "open_tree", "move_mount", "mount_setattr"),
}


@pytest.mark.parametrize("missing", OLD_KERNELS.values(), ids=OLD_KERNELS)
def test_old_kernels_get_the_same_mounts(bundle: Path, tree: Path, missing: Sequence[str]) -> None:
    spec = specs.default().replace(
        mounts=(
            *specs.DEFAULT_MOUNTS,
            specs.bind(tree, "/data", "rbind", "ro", "noexec"),
            Mount("/tmp/made/below", "tmpfs", "tmpfs", ("ro", "private")),
        )
    )
    expected = harness.run(spec, bundle)

    found = harness.run(spec, bundle, syscall=OldKernel(*missing))

    assert harness.mount_table(found["mountinfo"]) == harness.mount_table(expected["mountinfo"])
    assert found["dev"] == expected["dev"]


class WithoutMknod(LinuxSyscall):
    """What a process without CAP_MKNOD gets, such as one in a container."""

    def mknod(self, path: str, mode: int, device: int, dir_fd: int | None = None) -> None:
        if device:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), path)
        super().mknod(path, mode, device, dir_fd)


def test_devices_of_the_host_are_bound_without_the_right_to_make_them(bundle: Path) -> None:
    found = harness.run(specs.default(), bundle, syscall=WithoutMknod())

    assert found["dev"]["null"] == "crw-rw-rw- 0:0 1:3"
    assert any(" /dev/null " in line for line in found["mountinfo"].splitlines())


def test_a_device_of_the_host_with_another_number_is_not_bound(bundle: Path) -> None:
    spec = specs.make(specs.PROC, specs.DEV, devices=(LinuxDevice("c", "/dev/zero", 1, 11),))

    with pytest.raises(SyscallError, match=r"^make device /dev/zero: no such device$") as caught:
        harness.run(spec, bundle, syscall=WithoutMknod())

    assert caught.value.property == "linux.devices[0]"
