"""Compile the launcher into bin/pyouki; everything else is in pyproject.toml."""

import os
import platform
import shutil
import subprocess

from setuptools import setup
from setuptools.command.build_ext import build_ext
from setuptools.dist import Distribution

HERE = os.path.dirname(os.path.abspath(__file__))
FLAGS = ("-static", "-Os", "-Wall", "-Wextra", "-Werror", "-s")
# What musl links starts in a quarter of a millisecond less than what glibc does. It has no headers of the kernel.
MUSL = ("musl-gcc", "-idirafter", "/usr/include", "-idirafter", f"/usr/include/{platform.machine()}-linux-gnu")
LAUNCHER = os.path.join("bin", "pyouki")


class BuildLauncher(build_ext):
    """Compile launcher/pyouki.c: a static ELF, installed as a data file because pip rewrites scripts."""

    def run(self) -> None:
        target = os.path.join(HERE, LAUNCHER)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        source = os.path.join(HERE, "launcher", "pyouki.c")
        compiler = MUSL if shutil.which(MUSL[0]) else (os.environ.get("CC", "cc"),)
        subprocess.run([*compiler, *FLAGS, "-o", target, source], check=True)
        super().run()
        self.note_commit()

    def note_commit(self) -> None:
        """Write the commit into the package for --version; an sdist is no checkout and does without."""
        answer = subprocess.run(["git", "-C", HERE, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            package = os.path.join(HERE, "src") if self.inplace else self.build_lib
            with open(os.path.join(package, "pyouki", "commit.txt"), "w", encoding="ascii") as file:
                file.write(answer.stdout)


class BinaryDistribution(Distribution):
    """The wheel holds machine code, so it is one for this platform."""

    def has_ext_modules(self) -> bool:
        return True


setup(
    cmdclass={"build_ext": BuildLauncher},
    data_files=[("bin", [LAUNCHER])],
    distclass=BinaryDistribution,
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
