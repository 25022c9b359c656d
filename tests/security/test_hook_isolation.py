"""B05: what a hook gets, and that none can hang or outlive its timeout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import Caller, read

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.runtime import Runtime
    from tests.support.tracking import Tracker

pytestmark = pytest.mark.root

_KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


@pytest.mark.parametrize("kind", _KINDS)
def test_environment_is_exactly_the_hooks(runtime: Runtime, make_bundle: MakeBundle, work: str, kind: str) -> None:
    hook = mutations.hook(
        kind, "/bin/sh", "-c", f"cat > /dev/null; env > {work}/env", env=["A=b", "PATH=/bin:/usr/bin"]
    )
    bundle = make_bundle("true", mutate=mutations.every(mutations.mount(work, work, "bind"), hook))

    runtime.run(bundle, caller=Caller(env={"LEAK": "leaked"})).succeed()

    shells_own = {"PWD", "OLDPWD", "SHLVL", "_"}
    found = [line for line in read(f"{work}/env").splitlines() if line.partition("=")[0] not in shells_own]
    assert sorted(found) == ["A=b", "PATH=/bin:/usr/bin"]


@pytest.mark.parametrize("kind", _KINDS)
def test_only_the_three_streams_are_open(runtime: Runtime, make_bundle: MakeBundle, work: str, kind: str) -> None:
    script = f"cat > /dev/null; cd /proc/self/fd; echo * > {work}/fds"
    hook = mutations.hook(kind, "/bin/sh", "-c", script, env=["PATH=/bin:/usr/bin"])
    bundle = make_bundle("true", mutate=mutations.every(mutations.mount(work, work, "bind"), hook))
    caller = Caller(prefix=["bash", "-c", 'exec "$@" 40</', "-"])

    runtime.run(bundle, caller=caller).succeed()

    assert set(read(f"{work}/fds").split()) <= {"0", "1", "2", "3"}  # 3 is what the shell lists with


def test_background_child_does_not_hang_create(runtime: Runtime, make_bundle: MakeBundle, tracker: Tracker) -> None:
    script = "cat > /dev/null; sleep 1000 & exit 0"
    hook = mutations.hook("createRuntime", "/bin/sh", "-c", script, timeout=3)

    result = runtime("create", "--bundle", make_bundle(mutate=hook).directory, "c1", timeout_s=12)

    runtime("delete", "--force", "c1")
    tracker.kill_all()  # the hook's own child belongs to nobody
    assert result.duration_s < 8


def test_timeout_kills_the_hooks_children(runtime: Runtime, make_bundle: MakeBundle) -> None:
    hook = mutations.hook("createRuntime", "/bin/sh", "-c", "sleep 1000 & sleep 1000", timeout=1)

    result = runtime.try_create(make_bundle(mutate=hook)).exit_with(1)

    assert result.duration_s < 8


def test_large_state_that_is_not_read(runtime: Runtime, make_bundle: MakeBundle) -> None:
    mutate = mutations.every(
        mutations.top(annotations={"org.example.large": "x" * (1 << 20)}),
        mutations.hook("createRuntime", "/bin/sleep", "0.2"),
    )

    runtime.run(make_bundle("true", mutate=mutate), timeout_s=12).succeed()


def test_much_output_is_bounded(runtime: Runtime, make_bundle: MakeBundle) -> None:
    script = "cat > /dev/null; head -c 20000000 /dev/zero | tr '\\0' x; exit 4"

    result = runtime.try_create(make_bundle(mutate=mutations.hook("createRuntime", "/bin/sh", "-c", script)))

    assert len(result.fail().stderr) < 1_000_000


@pytest.mark.parametrize("path", ["", "relative", "/no/such"])
def test_path_is_refused(runtime: Runtime, make_bundle: MakeBundle, path: str) -> None:
    entry = {"path": path, "args": ["x"]}

    runtime.try_create(make_bundle(mutate=mutations.top(hooks={"createRuntime": [entry]}))).fail()

    assert runtime.ids() == []


@pytest.mark.parametrize("timeout", [0, -1])
def test_timeout_that_is_not_positive_is_refused(runtime: Runtime, make_bundle: MakeBundle, timeout: int) -> None:
    hook = mutations.hook("createRuntime", "/bin/true", timeout=timeout)

    runtime.try_create(make_bundle(mutate=hook)).fail()
