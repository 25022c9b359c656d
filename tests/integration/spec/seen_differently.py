"""Where the program of a container sees something else under runc or crun than under pyouki, and why; data only.

``CONFIG: SECTION`` of facts.sh, with ``*`` for every configuration: a pattern that each differing line matches, and the
reason. An entry of a configuration that is not needed any more fails the test.
"""

from __future__ import annotations

DIFFERENCES: dict[str, dict[str, tuple[str, str]]] = {
    "runc": {
        "*: mountinfo": (
            r"^/ /(proc/acpi|sys/firmware) ro,relatime - tmpfs |^/ /sys/fs/cgroup r[ow],nosuid,nodev,noexec,relatime - tmpfs "
            r"|^/ /sys/fs/cgroup/systemd ",
            "its tmpfs of cgroups stays writable although ro is asked for, and the one that hides directories has no "
            "limit of its size; the names of mount sources are anybody's choice",
        ),
        "user-namespace: dev": (r"^/dev/mqueue ", "there its group is that of nobody"),
        "user-namespace: keyring": (r"^keyring;0;0;", "it adds the right to search to others instead of the user"),
    },
    "crun": {
        "*: mountinfo": (
            r"^/ /(proc/acpi|sys/firmware) ro,relatime - tmpfs |^/ /sys/fs/cgroup r[ow],nosuid,nodev,noexec,relatime - tmpfs "
            r"|^/ /sys/fs/cgroup/\w+ ro,nosuid,nodev,noexec,relatime - cgroup "
            r"|^/ /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs "
            r"|null /proc/(timer_list|keys) r[ow],",
            "its tmpfs of cgroups stays writable although ro is asked for, the file systems that hide directories stay "
            "writable below a read-only mount, and /dev/null hides files read-only",
        ),
        "user-namespace: mountinfo": (
            r"^\S* /dev/(null|zero|full|tty|random|urandom) rw,",
            "devices of the host are bound with nosuid and noexec, which are not asked for",
        ),
        "*: dev": (r"^'/dev/core' -> ", "it makes the link where the kernel has no /proc/kcore, too"),
        "*: keyring": (r"^keyring;", "the keyring has the name of the container alone, and the kernel's own permissions"),
        "ordinary-user: dev": (r"^/dev/null ", "it gives the standard streams to the user, /dev/null too"),
        "user-namespace: dev": (r"^/dev/null ", "it gives the standard streams to the container's root, /dev/null too"),
        "ordinary-user: writable": (r"^/sys/fs/cgroup ", "it gives the container's cgroups to the user"),
    },
}
