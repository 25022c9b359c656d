"""What the commands load that engines call for every container: exact lists, since each module costs time.

The command runs for real, as the launcher starts it, under ``-X importtime``; so what the container's own processes
load before they are sealed is in the list as well. ``WRITE_HOT_PATH=1 pytest tests/architecture/test_hot_path.py``
writes the lists anew, and from them ``hot_modules.txt``, which says what the bundle holds: then read the difference
before it is committed. The bundle itself is not used here: what it loads is not told by ``-X importtime``.
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
HOT_MODULES = ROOT / "packages" / "pyouki" / "src" / "pyouki" / "hot_modules.txt"
# Engines send a filter with every container, so what it takes is in the bundle of create.
BUNDLED = {
    "create": "create-with-cached-seccomp", "run": "run-with-cached-seccomp", "exec": "exec-with-cached-seccomp",
    "start": "start", "state": "state", "kill": "kill", "delete": "delete",
}  # fmt: skip
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


def _run_with_seccomp(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> Result:
    first, second = make_bundle("true", mutate=_forbid_mkdir), make_bundle("true", mutate=_forbid_mkdir)
    runtime.run(first)
    return runtime.run(second)


def _exec_with_seccomp(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> Result:
    return runtime("exec", runtime.start(make_bundle(mutate=_forbid_mkdir)).id, "true")


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
    "exec-with-cached-seccomp": _exec_with_seccomp,
    "run": _run,
    "run-with-cached-seccomp": _run_with_seccomp,
}


@pytest.fixture
def observed(runtime_path: str, work: str, guard: Guard) -> Iterator[Runtime]:
    """The product as its launcher starts it, telling on stderr what it imports."""
    home = Path(runtime_path).parent
    (packages,) = home.parent.glob("lib/python3.*/site-packages/pyouki")
    program = f"import sys; sys.path.append('{packages.parent}'); from pyouki.__main__ import main; main()"
    script = Path(work) / "observed"
    script.write_text(f'#!/bin/sh\nexec {home}/python3 -ISB -X importtime -c "{program}" "$@"\n')
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

    bare = _loaded_by_the_bare_interpreter()
    loaded = [name for name in _names(result.stderr) if name not in bare and name != "pyouki.__main__"]
    if os.environ.get("WRITE_HOT_PATH"):
        (LISTS / f"{command}.txt").write_text("".join(f"{name}\n" for name in loaded))
    assert loaded == (LISTS / f"{command}.txt").read_text().split()


@pytest.mark.parametrize("command", SCENARIOS)
def test_no_list_has_a_module_that_is_forbidden(command: str) -> None:
    listed = {name.partition(".")[0] for name in (LISTS / f"{command}.txt").read_text().split()}

    assert listed & FORBIDDEN == set()


def test_the_bundle_holds_the_modules_of_the_lists_in_their_order() -> None:
    expected = "".join(_bundled(command, name) for command, name in BUNDLED.items())

    if os.environ.get("WRITE_HOT_PATH"):
        HOT_MODULES.write_text(expected)
    assert HOT_MODULES.read_text() == expected


def _bundled(command: str, name: str) -> str:
    ours = [line for line in (LISTS / f"{name}.txt").read_text().split() if line.startswith(PACKAGES)]
    return "\n".join((f"[{command}]", *(line for line in ours if not line.endswith("._kernel")))) + "\n\n"


def _forbid_mkdir(config: Json) -> None:
    config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}],
    }


def _names(import_times: str) -> list[str]:
    """Return the modules in the order in which their loading was completed."""
    lines = (line.rpartition("|") for line in import_times.splitlines() if line.startswith("import time:"))
    return [name.strip() for times, _, name in lines if "[us]" not in times]


def _loaded_by_the_bare_interpreter() -> list[str]:
    bare = subprocess.run(
        [sys.executable, "-ISB", "-X", "importtime", "-c", "pass"], capture_output=True, text=True, check=True
    )
    return _names(bare.stderr)
