"""The configuration that ``spec`` writes as a first config.json: a shell in a restricted container; not a fallback."""

from __future__ import annotations

import os

from libcontainer.oci.spec import OCI_VERSION

HOSTNAME = "pyouki"

_MASKED = (
    "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
    "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
)  # fmt: skip
_READONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_CAPABILITIES = ("CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE")
_SANDBOXED = ("nosuid", "noexec", "nodev")


def default_spec(rootless: bool = False, *, cgroup2: bool) -> dict[str, object]:
    """Return a configuration as a JSON object, in the order in which people expect to read it.

    Args:
        rootless: for the user who runs this: a user namespace in which he is root, no network namespace, no limits.
        cgroup2: the host has a pure cgroup v2; the container then gets a cgroup namespace.
    """
    return {
        "ociVersion": OCI_VERSION,
        "process": _process(),
        "root": {"path": "rootfs", "readonly": True},
        "hostname": HOSTNAME,
        "mounts": _mounts(rootless),
        "linux": _linux(rootless, cgroup2),
    }


def _process() -> dict[str, object]:
    return {
        "terminal": True,
        "user": {"uid": 0, "gid": 0},
        "args": ["sh"],
        "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
        "cwd": "/",
        "capabilities": {kind: [*_CAPABILITIES] for kind in ("bounding", "effective", "permitted")},
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
        "noNewPrivileges": True,
    }


def _mounts(rootless: bool) -> list[dict[str, object]]:
    # Without a network namespace of his own nobody may mount a new sysfs, and gid 5 is not mapped.
    terminals = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
    sysfs = _mount("/sys", "sysfs", "sysfs", *_SANDBOXED, "ro")
    if rootless:
        sysfs = _mount("/sys", "none", "/sys", "rbind", *_SANDBOXED, "ro")
    else:
        terminals.append("gid=5")
    return [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        _mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _mount("/dev/pts", "devpts", "devpts", *terminals),
        _mount("/dev/shm", "tmpfs", "shm", *_SANDBOXED, "mode=1777", "size=65536k"),
        _mount("/dev/mqueue", "mqueue", "mqueue", *_SANDBOXED),
        sysfs,
        _mount("/sys/fs/cgroup", "cgroup", "cgroup", *_SANDBOXED, "relatime", "ro"),
    ]


def _mount(destination: str, kind: str, source: str, *options: str) -> dict[str, object]:
    return {"destination": destination, "type": kind, "source": source, "options": [*options]}


def _linux(rootless: bool, cgroup2: bool) -> dict[str, object]:
    linux: dict[str, object] = {}
    namespaces = ["pid", "ipc", "uts", "mount", "user"] if rootless else ["pid", "network", "ipc", "uts", "mount"]
    if rootless:
        linux["uidMappings"] = [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
        linux["gidMappings"] = [{"containerID": 0, "hostID": os.getegid(), "size": 1}]
    else:
        linux["resources"] = {"devices": [{"allow": False, "access": "rwm"}]}
    if cgroup2:
        namespaces.append("cgroup")
    linux["namespaces"] = [{"type": kind} for kind in namespaces]
    linux["maskedPaths"] = [*_MASKED]
    linux["readonlyPaths"] = [*_READONLY]
    return linux
