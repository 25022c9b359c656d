"""Builds the static program that looks around inside a container where busybox cannot."""

from __future__ import annotations

import os
import shutil
import subprocess

_SOURCE = os.path.join(os.path.dirname(__file__), "probe.c")


def build(directory: str) -> str | None:
    """Compile the probe into a directory and return its path, None without a C compiler."""
    if shutil.which("gcc") is None:
        return None
    target = os.path.join(directory, "probe")
    subprocess.run(["gcc", "-static", "-O1", "-Wall", "-Werror", "-o", target, _SOURCE], check=True)
    return target
