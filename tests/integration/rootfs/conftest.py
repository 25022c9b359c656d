"""A bundle with a busybox root, and a directory that no container may touch."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

BUSYBOX = "/bin/busybox"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    rootfs = tmp_path / "bundle" / "rootfs"
    (rootfs / "bin").mkdir(parents=True)
    for directory in ("proc", "dev", "sys", "etc", "tmp"):
        (rootfs / directory).mkdir()
    shutil.copy(BUSYBOX, rootfs / "bin" / "busybox")
    for name in ("sh", "cat", "ls", "mount"):
        os.symlink("busybox", rootfs / "bin" / name)
    # pytest makes its directories for the owner alone; init in a user namespace is somebody else.
    for parent in (tmp_path, *tmp_path.parents):
        if parent.name.startswith("pytest-"):
            parent.chmod(0o755)
    tmp_path.chmod(0o755)
    return tmp_path / "bundle"


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.mkdir()
    (path / "secret").write_text("HOSTSECRET")
    (path / "ptmx").write_text("mine")
    return path


def snapshot(path: Path) -> dict[str, str]:
    """Return every file below a directory with its content, so that any change shows."""
    return {
        str(found.relative_to(path)): found.read_text() if found.is_file() else "directory"
        for found in sorted(path.rglob("*"))
    }
