"""Compile the launcher into bin/pyouki; everything else is in pyproject.toml."""

import os
import subprocess

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.dist import Distribution

HERE = os.path.dirname(os.path.abspath(__file__))
LAUNCHER = os.path.join("bin", "pyouki")


class BuildWithLauncher(build_py):
    """Compile launcher/pyouki.c: a static ELF, installed as a data file because pip rewrites scripts."""

    def run(self) -> None:
        os.makedirs(os.path.join(HERE, "bin"), exist_ok=True)
        subprocess.run(
            [
                os.environ.get("CC", "cc"), "-static", "-Os", "-Wall", "-Wextra", "-Werror", "-s",
                "-o", os.path.join(HERE, LAUNCHER), os.path.join(HERE, "launcher", "pyouki.c"),
            ],
            check=True,
        )  # fmt: skip
        super().run()


class BinaryDistribution(Distribution):
    """The wheel holds machine code, so it is one for this platform."""

    def has_ext_modules(self) -> bool:
        return True


setup(
    cmdclass={"build_py": BuildWithLauncher},
    data_files=[("bin", [LAUNCHER])],
    distclass=BinaryDistribution,
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
