"""Build the system calls and the static waiting stage; everything else is in pyproject.toml."""

import os
import platform
import subprocess

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

HERE = os.path.dirname(os.path.abspath(__file__))
STUB_FLAGS = (
    "-Os", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
    "-nostdlib", "-static", "-s", "-Wl,--build-id=none", "-Wl,-z,noseparate-code",
)  # fmt: skip
X86_FLAGS = ("-fcf-protection=none",)


class BuildWithStub(build_ext):
    """Compile init_stub/ as well: a static ELF that waits for start and executes the workload."""

    def run(self) -> None:
        super().run()
        package = os.path.join(HERE, "src") if self.inplace else self.build_lib
        target = os.path.join(package, "libcontainer", "bin", "container-init")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        flags = STUB_FLAGS + (X86_FLAGS if platform.machine() in ("x86_64", "i686") else ())
        source = os.path.join(HERE, "init_stub", "container_init.c")
        subprocess.run([os.environ.get("CC", "cc"), *flags, "-o", target, source], check=True)


KERNEL = Extension(
    "libcontainer._kernel",
    sources=["kernel/kernel.c", "kernel/spawn.c"],
    depends=["kernel/kernel.h"],
    extra_compile_args=["-Wall", "-Wextra"],
    py_limited_api=True,
)

setup(
    ext_modules=[KERNEL],
    cmdclass={"build_ext": BuildWithStub},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
