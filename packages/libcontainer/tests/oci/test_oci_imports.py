"""What reading a good configuration may cost: modules, counted exactly."""

from __future__ import annotations

import pathlib
import subprocess
import sys

DATA = pathlib.Path(__file__).parent.parent / "data"
SOURCES = [str(pathlib.Path(__file__).parents[3] / name / "src") for name in ("libcgroups", "libcontainer")]
PROGRAM = """
import sys
sys.path[:0] = {sources!r}
from libcontainer.oci import json_text, load, validate
validate.validate(load.load({config!r}))
json_text.dumps({{"a": [1, 2.5, None]}})
print(*sorted(sys.modules))
"""
FORBIDDEN = {
    "re", "typing", "enum", "dataclasses", "json", "logging", "subprocess", "pathlib", "socket", "signal", "contextlib",
    "functools", "collections", "argparse", "pydantic", "types", "inspect", "warnings", "traceback",
}  # fmt: skip
OURS = {
    "libcgroups.record", "libcgroups.resources", "libcgroups.resources_rare", "libcontainer.errors", "libcontainer.oci",
    "libcontainer.oci.decode", "libcontainer.oci.json_text", "libcontainer.oci.load", "libcontainer.oci.spec",
    "libcontainer.oci.spec_seccomp", "libcontainer.oci.validate",
    "libcontainer.oci.validate.linux", "libcontainer.oci.validate.resources", "libcontainer.oci.validate.seccomp",
}  # fmt: skip


def test_reading_a_configuration_of_docker_imports_nothing_dear() -> None:
    program = PROGRAM.format(sources=SOURCES, config=str(DATA / "configs" / "docker-28.5-default.json"))

    ran = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)

    modules = set(ran.stdout.split())
    assert modules & FORBIDDEN == set()
    assert {name for name in modules if name.startswith("lib")} - OURS <= {"libcgroups", "libcontainer"}
