"""The compiled part of the build, which pyproject.toml cannot say: one cffi module under the stable ABI."""

from setuptools import setup

setup(
    cffi_modules=["build_ffi.py:ffibuilder"],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
