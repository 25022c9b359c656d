"""The compiled part of the build, which pyproject.toml cannot say: one module under the stable ABI."""

from setuptools import Extension, setup

KERNEL = Extension(
    "libcgroups._kernel", sources=["kernel.c"], extra_compile_args=["-Wall", "-Wextra"], py_limited_api=True
)

setup(
    ext_modules=[KERNEL],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
