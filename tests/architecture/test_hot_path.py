"""What the commands load that engines call for every container: exact lists, since each module costs time.

The command runs for real, as the launcher starts it, under ``-X importtime``; so what the container's own processes
load before they are sealed is in the list as well. ``WRITE_HOT_PATH=1 pytest tests/architecture/test_hot_path.py``
writes the lists anew: then read the difference before it is committed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.architecture.workspace import PACKAGES, ROOT
from tests.support.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.bundle import Bundle, Json
    from tests.support.guard import Guard
    from tests.support.runtime import Result

    Scenario = Callable[[Runtime, Callable[..., Bundle]], Result]

LISTS = Path(__file__).parent / "hot_path"
FORBIDDEN = frozenset(
    "abc argparse asyncio click collections contextlib dataclasses datetime dbus_next elftools enum functools inspect "
    "json logging pathlib pydantic re shutil signal socket subprocess tempfile traceback typer types typing warnings"
    .split()
)  # fmt: skip

pytestmark = [pytest.mark.root, pytest.mark.cgroup1]


def _create(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> Result:
    return runtime.try_create(make_bundle())


def _create_with_seccomp(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> Result:
    first, second = make_bundle(mutate=_forbid_mkdir), make_bundle(mutate=_forbid_mkdir)
    runtime.create(first)
    return runtime.try_create(second)


def _start(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> Result:
    return runtime("start", runtime.create(make_bundle()).id)


def _state(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> Result:
    return runtime("state", runtime.start(make_bundle()).id)


def _kill(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> Result:
    return runtime("kill", runtime.start(make_bundle()).id, "KILL")


def _delete(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> Result:
    container = runtime.start(make_bundle())
    container.stop()
    return runtime("delete", container.id)


def _exec(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> Result:
    return runtime("exec", runtime.start(make_bundle()).id, "true")


def _run(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> Result:
    return runtime.run(make_bundle("true"))


SCENARIOS: dict[str, Scenario] = {
    "create": _create,
    "create-with-cached-seccomp": _create_with_seccomp,
    "start": _start,
    "state": _state,
    "kill": _kill,
    "delete": _delete,
    "exec": _exec,
    "run": _run,
}


@pytest.fixture
def observed(runtime_path: str, work: str, guard: Guard) -> Iterator[Runtime]:
    """The product as its launcher starts it, telling on stderr what it imports."""
    home = Path(runtime_path).parent
    (main,) = home.parent.glob("lib/python3.*/site-packages/pyouki/__main__.py")
    script = Path(work) / "observed"
    script.write_text(f'#!/bin/sh\nexec {home}/python3 -ISB -X importtime {main} "$@"\n')
    script.chmod(0o755)
    runtime = Runtime(str(script), work)
    guard.watch(runtime)
    yield runtime
    for name in runtime.ids():
        runtime("delete", "--force", name).succeed()


@pytest.mark.skipif(os.environ.get("RUNTIME", "pyouki") != "pyouki", reason="looks into pyouki")
@pytest.mark.parametrize("command", SCENARIOS)
def test_a_command_loads_these_modules_and_no_other(
    command: str, observed: Runtime, make_bundle: Callable[..., Bundle]
) -> None:
    result = SCENARIOS[command](observed, make_bundle).succeed()

    loaded = _names(result.stderr) - _loaded_by_the_bare_interpreter()
    if os.environ.get("WRITE_HOT_PATH"):
        (LISTS / f"{command}.txt").write_text("".join(f"{name}\n" for name in sorted(loaded)))
    assert sorted(loaded) == (LISTS / f"{command}.txt").read_text().split()


@pytest.mark.parametrize("command", SCENARIOS)
def test_no_list_has_a_module_that_is_forbidden(command: str) -> None:
    listed = {name.partition(".")[0] for name in (LISTS / f"{command}.txt").read_text().split()}

    assert listed & FORBIDDEN == set()


def test_the_bundle_has_every_module_of_ours_that_a_list_has() -> None:
    ours = {name for file in LISTS.glob("*.txt") for name in file.read_text().split() if name.startswith(PACKAGES)}
    bundled = set((ROOT / "packages" / "pyouki" / "src" / "pyouki" / "hot_modules.txt").read_text().split())

    assert {name for name in ours if not name.endswith("._kernel")} - bundled == set()


def _forbid_mkdir(config: Json) -> None:
    config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}],
    }


def _names(import_times: str) -> set[str]:
    lines = (line.rpartition("|") for line in import_times.splitlines() if line.startswith("import time:"))
    return {name.strip() for times, _, name in lines if "[us]" not in times}


def _loaded_by_the_bare_interpreter() -> set[str]:
    bare = subprocess.run(
        [sys.executable, "-ISB", "-X", "importtime", "-c", "pass"], capture_output=True, text=True, check=True
    )
    return _names(bare.stderr)
