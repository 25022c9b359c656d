"""Runs pyouki with a directory in place of resctrl, which no machine of ours has: with_fake_resctrl.py ROOT ARGS…

The directory behaves as the kernel's does where that matters: a new group has its files at once, and rmdir(2) takes a
group away with them.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any

from libcontainer import intel_rdt
from pyouki import main


class Resctrl:
    """The module ``os``, but for the two calls that have another effect in resctrl."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def mkdir(self, path: str, mode: int) -> None:
        os.mkdir(path, mode)
        names = ("tasks",) if "/mon_groups/" in path else ("tasks", "schemata")
        for name in names:
            open(f"{path}/{name}", "w", encoding="ascii").close()
        if "/mon_groups/" not in path:
            os.mkdir(f"{path}/mon_groups")

    def rmdir(self, path: str) -> None:
        shutil.rmtree(path)


if __name__ == "__main__":
    root = sys.argv[1]
    intel_rdt.os = Resctrl()  # type: ignore[assignment, attr-defined]  # see above
    intel_rdt._mount_point = lambda: root
    status = main.run(sys.argv[2:])
    sys.stdout.flush()
    os._exit(status)
