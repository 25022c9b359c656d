"""Where the program of a container sees something else under runc or crun than under pyouki, and why; data only.

``CONFIG: SECTION`` of facts.sh, with ``*`` for every configuration: a pattern that each differing line matches, and the
reason. An entry of one configuration that is not needed any more fails the test.
"""

from __future__ import annotations

_HIDDEN_DIRECTORY = r"^/ /(proc/acpi|sys/firmware) ro,relatime - tmpfs "
_CGROUPS = r"^/ /sys/fs/cgroup r[ow],nosuid,nodev,noexec,relatime - tmpfs "
_ONE_CGROUP = r"^/ /sys/fs/cgroup/\w+ ro,nosuid,nodev,noexec,relatime - cgroup "
_SYSFS = r"^/ /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs "
_HIDDEN_FILE = r"null /proc/(timer_list|keys) r[ow],"

DIFFERENCES: dict[str, dict[str, tuple[str, str]]] = {
    "runc": {
        "*: mountinfo": (
            f"{_HIDDEN_DIRECTORY}|{_CGROUPS}|{_ONE_CGROUP}",
            "the tmpfs of cgroups stays writable though ro is asked for; what hides directories has no size limit",
        ),
        "user-namespace: dev": (r"^/dev/mqueue ", "its group is that of nobody"),
        "user-namespace: keyring": (r"^keyring;0;0;", "it adds the right to search for others instead of for the user"),
    },
    "crun": {
        "*: mountinfo": (
            f"{_HIDDEN_DIRECTORY}|{_CGROUPS}|{_ONE_CGROUP}|{_SYSFS}|{_HIDDEN_FILE}",
            "the tmpfs of cgroups stays writable; mounts are read-only, not file systems; hidden files are read-only",
        ),
        "user-namespace: mountinfo": (
            r"^\S* /dev/(null|zero|full|tty|random|urandom) rw,",
            "the host's devices are bound with nosuid and noexec, which nobody asked for",
        ),
        "*: dev": (r"^'/dev/core' -> ", "it makes the link where the kernel has no /proc/kcore, too"),
        "*: keyring": (r"^keyring;", "the keyring is named by the id alone, and has the kernel's own permissions"),
        "ordinary-user: dev": (r"^/dev/null ", "it gives the standard streams to the user, /dev/null too"),
        "user-namespace: dev": (r"^/dev/null ", "it gives the standard streams to the container's root, /dev/null too"),
        "ordinary-user: writable": (r"^/sys/fs/cgroup ", "the directory belongs to the user"),
    },
}
