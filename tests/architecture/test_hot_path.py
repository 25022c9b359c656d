"""What the commands load that engines call for every container: exact lists, since each module costs time.

The command runs for real, as the launcher starts it, under ``-X importtime``; so what the container's own processes
load before they are sealed is in the list as well. ``WRITE_HOT_PATH=1 pytest tests/architecture/test_hot_path.py``
writes the lists anew, and ``hot_path.txt``, which says what the bundle holds and which functions are hot: then read
the difference before it is committed. The bundle itself is not used here: what it loads is not told by
``-X importtime``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyouki import write_bundle
from tests.architecture.workspace import ROOT
from tests.support import observed as observation
from tests.support.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.bundle import Bundle
    from tests.support.guard import Guard
    from tests.support.runtime import Result

    Scenario = Callable[[Runtime, Callable[..., Bundle]], Result]

LISTS = Path(__file__).parent / "hot_path"
HOT_PATH = ROOT / "packages" / "pyouki" / "src" / "pyouki" / "hot_path.txt"
# What the guest has seen on cgroup v2, by driver: a group of its own for each.
ON_V2 = {
    group: write_bundle.read_hot_path((Path(__file__).parent / "hot_path_on_v2" / f"{driver}.txt").read_text())
    for group, driver in (("v2", "cgroupfs"), ("systemd", "systemd"))
}
# Seen with a bundle only, where the caller is in a cgroup of its own, and when the process lives a little longer.
UNSEEN = {
    "libcontainer.seal": frozenset({"keep"}),
    "libcgroups.detect": frozenset({"Mounts.own_paths"}),
    "libcontainer.foreground": frozenset({"Foreground._handle_signals", "_noted", "_reap_others"}),
}
# Engines send more than `spec` writes, a filter above all, so what that takes is in the bundle of create.
CALLS: dict[str, list[str]] = {}
BUNDLED = {
    "create": "create-as-docker", "run": "run-as-docker", "exec": "exec-as-docker",
    "start": "start", "state": "state", "kill": "kill", "delete": "delete-of-a-running-one",
    "ps": "ps", "events": "events", "list": "list", "pause": "pause", "resume": "resume", "update": "update",
}  # fmt: skip
# What the modules say they need and, when they are bundled, do without.
NOT_BUNDLED = ("__future__", "errno", "stat", "struct")
FORBIDDEN = frozenset(
    "abc argparse asyncio click collections contextlib dataclasses datetime dbus_next elftools enum functools inspect "
    "json logging pathlib pydantic re shutil signal socket subprocess tempfile traceback typer types typing warnings"
    .split()
)  # fmt: skip

pytestmark = [pytest.mark.root, pytest.mark.cgroup1]


def _create(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> Result:
    return runtime.try_create(make_bundle())


def _create_as_docker(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> Result:
    runtime.create(make_bundle(mutate=observation.as_engines_do))
    return runtime.try_create(make_bundle(mutate=observation.as_engines_do))


def _run_as_docker(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> Result:
    runtime.run(make_bundle("true", mutate=observation.as_engines_do))
    return runtime.run(make_bundle("true", mutate=observation.as_engines_do))


def _exec_as_docker(runtime: Runtime, make_bundle: Callable[..., Bundle]) -> Result:
    return runtime("exec", runtime.start(make_bundle(mutate=observation.as_engines_do)).id, "true")


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
    "create-as-docker": _create_as_docker,
    "start": _start,
    "state": _state,
    "kill": _kill,
    "delete": _delete,
    "delete-of-a-running-one": _delete_running,
    "exec": _exec,
    "exec-as-docker": _exec_as_docker,
    "run": _run,
    "run-as-docker": _run_as_docker,
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
    observation.write_script(script, home / "python3", packages.parent, Path(work) / "calls")
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

    loaded = observation.modules(result.stderr)
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
    """Return the modules of a command's part, and of the groups for what not every run of it needs."""
    always = _bundled(command)
    parts, known = {command: always}, {*always}
    seen = {"later": _bundled(name), **{group: [*commands.get(command, ())] for group, commands in ON_V2.items()}}
    for group, modules in seen.items():
        new = [module for module in modules if module not in known and module not in NOT_BUNDLED]
        known.update(new)
        if new:
            parts[f"{command} {group}"] = new
    return parts


def _bundled(name: str) -> list[str]:
    lines = (LISTS / f"{name}.txt").read_text().split()
    return [line for line in lines if line not in NOT_BUNDLED]


def _hot_path(command: str, name: str) -> str:
    """Return the part of a command and its groups."""
    called = observation.functions((*CALLS[command], *CALLS[name]))
    for commands in ({command: UNSEEN}, *ON_V2.values()):
        for module, functions in commands.get(command, {}).items():
            called.setdefault(module, set()).update(functions)
    return "".join(observation.section(part, names, called) for part, names in _parts(command, name).items())
