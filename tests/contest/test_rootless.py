"""An ordinary user with a one-id map, from ``spec --rootless`` to delete."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import read

if TYPE_CHECKING:
    from tests.conftest import RootlessBundle
    from tests.support.runtime import Caller, Runtime

pytestmark = [pytest.mark.root, pytest.mark.userns]

_UID = 1000  # the ordinary_user's


def test_run(runtime: Runtime, rootless_bundle: RootlessBundle, ordinary_user: Caller) -> None:
    assert runtime.run(rootless_bundle("id", "-u"), caller=ordinary_user).succeed().stdout == "0\n"


def test_lifecycle(runtime: Runtime, rootless_bundle: RootlessBundle, ordinary_user: Caller) -> None:
    container = runtime.create(rootless_bundle(), caller=ordinary_user)
    assert container.status == "created"
    container.start()
    assert container.status == "running"
    assert container.exec("echo", "ok").succeed().stdout == "ok\n"

    container.stop()
    assert container.status == "stopped"
    container.delete().succeed()

    assert runtime.ids() == []


def test_root_inside_is_the_caller_outside(
    runtime: Runtime, rootless_bundle: RootlessBundle, ordinary_user: Caller
) -> None:
    container = runtime.start(rootless_bundle(), caller=ordinary_user)

    assert os.stat(f"/proc/{container.pid}").st_uid == _UID
    container.delete("--force").succeed()


def test_setgroups_is_denied(runtime: Runtime, rootless_bundle: RootlessBundle, ordinary_user: Caller) -> None:
    bundle = rootless_bundle("cat", "/proc/self/setgroups", "/proc/self/uid_map")

    assert runtime.run(bundle, caller=ordinary_user).succeed().stdout.split() == ["deny", "0", str(_UID), "1"]


def test_exit_status(runtime: Runtime, rootless_bundle: RootlessBundle, ordinary_user: Caller) -> None:
    runtime.run(rootless_bundle("sh", "-c", "exit 3"), caller=ordinary_user).exit_with(3)


def test_list_shows_the_owner(runtime: Runtime, rootless_bundle: RootlessBundle, ordinary_user: Caller) -> None:
    container = runtime.create(rootless_bundle(), caller=ordinary_user)

    (entry,) = json.loads(runtime("list", "--format", "json", caller=ordinary_user).succeed().stdout)

    assert entry["id"] == container.id
    assert entry["owner"] in (f"#{_UID}", _user_name())
    container.delete("--force").succeed()


def test_default_root_is_in_the_runtime_directory(
    runtime: Runtime, rootless_bundle: RootlessBundle, ordinary_user: Caller, work: str
) -> None:
    bundle = rootless_bundle("true")
    with open(f"{work}/default", "wb") as output:
        done = subprocess.run(
            [runtime.path, "run", "--bundle", bundle.directory, "c1"],
            env={**ordinary_user.env, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            user=_UID,
            group=_UID,
            extra_groups=[],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )

    assert (done.returncode, read(f"{work}/default")) == (0, "")
    assert os.listdir(f"{work}/xdg") == [runtime.name]


def test_callers_null_device_keeps_its_owner(
    runtime: Runtime, rootless_bundle: RootlessBundle, ordinary_user: Caller
) -> None:
    os.chown("/dev/null", 0, 0)  # another runtime may have given it away, in a test that compares with it

    runtime.run(rootless_bundle("true"), caller=ordinary_user).succeed()

    assert os.stat("/dev/null").st_uid == 0


def test_limits_that_cannot_be_set_are_an_error(
    runtime: Runtime, rootless_bundle: RootlessBundle, ordinary_user: Caller
) -> None:
    bundle = rootless_bundle("true")
    bundle.config["linux"]["resources"] = {"pids": {"limit": 5}}
    bundle.write()

    result = runtime.run(bundle, caller=ordinary_user).exit_with(1)

    assert "cgroup" in result.message


def _user_name() -> str | None:
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(_UID).pw_name
    return None
