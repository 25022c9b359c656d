"""Building the guest's disk, kernel and initrd with the host's apt and pip; nothing is fetched inside the guest."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shlex
import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.vm.errors import Failure, say

if TYPE_CHECKING:
    from collections.abc import Sequence

SUITE = "bookworm"
KERNEL = "linux-image-amd64"  # the one for clouds is smaller, but has no RDMA device made of software
# Directories of modules for hardware that the guest does not have: more than half of the kernel's size.
LEFT_OUT = ("gpu", "media", "sound", "wireless", "ethernet", "scsi", "iio", "usb", "staging", "hwmon", "isdn", "comedi")
PACKAGES = (
    *["systemd", "systemd-sysv", "libpam-systemd", "dbus", "dbus-user-session", "udev", "kmod"],
    *["python3", "python3-venv", "libseccomp2", "busybox-static", "iproute2", "procps", "util-linux"],
    *["login", "passwd", "uidmap", "slirp4netns", "fuse-overlayfs", "runc", "crun"],
    *["docker.io", "podman", "netavark"],
    *["apparmor", "libcap2-bin", "attr", "acl", "strace", "jq", "ca-certificates"],
)
#: Wheels put on the path of the guest's Python.
REQUIREMENTS = (
    *["pytest", "pytest-rerunfailures", "pytest-timeout", "hypothesis", "jsonschema"],
    *["cffi", "pydantic", "typer", "dbus-next", "pyelftools"],
)
DISK = "4G"  # the file is sparse
# Modules the initrd loads, after those they depend on, before it can mount the root disk.
INITRD_MODULES = ("virtio_pci", "virtio_blk", "virtio_console", "crc32c_generic", "ext4")
# Modules that tests may need and that nothing would load by itself.
MODULES = ("overlay", "fuse", "tun", "veth", "bridge", "loop", "nf_tables")
# Units that do nothing for tests and cost time at boot or wake up later.
MASKED = (
    *["getty.target", "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer"],
    *["e2scrub_reap.service", "fstrim.timer", "systemd-pstore.service", "systemd-timesyncd.service"],
)

# Units of engines, of the system and of each user: not at boot, but those who need them start them.
DISABLED = (
    *["docker.service", "docker.socket", "containerd.service"],
    *["podman.service", "podman.socket", "podman-restart.service"],
    *["podman-auto-update.service", "podman-auto-update.timer"],
)
DISABLED_FOR_USERS = tuple(unit for unit in DISABLED if unit.startswith("podman"))

AGENT = pathlib.Path(__file__).with_name("agent.py")
AGENT_UNIT = """\
[Unit]
Description=vm-run agent
FailureAction=poweroff-immediate
[Service]
ExecStart=/usr/bin/python3 /usr/lib/vm-run/agent.py
Delegate=yes
StandardError=journal+console
TasksMax=infinity
[Install]
WantedBy=multi-user.target
"""

INIT = """\
#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs dev /dev
for m in {modules}; do $b insmod /m/$m.ko || echo "vm: cannot load $m"; done
n=0; while [ ! -b /dev/vda ] && [ $n -lt 600 ]; do $b sleep 0.05; n=$((n+1)); done
$b mount -t ext4 -o rw,noatime /dev/vda /mnt || {{ echo "vm: no root disk"; $b poweroff -f; }}
$b mount --move /dev /mnt/dev
exec $b switch_root /mnt /sbin/init
"""


def ingredients() -> list[object]:
    """Return what an image is made of; another content makes another image."""
    return [SUITE, KERNEL, LEFT_OUT, PACKAGES, REQUIREMENTS, DISK, INITRD_MODULES, MODULES, MASKED, DISABLED,
            AGENT_UNIT, INIT, AGENT.read_text()]  # fmt: skip


def run(*argv: str, cwd: pathlib.Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a host command and return its output, which matters to people only when it fails."""
    done = subprocess.run(
        argv,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise Failure(f"{shlex.join(argv)[:300]} ended with {done.returncode}:\n{done.stdout[-3000:]}")
    return done.stdout


def install_host_packages() -> None:
    """Install the programs that build and run a guest, if they are missing."""
    tools = {"qemu-system-x86_64": "qemu-system-x86", "mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs"}
    missing = [package for tool, package in tools.items() if not shutil.which(tool)]
    if missing:
        say(f"installing {' '.join(missing)}")
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", env=env)
        run("apt-get", "install", "-y", "--no-install-recommends", *missing, env=env)


def build(image: pathlib.Path) -> None:
    """Leave vmlinuz, initrd and root.img in a directory."""
    if os.geteuid():
        raise Failure("building the image needs root (using a built one does not)")
    root = image / "root"
    _install_packages(root)
    version = _unpack_kernel(image, root)
    _install_requirements(root)
    _configure(root)
    (image / "initrd").write_bytes(_initrd(root, root / "usr/lib/modules" / version))
    say("making the disk image")
    # No journal: the disk is thrown away anyway.
    options = ["-q", "-F", "-t", "ext4", "-m", "0", "-O", "^has_journal", "-L", "root"]
    run("mke2fs", *options, "-d", str(root), str(image / "root.img"), DISK)
    for directory in ("root", "debs", "kernel"):
        shutil.rmtree(image / directory)


def _install_packages(root: pathlib.Path) -> None:
    candidates = [
        pathlib.Path("/etc/apt/sources.list"),
        *sorted(pathlib.Path("/etc/apt/sources.list.d").glob("*.sources")),
    ]
    sources = [str(path) for path in candidates if path.is_file() and path.read_text().strip()]
    say("installing the guest's packages (mmdebstrap)")
    # The kernel is only unpacked later, since its scripts would want a bootloader and an initramfs.
    run(
        *["mmdebstrap", "--mode=root", "--variant=minbase", "--include=" + ",".join(PACKAGES)],
        *["--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/man/*"],
        *["--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/locale/*"],
        *['--aptopt=Acquire::Languages "none"', '--aptopt=Apt::Install-Recommends "false"'],
        *[SUITE, str(root), *sources],
    )


def _unpack_kernel(image: pathlib.Path, root: pathlib.Path) -> str:
    """Put kernel and modules in place and return the kernel's version."""
    say("unpacking the kernel")
    depends = run("apt-cache", "depends", "--no-recommends", "--no-suggests", KERNEL)
    kernel = re.search(r"Depends: (linux-image-\S+)", depends)
    if not kernel:
        raise Failure(f"no kernel package behind {KERNEL}; run apt-get update")
    debs, unpacked = image / "debs", image / "kernel"
    debs.mkdir()
    run("apt-get", "download", kernel[1], cwd=debs)
    run("dpkg-deb", "-x", str(next(debs.glob("*.deb"))), str(unpacked))
    version = next((unpacked / "lib/modules").iterdir()).name
    shutil.copy(unpacked / f"boot/vmlinuz-{version}", image / "vmlinuz")
    shutil.copy(unpacked / f"boot/config-{version}", root / "boot")
    ignore = shutil.ignore_patterns(*LEFT_OUT)
    modules = root / "usr/lib/modules"
    shutil.copytree(unpacked / "lib/modules", modules, symlinks=True, ignore=ignore, dirs_exist_ok=True)
    run("chroot", str(root), "depmod", version)
    return version


def _install_requirements(root: pathlib.Path) -> None:
    say("installing Python packages")
    # The host's pip, told about the guest's Python: nothing runs in the guest.
    site = root / "opt/vm-run/site"
    platforms = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "linux_x86_64")
    run(
        *[sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--root-user-action=ignore"],
        *["--target", str(site), "--only-binary=:all:", "--python-version=3.11", "--implementation=cp"],
        *["--abi=cp311", "--abi=abi3", "--abi=none", *(f"--platform={name}" for name in platforms), *REQUIREMENTS],
    )
    shutil.rmtree(site / "bin", ignore_errors=True)  # their first lines name the host's Python
    _write(root / "usr/lib/python3/dist-packages/vm-run.pth", "/opt/vm-run/site\n")
    run("chroot", str(root), "python3", "-m", "compileall", "-q", "/opt/vm-run/site")
    # Run pytest once here, at the host's speed: it compiles its plugins (all of hypothesis) a second time, for their
    # asserts, which takes long in the guest. The agent runs the same file before the machine is saved.
    names = [name.replace("-", "_") for name in REQUIREMENTS if name != "pyelftools"]
    imports = [*names, "elftools.elf.elffile", "asyncio"]
    lines = "".join(f"try: import {name}\nexcept ImportError: pass\n" for name in imports)
    _write(root / "opt/vm-run/test_warm_up.py", lines + "def test(): pass\n")
    run("chroot", str(root), "python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "/opt/vm-run/test_warm_up.py")


def _configure(root: pathlib.Path) -> None:
    say("configuring the guest")
    _write(root / "etc/hostname", "guest\n")
    _write(root / "etc/hosts", "127.0.0.1 localhost guest\n::1 localhost\n")
    _write(root / "etc/fstab", "")
    # A ready machine id: an empty one makes systemd treat every boot as the first.
    _write(root / "etc/machine-id", os.urandom(16).hex() + "\n")
    with contextlib.suppress(FileNotFoundError):
        (root / "etc/resolv.conf").unlink()
    _write(root / "etc/modules-load.d/vm-run.conf", "\n".join(MODULES) + "\n")
    _write(root / "etc/systemd/journald.conf.d/vm-run.conf", "[Journal]\nStorage=volatile\n")
    # Rootless tests want every controller, not just systemd's default pair.
    units = root / "etc/systemd/system"
    _write(units / "user@.service.d/vm-run.conf", "[Service]\nDelegate=cpu cpuset io memory pids\n")
    _write(units / "vm-run-agent.service", AGENT_UNIT)
    _write(root / "usr/lib/vm-run/agent.py", AGENT.read_text())
    for unit in MASKED:
        (units / unit).unlink(missing_ok=True)
        (units / unit).symlink_to("/dev/null")
    run("chroot", str(root), "systemctl", "disable", *DISABLED)
    run("chroot", str(root), "systemctl", "--global", "disable", *DISABLED_FOR_USERS)
    run("chroot", str(root), "systemctl", "enable", "vm-run-agent.service")
    run("chroot", str(root), "systemctl", "set-default", "multi-user.target")
    run("chroot", str(root), "useradd", "-m", "-u", "1000", "-s", "/bin/bash", "tester")
    _write(root / "var/lib/systemd/linger/tester", "")  # what loginctl enable-linger does


def _initrd(root: pathlib.Path, modules: pathlib.Path) -> bytes:
    """Return an archive that holds a busybox, a few modules, and the script that mounts the disk."""
    entries: list[tuple[str, int, bytes, tuple[int, int]]] = [
        (directory, stat.S_IFDIR | 0o755, b"", (0, 0)) for directory in ("bin", "dev", "m", "mnt")
    ]
    entries.append(("dev/console", stat.S_IFCHR | 0o600, b"", (5, 1)))
    entries.append(("bin/busybox", stat.S_IFREG | 0o755, (root / "bin/busybox").read_bytes(), (0, 0)))
    paths = _with_dependencies(modules / "modules.dep", INITRD_MODULES)
    names = [pathlib.PurePath(path).stem for path in paths]
    for path, name in zip(paths, names, strict=True):
        entries.append((f"m/{name}.ko", stat.S_IFREG | 0o644, (modules / path).read_bytes(), (0, 0)))
    entries.append(("init", stat.S_IFREG | 0o755, INIT.format(modules=" ".join(names)).encode(), (0, 0)))
    return _newc(entries)


def _with_dependencies(table: pathlib.Path, names: Sequence[str]) -> list[str]:
    """Return the files of modules and of what they depend on, in the order of loading, from depmod's modules.dep."""
    lines = dict(line.split(":") for line in table.read_text().splitlines())
    found: list[str] = []
    for name in names:
        path = next(path for path in lines if pathlib.PurePath(path).stem == name)
        # The last one is to be loaded first.
        found += [each for each in [*reversed(lines[path].split()), path] if each not in found]
    return found


def _newc(entries: list[tuple[str, int, bytes, tuple[int, int]]]) -> bytes:
    """Return a cpio archive ("newc") of name, mode, content and device number."""
    out = bytearray()
    for inode, (name, mode, data, device) in enumerate([*entries, ("TRAILER!!!", 0, b"", (0, 0))], 1):
        name_bytes = name.encode() + b"\0"
        fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name_bytes), 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + name_bytes
        out += bytes(-len(out) % 4) + data
        out += bytes(-len(out) % 4)
    return bytes(out)


def _write(path: pathlib.Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o644)
