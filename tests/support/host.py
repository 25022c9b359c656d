"""What this machine offers, found by trying it; not for anything a single runtime does or lacks."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import shutil
import signal
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

CLONE_NEWNS = 0x00020000
MS_RDONLY = 1
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18
MS_SHARED = 1 << 20
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
NOBODY = 65534

_libc = ctypes.CDLL(None, use_errno=True)


def notice_reserved_signals() -> None:
    """Undo what make(1) leaves to its children: the two signals that the C library keeps for itself are ignored."""
    number_of_rt_sigaction = {"x86_64": 13, "aarch64": 134}.get(platform.machine())
    if number_of_rt_sigaction is None:
        return
    default = ctypes.create_string_buffer(32)  # struct kernel_sigaction of zeros: SIG_DFL
    for reserved in (32, 33):
        ctypes.CDLL(None).syscall(number_of_rt_sigaction, reserved, default, None, 8)


def enter_private_mount_namespace() -> str | None:
    """Give this process a mount namespace of its own; unshare(2).

    Returns:
        None on success, else the reason why it was refused.
    """
    if os.geteuid() != 0:
        return "not root"
    if _libc.unshare(CLONE_NEWNS) != 0:
        return f"unshare the mount namespace: {os.strerror(ctypes.get_errno())}"
    mount("none", "/", None, MS_REC | MS_PRIVATE, None)
    return None


def let_everybody_reach(directory: str) -> None:
    """Put a directory in reach of ordinary users, in this mount namespace, whichever of its parents is closed to them.

    A checkout below /root or in what mktemp made is such a directory.
    """
    parts = directory.split("/")
    parents = ["/".join(parts[:length]) for length in range(2, len(parts))]
    closed = next((parent for parent in parents if not os.stat(parent).st_mode & stat.S_IXOTH), None)
    if closed is None:
        return
    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    present = os.getcwd()
    mount("reachable", closed, "tmpfs", 0, "mode=755")
    os.makedirs(directory)
    mount(f"/proc/self/fd/{fd}", directory, None, MS_BIND | MS_REC)
    os.close(fd)
    os.chdir(present)


def continue_below_a_reaper() -> None:
    """Fork: the child returns, the parent reaps every orphan of the tests at once and ends as the child does.

    Runtimes and tests wait for killed processes to disappear. The init of a build machine may take seconds to reap.
    """
    _libc.prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0)
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the child as well
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: os.kill(child, received))
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def mount(source: str, target: str, fstype: str | None, flags: int = 0, data: str | None = None) -> None:
    """Call mount(2)."""
    arguments = [None if text is None else text.encode() for text in (source, target, fstype, data)]
    if _libc.mount(arguments[0], arguments[1], arguments[2], ctypes.c_ulong(flags), arguments[3]) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), target)


def umount(target: str) -> None:
    """Detach a mount; umount2(2) with MNT_DETACH."""
    if _libc.umount2(target.encode(), MNT_DETACH) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), target)


def mounts() -> list[str]:
    """Return the lines of /proc/self/mountinfo without the ids, which change when a mount is made again."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        return [line.rstrip("\n").split(" ", 2)[2] for line in lines]


def mount_points(fstype: str) -> dict[str, str]:
    """Map the mount point of every mount of a file system type to its super block options."""
    found = {}
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            left, right = line.split(" - ", 1)
            kind, _, options = right.split(" ", 2)
            if kind == fstype:
                found[left.split(" ")[4]] = options.strip()
    return found


def missing(need: str) -> str | None:
    """Return why the machine lacks what a marker or tool asks for, None when it is there."""
    probe = _PROBES.get(need)
    return probe() if probe else _tool(need)


def require(need: str) -> None:
    """Skip the running test when the machine lacks ``need``, or fail it when PYOUKI_REQUIRE names it."""
    reason = missing(need)
    if reason is None:
        return
    if need in required():
        pytest.fail(f"PYOUKI_REQUIRE names {need}: {reason}")
    pytest.skip(f"needs {need}: {reason}")


def required() -> frozenset[str]:
    """Return the needs that PYOUKI_REQUIRE forbids to skip."""
    return frozenset(filter(None, os.environ.get("PYOUKI_REQUIRE", "").split(",")))


def _tool(name: str) -> str | None:
    return None if shutil.which(name) else f"{name} is not installed"


@functools.cache
def _root() -> str | None:
    if os.geteuid() != 0:
        return "not uid 0"
    tried = subprocess.run(["unshare", "-m", "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else tried.stderr.strip()


@functools.cache
def _cgroup1() -> str | None:
    if not mount_points("cgroup"):
        return "no cgroup v1 hierarchy is mounted"
    directory = os.path.join(next(iter(mount_points("cgroup"))), f"pyouki-test-probe-{os.getpid()}")
    try:
        os.mkdir(directory)
    except OSError as error:
        return str(error)
    os.rmdir(directory)
    return None


@functools.cache
def _cgroup2() -> str | None:
    return None if "/sys/fs/cgroup" in mount_points("cgroup2") else "/sys/fs/cgroup is not cgroup v2"


@functools.cache
def _userns() -> str | None:
    switch = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    tried = subprocess.run(
        ["unshare", "-U", "true"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        **switch,  # type: ignore[call-overload]  # one of the three overloads, chosen at run time
    )
    return None if tried.returncode == 0 else tried.stderr.strip()


@functools.cache
def _seccomp() -> str | None:
    with open("/proc/self/status", encoding="ascii") as status:
        return None if "\nSeccomp:" in status.read() else "the kernel was built without seccomp"


_PROBES: dict[str, Callable[[], str | None]] = {
    "root": _root,
    "cgroup1": _cgroup1,
    "cgroup2": _cgroup2,
    "userns": _userns,
    "seccomp": _seccomp,
}
