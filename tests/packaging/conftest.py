"""Packages built from their source distributions, and environments that have nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable

    Wheels = dict[str, Path]
    Install = Callable[..., Path]

PACKAGES = Path(REPOSITORY) / "packages"
# The pins of the workspace hold for what pip fetches here too, build requirements included.
ENVIRONMENT = {**os.environ, "PIP_CONSTRAINT": str(Path(REPOSITORY) / "constraints.txt"), "PIP_QUIET": "1"}


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    """One wheel for each package, built in isolation out of a source distribution and not out of the checkout."""
    target = tmp_path_factory.mktemp("dist")
    for package in sorted(PACKAGES.glob("*/pyproject.toml")):
        _call(sys.executable, "-m", "build", "--outdir", target, package.parent)
    return {wheel.name.partition("-")[0]: wheel for wheel in target.glob("*.whl")}


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory) -> Install:
    """A function that makes an empty environment, installs the given wheels and returns its bin directory."""

    def make(*wheels: Path) -> Path:
        home = tmp_path_factory.mktemp("venv")
        _call(os.path.realpath(sys.executable), "-m", "venv", "--without-pip", home)
        # The wheels by name: a package of the same name in an index is not ours.
        _call(sys.executable, "-m", "pip", "--python", home / "bin" / "python3", "install", *wheels)
        return home / "bin"

    return make


@pytest.fixture(scope="session")
def everything(wheels: Wheels, install: Install) -> Path:
    """The bin directory of an environment with all five packages."""
    return install(*wheels.values())


@pytest.fixture(scope="session")
def runtime_path(everything: Path) -> str:
    """The installed runtime instead of the checkout's."""
    return str(everything / "pyouki")


def _call(*command: str | Path) -> None:
    subprocess.run(command, check=True, cwd="/", env=ENVIRONMENT)
