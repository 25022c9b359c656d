"""What the commands load that engines call for every container: exact lists, since each module costs time.

The command runs for real, as the launcher starts it, under ``-X importtime``; so what the container's own processes
load before they are sealed is in the list as well. ``WRITE_HOT_PATH=1 pytest tests/architecture/test_hot_path.py``
writes the lists anew, and ``hot_path.txt``, which says what the bundle holds and which functions are hot: then read
the difference before it is committed. The bundle itself is not used here: what it loads is not told by
``-X importtime``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyouki import write_bundle
from tests.architecture.workspace import ROOT
from tests.support.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.support.bundle import Bundle, Json
    from tests.support.guard import Guard
    from tests.support.runtime import Result

    Scenario = Callable[[Runtime, Callable[..., Bundle]], Result]

LISTS = Path(__file__).parent / "hot_path"
HOT_PATH = ROOT / "packages" / "pyouki" / "src" / "pyouki" / "hot_path.txt"
OBSERVE = Path(__file__).with_name("observe.py")
# Seen with a bundle only, where the caller is in a cgroup of its own, and when the process lives a little longer.
UNSEEN = {
    "libcontainer.seal": {"keep"}, "libcgroups.detect": {"Mounts.own_paths"}, "libcontainer.foreground": {"_noted"},
}  # fmt: skip
# Engines send a filter with every container, so what it takes is in the bundle of create.
CALLS: dict[str, list[str]] = {}
BUNDLED = {
    "create": "create-with-cached-seccomp", "run": "run-with-cached-seccomp", "exec": "exec-with-cached-seccomp",
    "start": "start", "state": "state", "kill": "kill", "delete": "delete-of-a-running-one",
    "ps": "ps", "events": "events", "list": "list", "pause": "pause", "resume": "resume", "update": "update",
}  # fmt: skip
# What the modules say they need and, when they are bundled, do without.
NOT_BUNDLED = ("__future__", "errno", "stat")
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


def _delete_running(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> Result:
    return runtime("delete", "--force", runtime.start(make_bundle()).id)


def _exec(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> Result:
    return runtime("exec", runtime.start(make_bundle()).id, "true")


def _run(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> Result:
    return runtime.run(make_bundle("true"))


def _on_running(*words: str) -> Scenario:
    """Return the scenario of a command whose last word is a running container."""

    def run(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> Result:
        return runtime(*words, runtime.start(make_bundle()).id)

    return run


def _resume(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> Result:
    container = runtime.start(make_bundle())
    runtime("pause", container.id).succeed()
    return runtime("resume", container.id)


def _list(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> Result:
    runtime.start(make_bundle())
    return runtime("list", "--format", "json")


SCENARIOS: dict[str, Scenario] = {
    "create": _create,
    "create-with-cached-seccomp": _create_with_seccomp,
    "start": _start,
    "state": _state,
    "kill": _kill,
    "delete": _delete,
    "delete-of-a-running-one": _delete_running,
    "exec": _exec,
    "exec-with-cached-seccomp": _exec_with_seccomp,
    "run": _run,
    "run-with-cached-seccomp": _run_with_seccomp,
    "ps": _on_running("ps", "--format", "json"),
    "events": _on_running("events", "--stats"),
    "list": _list,
    "pause": _on_running("pause"),
    "resume": _resume,
    "update": _on_running("update", "--memory", "64000000"),
}


@pytest.fixture
def observed(runtime_path: str, work: str, guard: Guard) -> Iterator[Runtime]:
    """The product as its launcher starts it, telling on stderr what it imports."""
    home = Path(runtime_path).parent
    (packages,) = home.parent.glob("lib/python3.*/site-packages/pyouki")
    script = Path(work) / "observed"
    script.write_text(
        "#!/bin/sh\n"
        f"rm -f {work}/calls\n"
        f'exec {home}/python3 -ISB -X importtime {OBSERVE} {packages.parent} {work}/calls "$@"\n'
    )
    script.chmod(0o755)
    runtime = Runtime(str(script), work)
    guard.watch(runtime)
    yield runtime
    for name in runtime.ids():
        runtime("delete", "--force", name).succeed()


@pytest.mark.skipif(os.environ.get("RUNTIME", "pyouki") != "pyouki", reason="looks into pyouki")
@pytest.mark.parametrize("command", SCENARIOS)
def test_a_command_loads_these_modules_and_no_other(
    command: str, observed: Runtime, make_bundle: Callable[..., Bundle], work: str
) -> None:
    result = SCENARIOS[command](observed, make_bundle).succeed()

    bare = _loaded_by_the_bare_interpreter()
    loaded = [name for name in _names(result.stderr) if name not in bare]
    if os.environ.get("WRITE_HOT_PATH"):
        (LISTS / f"{command}.txt").write_text("".join(f"{name}\n" for name in loaded))
        CALLS[command] = Path(work, "calls").read_text().splitlines()
    assert loaded == (LISTS / f"{command}.txt").read_text().split()


@pytest.mark.parametrize("command", SCENARIOS)
def test_no_list_has_a_module_that_is_forbidden(command: str) -> None:
    listed = {name.partition(".")[0] for name in (LISTS / f"{command}.txt").read_text().split()}

    assert listed & FORBIDDEN == set()


def test_the_bundle_holds_the_modules_of_the_lists_in_their_order() -> None:
    if os.environ.get("WRITE_HOT_PATH"):
        HOT_PATH.write_text("".join(_hot_path(command, name) for command, name in BUNDLED.items()))

    bundled = write_bundle.read_hot_path(HOT_PATH.read_text())

    assert {command: list(modules) for command, modules in bundled.items()} == {
        part: modules for command, name in BUNDLED.items() for part, modules in _parts(command, name).items()
    }


def _parts(command: str, name: str) -> dict[str, list[str]]:
    """Return the modules of a command's part; what not every run of it needs comes later, in a group of its own."""
    modules, always = _bundled(name), _bundled(command)
    if modules == always:
        return {command: modules}
    later = [module for module in modules if module not in always]
    return {command: [module for module in modules if module in always], f"{command}{write_bundle.LATER}": later}


def _bundled(name: str) -> list[str]:
    lines = (LISTS / f"{name}.txt").read_text().split()
    return [line for line in lines if line not in NOT_BUNDLED]


def _hot_path(command: str, name: str) -> str:
    """Return the part of a command: a line for each module, with the functions that were called."""
    called = {module: set(functions) for module, functions in UNSEEN.items()}
    for line in (*CALLS[command], *CALLS[name]):
        place, _, function = line.partition(" ")
        module = place.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        called.setdefault(module, set()).add(function)
    text = ""
    for part, modules in _parts(command, name).items():
        lines = (" ".join((module, *sorted(_plain(called.get(module, ()))))) for module in modules)
        text += "\n".join((f"[{part}]", *lines)) + "\n\n"
    return text


def _plain(functions: Iterable[str]) -> Iterator[str]:
    """Leave out what is part of another function: it is hot or cold with it."""
    return (function for function in functions if "<" not in function)


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
