"""Build the cffi module and the static waiting stage; everything else is in pyproject.toml."""

import os
import subprocess

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.dist import Distribution

STUB_FLAGS = (
    "-Os", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
    "-fcf-protection=none", "-nostdlib", "-static", "-s", "-Wl,--build-id=none", "-Wl,-z,noseparate-code",
)  # fmt: skip

HERE = os.path.dirname(os.path.abspath(__file__))


class BuildWithStub(build_py):
    """Compile init_stub/ into the package: a static ELF that waits for start and executes the workload."""

    def run(self) -> None:
        super().run()
        target = os.path.join(self.build_lib, "libcontainer", "bin", "container-init")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        compiler = os.environ.get("CC", "cc")
        source = os.path.join(HERE, "init_stub", "container_init.c")
        subprocess.run(
            [compiler, *STUB_FLAGS, "-o", target, source], check=True
        )


class BinaryDistribution(Distribution):
    """The wheel holds machine code even when no extension module was rebuilt."""

    def has_ext_modules(self) -> bool:
        return True


setup(
    cffi_modules=["build_ffi.py:ffibuilder"],
    cmdclass={"build_py": BuildWithStub},
    distclass=BinaryDistribution,
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
