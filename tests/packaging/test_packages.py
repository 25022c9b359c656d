"""What is published works where nothing of the checkout is: each package alone, and all together."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.packaging.conftest import Install, Wheels
    from tests.support.bundle import Bundle
    from tests.support.runtime import Runtime

SIBLINGS = {
    "libcgroups": set[str](),
    "libcontainer": {"libcgroups", "libseccomp"},
    "liboci_cli": set[str](),
    "libseccomp": set[str](),
    "pyouki": {"libcgroups", "libcontainer", "liboci_cli", "libseccomp"},
}
COMPILED = {
    "libcgroups": {"libcgroups/_kernel.abi3.so"},
    "libcontainer": {"libcontainer/_kernel.abi3.so", "libcontainer/bin/container-init"},
    "liboci_cli": set[str](),
    "libseccomp": {"libseccomp/_libseccomp.abi3.so"},
    "pyouki": {"pyouki-0.1.0.data/data/bin/pyouki"},
}
IMPORT_EVERY_MODULE = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_wheel_serves_every_python_from_3_11_on(wheels: Wheels) -> None:
    tags = {name: wheel.stem.split("-", 2)[2] for name, wheel in wheels.items()}

    assert tags.pop("liboci_cli") == "py3-none-any"
    assert [tag for tag in tags.values() if not re.fullmatch(r"cp311-abi3-linux_\w+", tag)] == []


@pytest.mark.parametrize("package", SIBLINGS)
def test_a_wheel_has_the_compiled_parts_and_no_tests(package: str, wheels: Wheels) -> None:
    with ZipFile(wheels[package]) as wheel:
        files = {file.filename: file for file in wheel.infolist()}

    compiled = {name for name in files if name.endswith((".so", ".o", ".c", ".bundle")) or "/bin/" in name}
    assert compiled == {name.replace("0.1.0", _version(wheels[package])) for name in COMPILED[package]}
    assert [name for name in compiled if "/bin/" in name and not files[name].external_attr >> 16 & 0o111] == []
    assert [name for name in files if "test" in name.split("/") or "tests" in name.split("/")] == []
    assert f"{package}/py.typed" in files


@pytest.mark.parametrize("package", SIBLINGS)
def test_a_package_works_with_no_other_than_those_it_names(package: str, wheels: Wheels, install: Install) -> None:
    home = install(wheels[package], *(wheels[sibling] for sibling in SIBLINGS[package]))

    subprocess.run([home / "python3", "-W", "error", "-c", IMPORT_EVERY_MODULE, package], check=True, cwd="/")


def test_the_program_tells_its_version(everything: Path, wheels: Wheels) -> None:
    told = subprocess.run([everything / "pyouki", "--version"], capture_output=True, text=True, check=True, cwd="/")

    assert told.stdout.splitlines()[0] == f"pyouki version {_version(wheels['pyouki'])}"


def test_the_program_works_through_a_link_from_elsewhere(everything: Path, tmp_path: Path) -> None:
    (tmp_path / "pyouki").symlink_to(everything / "pyouki")

    told = subprocess.run([tmp_path / "pyouki", "--version"], capture_output=True, text=True, check=True, cwd="/")

    assert told.stdout.startswith("pyouki version ")


def test_the_console_script_is_the_same_program(everything: Path) -> None:
    told = [
        subprocess.run([everything / name, "--version"], capture_output=True, text=True, check=True, cwd="/").stdout
        for name in ("pyouki", "pyouki-py")
    ]

    assert told[0] == told[1]


@pytest.mark.root
def test_the_installed_program_runs_a_container(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> None:
    result = runtime.run(make_bundle("sh", "-c", "echo $$ $(hostname)"))

    assert result.succeed().stdout == "1 contest\n"


@pytest.mark.root
def test_the_installed_program_takes_a_container_through_its_life(
    runtime: Runtime, make_bundle: Callable[..., Bundle]
) -> None:
    container = runtime.start(make_bundle("sleep", "1000"))

    assert container.exec("true").returncode == 0
    container.stop()
    container.delete().succeed()


def _version(wheel: Path) -> str:
    return wheel.name.split("-")[1]
