"""What this host offers to containers, probed and explained; not what the runtime implements (``features``).

Nothing is concluded from a kernel's version or build configuration, which other settings may overrule: what can be
tried is tried, in a child. What is missing comes with its remedy.
"""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import dataclass

from libcgroups.detect import read_mounts
from libcgroups.errors import CgroupError
from libcgroups.systemd import booted
from libcgroups.v2.delegation import get_available_controllers
from libcontainer import apparmor, capabilities, errors, id_map_helpers, namespaces, selinux
from libcontainer.syscall import flags
from pyouki import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.syscall import Syscall

_V2_CONTROLLERS = ("cpu", "cpuset", "hugetlb", "io", "memory", "pids", "rdma")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report.

    Attributes:
        name: what it is about; one that begins with a blank belongs to the row above.
        value: what was found.
        hint: what to do about it, "" if nothing needs to be done.
    """

    name: str
    value: str
    hint: str = ""


def report(syscall: Syscall) -> list[Row]:
    """Look at the host and return the lines of the report."""
    return [
        *_host(),
        *_cgroups(),
        *_namespaces(syscall),
        *_capabilities(syscall),
        *_seccomp(),
        *_security_modules(syscall),
        *_helpers(),
    ]


def _host() -> list[Row]:
    kernel = os.uname()
    memory_mib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return [
        Row("Version", __version__),
        Row("Kernel-Release", kernel.release),
        Row("Kernel-Version", kernel.version),
        Row("Architecture", kernel.machine),
        Row("Operating System", _operating_system()),
        Row("Cores", str(os.cpu_count())),
        Row("Total Memory", f"{memory_mib} MiB"),
    ]


def _operating_system() -> str:
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        for line in _read(path).splitlines():
            if line.startswith("PRETTY_NAME="):
                return line.partition("=")[2].strip("\"'")
    return "unknown"


def _cgroups() -> list[Row]:
    try:
        mounts = read_mounts()
    except CgroupError as error:
        return [Row("Cgroup setup", "none", error.hint or str(error))]
    rows = [Row("Cgroup setup", mounts.setup), Row("Cgroup mounts", "")]
    rows += [Row(f"  {','.join(mount.controllers)}", mount.mount_point) for mount in mounts.v1]
    if mounts.v2 is not None:
        rows.append(Row("  unified", mounts.v2.mount_point))
        rows.append(Row("Cgroup v2 controllers", ""))
        present = get_available_controllers(mounts.v2.mount_point)
        rows += [
            Row(f"  {name}", "attached" if name in present else "detached")
            for name in sorted({*present, *_V2_CONTROLLERS})
        ]
    found = booted()
    hint = "" if found else "use the cgroupfs driver: leave out --systemd-cgroup"
    rows.append(Row("Systemd", "running" if found else "not running", hint))
    return rows


def _namespaces(syscall: Syscall) -> list[Row]:
    return [Row("Namespaces", ""), *(_namespace(syscall, kind) for kind in namespaces.CLONE_FLAGS)]


def _namespace(syscall: Syscall, kind: str) -> Row:
    name = namespaces.PROC_NAMES[kind]
    if not os.path.exists(f"/proc/self/ns/{name}"):
        return Row(f"  {kind}", "missing", f"a kernel with CONFIG_{name.upper()}_NS")
    # Others than root get theirs together with a user namespace, as their containers do.
    number = _try_unshare(syscall, namespaces.CLONE_FLAGS[kind] | (flags.CLONE_NEWUSER if os.geteuid() else 0))
    if not number:
        return Row(f"  {kind}", "enabled")
    if number == errno.ENOSPC:
        hint = f"raise sysctl user.max_{name}_namespaces"
    elif kind == "user" or os.geteuid():
        hint = "allow them: sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0"
    else:
        hint = "CAP_SYS_ADMIN is needed, and a seccomp filter that lets unshare(2) pass"
    return Row(f"  {kind}", f"refused: {errors.strerror(number)}", hint)


def _try_unshare(syscall: Syscall, flag: int) -> int:
    """Return 0 if unshare(2) works, in a child, else its errno."""
    pid = os.fork()
    if pid == 0:
        number = 0
        try:
            syscall.unshare(flag)
        except OSError as error:
            number = error.errno or 1
        finally:
            os._exit(number)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _capabilities(syscall: Syscall) -> list[Row]:
    known = (1 << (capabilities.last_cap(syscall) + 1)) - 1
    held = syscall.capget()[1] & known
    rows = [Row("Capabilities", f"{held.bit_count()} of {known.bit_count()}")]
    missing = known & ~held
    if missing:
        hint = "containers cannot be given these, unless in a user namespace of their own"
        rows.append(Row("  not held", " ".join(capabilities.names_of(missing)), hint))
    unknown = [name for number, name in enumerate(capabilities.NAMES) if not known >> number & 1]
    if unknown:
        rows.append(Row("  not in kernel", " ".join(unknown), "a newer kernel"))
    return rows


def _seccomp() -> list[Row]:
    if "\nSeccomp:" not in _read("/proc/self/status"):
        return [Row("Seccomp", "missing", "a kernel with CONFIG_SECCOMP_FILTER")]
    rows = [Row("Seccomp", _read("/proc/sys/kernel/seccomp/actions_avail").strip() or "enabled")]
    try:
        import libseccomp
    except ImportError as error:
        return [*rows, Row("  libseccomp", f"missing: {error}", "install the library (package libseccomp2)")]
    version = ".".join(str(part) for part in libseccomp.library_version())
    return [*rows, Row("  libseccomp", version), Row("  API level", str(libseccomp.api_level()))]


def _security_modules(syscall: Syscall) -> list[Row]:
    listed = _read("/sys/kernel/security/lsm").strip() or "not told: securityfs is not mounted"
    return [
        Row("Security modules", listed),
        Row("  AppArmor", "enabled" if apparmor.is_enabled() else "disabled"),
        Row("  SELinux", "enabled" if selinux.is_enabled(syscall) else "disabled"),
    ]


def _helpers() -> list[Row]:
    """Report the programs of others that some containers need."""
    rows = [Row("Helpers", "")]
    for name in ("newuidmap", "newgidmap"):
        path = id_map_helpers.find(name)
        rows.append(Row(f"  {name}", path or "missing", "" if path else "install uidmap, for users other than root"))
    criu = shutil.which("criu")
    rows.append(Row("  criu", criu or "missing", "" if criu else "install criu, for checkpoint and restore"))
    resctrl = os.path.isdir("/sys/fs/resctrl/info")
    hint = "" if resctrl else "mount -t resctrl resctrl /sys/fs/resctrl, where the processor has it"
    rows.append(Row("  resctrl", "/sys/fs/resctrl" if resctrl else "not mounted", hint))
    return rows


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
