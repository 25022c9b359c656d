"""Errors that engines show and search are told in the words of the runc that is installed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from libcontainer import environment, hooks
from libcontainer.errors import LibcontainerError
from libcontainer.oci.spec import Hook
from tests.integration.facilities import child
from tests.integration.facilities.child import SYSCALL
from tests.support import runtime

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.root


@pytest.fixture
def runtime_path() -> str:
    return runtime.find("runc")  # the guard's: no other runtime takes part


@pytest.mark.parametrize(
    "args0", ["/nope", "./nope", "sleeep", "", "/plain", "plain", "/directory", "/plain/x", "/bin/sh/"]
)
def test_program_that_cannot_be_executed(args0: str, runc: runtime.Runtime, make_bundle: Callable[..., Any]) -> None:
    bundle = make_bundle(args0, mutate=lambda config: config["process"]["env"].append("PATH=/:/bin"))
    bundle.put("/plain", "")
    os.mkdir(bundle.inside("/directory"))

    def look_up() -> str:
        os.chroot(bundle.rootfs)
        os.chdir("/")
        try:
            return environment.find_executable(args0, "/:/bin", "/")
        except LibcontainerError as error:
            return str(error)

    assert child.run(look_up).lower() in runc.run(bundle).fail().message


@pytest.mark.parametrize(
    "hook",
    [
        Hook("/bin/sh", ["sh", "-c", "echo out; echo err >&2; exit 4"]),
        Hook("/bin/sh", ["sh", "-c", "kill -9 $$"]),
        Hook("/bin/sh", ["sh", "-c", "kill -6 $$"]),
        Hook("/bin/sleep", ["sleep", "9"], timeout=1),
        Hook("/nope"),
        Hook("/etc/passwd"),
    ],
    ids=["failed", "killed", "aborted", "timed out", "missing", "not executable"],
)
def test_hook_that_fails(hook: Hook, runc: runtime.Runtime, make_bundle: Callable[..., Any]) -> None:
    entry = {name: getattr(hook, name) for name in ("path", "args", "timeout") if getattr(hook, name) is not None}
    bundle = make_bundle("true", mutate=lambda config: config.update(hooks={"createRuntime": [entry]}))

    with pytest.raises(LibcontainerError) as caught:
        hooks.run(SYSCALL, [hook], b"{}", kind="createRuntime", cwd="/", environment=os.environ)

    assert str(caught.value) in runc.run(bundle).fail().message
