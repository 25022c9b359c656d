"""What a container must not inherit from the process that called the runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import host
from tests.support.runtime import Caller

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

_CALLERS = {
    "umask": "umask 0777",
    "ignored": "trap '' USR2 HUP PIPE",
}
_STATUS = ("grep", "-E", "^(Umask|SigBlk|SigIgn|Groups):", "/proc/self/status")


@pytest.mark.parametrize("preparation", _CALLERS.values(), ids=_CALLERS.keys())
@pytest.mark.parametrize("command", ["run", "exec"])
def test_umask_signals_and_groups_are_clean(
    runtime: Runtime, make_bundle: MakeBundle, preparation: str, command: str
) -> None:
    """B07: the caller's umask and ignored signals."""
    caller = Caller(prefix=["bash", "-c", f'{preparation}; exec "$@"', "-"])

    assert _status(runtime, make_bundle, command, caller) == _CLEAN


@pytest.mark.parametrize("command", ["run", "exec"])
def test_blocked_signals_are_clean(runtime: Runtime, make_bundle: MakeBundle, command: str) -> None:
    """B07: the caller's signal mask."""
    script = (
        "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM]); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    caller = Caller(prefix=["/usr/bin/python3", "-IS", "-c", script])

    assert _status(runtime, make_bundle, command, caller) == _CLEAN


@pytest.mark.parametrize("command", ["run", "exec"])
def test_supplementary_groups_are_dropped(runtime: Runtime, make_bundle: MakeBundle, command: str) -> None:
    """B07: the caller's groups."""
    caller = Caller(prefix=["setpriv", "--groups", "1234"])

    assert _status(runtime, make_bundle, command, caller) == _CLEAN


def test_environment_is_not_inherited(runtime: Runtime, make_bundle: MakeBundle) -> None:
    """B06: the caller's environment, in run and exec."""
    caller = Caller(env={"LEAKME": "1"})
    container = runtime.start(make_bundle(), caller=caller)

    assert "LEAKME" not in container.exec("cat", "/proc/1/environ", "/proc/self/environ").succeed().stdout


def test_session_keyring_is_not_inherited(runtime: Runtime, make_bundle: MakeBundle, session_directory: str) -> None:
    """B07: a key in the caller's session keyring."""
    host.require("gcc")
    caller = Caller(prefix=[f"{session_directory}/probe", "with-key", "hostkey"])

    assert "found" not in runtime.run(make_bundle("probe", "key", "hostkey"), caller=caller).stdout


_CLEAN = {"Umask": "0022", "SigBlk": "0" * 16, "SigIgn": "0" * 16, "Groups": ""}


def _status(runtime: Runtime, make_bundle: MakeBundle, command: str, caller: Caller) -> dict[str, str]:
    if command == "run":
        result = runtime.run(make_bundle(*_STATUS), caller=caller)
    else:
        result = runtime.start(make_bundle()).exec(*_STATUS, caller=caller)
    found = {}
    for line in result.succeed().stdout.splitlines():
        name, _, value = line.partition(":")
        found[name] = value.strip() if value.strip() != "0" else ""
    return found
