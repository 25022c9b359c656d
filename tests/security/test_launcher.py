"""How the product starts its interpreter: nothing of the caller's takes part, and nothing can be written through it.

P1, P2 and A01 (CVE-2019-5736) of the security checklist; for pyouki alone, since other runtimes start no interpreter.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeBundle
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

# Imported early by a Python that looks where the caller tells it to.
_POISONED = (
    "os",
    "json",
    "types",
    "encodings",
    "sitecustomize",
    "usercustomize",
    "pyouki",
    "libcontainer",
    "posixpath",
)


@pytest.fixture(autouse=True)
def only_pyouki(runtime: Runtime) -> None:
    if runtime.name != "pyouki":
        pytest.skip("starts no interpreter")


@pytest.fixture
def poison(tmp_path: Path) -> tuple[Path, Path]:
    """A directory of modules that leave a mark when they are executed, and the mark."""
    mark, directory = tmp_path / "mark", tmp_path / "poison"
    directory.mkdir()
    for name in _POISONED:
        (directory / f"{name}.py").write_text(f"open({str(mark)!r}, 'a').write({name!r})\n")
    return directory, mark


@pytest.mark.parametrize(
    "variable", ["PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONSTARTUP", "PYTHONPYCACHEPREFIX", "PYTHONWARNINGS"]
)
def test_environment_of_the_caller_executes_nothing(runtime: Runtime, poison: tuple[Path, Path], variable: str) -> None:
    directory, mark = poison
    value = "error::usercustomize.X" if variable == "PYTHONWARNINGS" else str(directory)

    done = subprocess.run(
        [runtime.path, "--version"], env={**os.environ, variable: value}, capture_output=True, check=True
    )

    assert done.stdout.startswith(b"pyouki version ")
    assert not mark.exists()


def test_current_directory_executes_nothing(runtime: Runtime, poison: tuple[Path, Path]) -> None:
    directory, mark = poison

    subprocess.run([runtime.path, "--version"], cwd=directory, capture_output=True, check=True)
    subprocess.run([runtime.path, "create", "--help"], cwd=directory, capture_output=True, check=True)

    assert not mark.exists()


def test_interpreter_cannot_be_written_through_proc(runtime: Runtime, make_bundle: MakeBundle) -> None:
    waiting = runtime.run_in_background(make_bundle("sleep", "1000"))
    program = os.open(f"/proc/{waiting.process.pid}/exe", os.O_PATH)
    waiting.end()

    flags = os.fstatvfs(program).f_flag
    with pytest.raises(OSError, match=r"Read-only file system|Text file busy"):
        os.open(f"/proc/self/fd/{program}", os.O_WRONLY)

    os.close(program)
    # While anybody executes the file it is "busy"; what keeps it safe afterwards is the read-only mount.
    assert flags & os.ST_RDONLY


def test_waiting_container_has_no_file_of_the_host_as_its_program(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.create(make_bundle())

    assert os.readlink(f"/proc/{container.pid}/exe") == "/memfd:container-init (deleted)"
