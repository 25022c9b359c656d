"""Run a command where ``/`` is the kernel's own first root file system, which pivot_root(2) cannot take away.

    python on_ramdisk.py COMMAND [ARG...]

So it is on machines that stay on their initramfs. What is in the present root is mounted there; the directories that
this needs are removed in the end, for the file system is there once on the whole machine.
"""

from __future__ import annotations

import os
import subprocess
import sys

from libcontainer.syscall import flags
from libcontainer.syscall.linux import LinuxSyscall

SYSCALL = LinuxSyscall()


def main() -> int:
    """Run the command of the command line and return its exit status."""
    SYSCALL.unshare(flags.CLONE_NEWNS)
    SYSCALL.mount(None, "/", None, flags.MS_PRIVATE | flags.MS_REC, None)
    links, trees = look_at_the_root()
    namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    SYSCALL.umount2("/", flags.MNT_DETACH)
    SYSCALL.setns(namespace, flags.CLONE_NEWNS)  # which also enters its root
    made = [name for name in (*links, *trees) if not os.path.lexists(f"/{name}")]
    try:
        for name, target in links.items():
            if name in made:
                os.symlink(target, f"/{name}")
        for name, tree in trees.items():
            os.makedirs(f"/{name}", exist_ok=True)
            SYSCALL.move_mount(tree, "", flags.AT_FDCWD, f"/{name}", flags.MOVE_MOUNT_F_EMPTY_PATH)
        return subprocess.run(sys.argv[1:], check=False).returncode
    finally:
        for name in trees:
            SYSCALL.umount2(f"/{name}", flags.MNT_DETACH)
        for name in made:
            remove = os.unlink if name in links else os.rmdir
            remove(f"/{name}")


def look_at_the_root() -> tuple[dict[str, str], dict[str, int]]:
    """Return the targets of the root's links, and its directories with what is mounted below, detached."""
    links: dict[str, str] = {}
    trees: dict[str, int] = {}
    for entry in os.scandir("/"):
        if entry.is_symlink():
            links[entry.name] = os.readlink(entry.path)
        elif entry.is_dir():
            how = flags.OPEN_TREE_CLONE | flags.AT_RECURSIVE
            trees[entry.name] = SYSCALL.open_tree(flags.AT_FDCWD, entry.path, how)
    return links, trees


if __name__ == "__main__":
    sys.exit(main())
