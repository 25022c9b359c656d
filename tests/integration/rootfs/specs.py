"""Configurations for the root file system tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from libcontainer.oci.spec import Linux, LinuxNamespace, Mount, Root, Spec

if TYPE_CHECKING:
    from collections.abc import Sequence

PROC = Mount("/proc", "proc", "proc")
DEV = Mount("/dev", "tmpfs", "tmpfs", ("nosuid", "strictatime", "mode=755", "size=65536k"))
SYS = Mount("/sys", "sysfs", "sysfs", ("nosuid", "noexec", "nodev", "ro"))
CGROUP = Mount("/sys/fs/cgroup", "cgroup", "cgroup", ("nosuid", "noexec", "nodev", "relatime", "ro"))
DEFAULT_MOUNTS = (
    PROC,
    DEV,
    Mount("/dev/pts", "devpts", "devpts", ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")),
    Mount("/dev/shm", "shm", "tmpfs", ("nosuid", "noexec", "nodev", "mode=1777", "size=65536k")),
    Mount("/dev/mqueue", "mqueue", "mqueue", ("nosuid", "noexec", "nodev")),
    SYS,
)
MASKED = (
    "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
    "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
)  # fmt: skip
READONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_NAMESPACES = ("mount", "pid", "network", "ipc", "uts")


def make(
    *mounts: Mount,
    readonly: bool = False,
    namespaces: Sequence[str] = _NAMESPACES,
    rootfs: str = "rootfs",
    **linux: Any,
) -> Spec:
    """Make a configuration with these mounts and properties of ``linux``."""
    return Spec(
        "1.3.0",
        Root(rootfs, readonly),
        mounts=mounts,
        linux=Linux(namespaces=tuple(LinuxNamespace(kind) for kind in namespaces), **linux),  # type: ignore[arg-type]
    )


def default() -> Spec:
    """Make what ``runc spec`` prints, but for the cgroup mount."""
    return make(*DEFAULT_MOUNTS, readonly=True, masked_paths=MASKED, readonly_paths=READONLY)


def bind(source: object, destination: str, *words: str) -> Mount:
    """Make a bind mount."""
    return Mount(destination, str(source), "bind", ("bind", *words))
