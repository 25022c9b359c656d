"""Names that become paths: ids, pid and log files, cgroup paths, root and bundle."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support import host, mutations
from tests.support.runtime import read

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.security.conftest import Victim
    from tests.support.guard import Guard
    from tests.support.runtime import Runtime
    from tests.support.tracking import Tracker

pytestmark = pytest.mark.root


class TestId:
    """B01: an id is one path component of a small alphabet, in every command."""

    @pytest.mark.parametrize(
        "name",
        ["../esc", "a/b", ".", "..", "", "a b", "a\nb", "\x01", "é", "x" * 1100, "a,b", "/x", "a/../b"],
        ids=lambda name: repr(name[:8]),
    )
    def test_is_refused_by_create(self, runtime: Runtime, make_bundle: MakeBundle, name: str) -> None:
        runtime("create", "--bundle", make_bundle().directory, name).fail()

        assert runtime.ids() == []

    def test_delete_removes_nothing_outside_the_root(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        runtime.create(make_bundle())
        evil = f"{runtime.work}/evil"
        os.mkdir(evil)

        runtime("delete", "--force", "../evil")

        assert os.path.isdir(evil)

    @pytest.mark.parametrize("command", ["state", "start", "kill", "delete", "pause", "resume", "ps", "exec"])
    def test_is_refused_by_every_command(self, runtime: Runtime, make_bundle: MakeBundle, command: str) -> None:
        container = runtime.create(make_bundle())

        runtime(command, f"../root/{container.id}", *(["true"] if command == "exec" else [])).fail()

        assert container.status == "created"


class TestPidFile:
    """B02: the pid file replaces what is there; it does not write through a link."""

    def test_link_is_not_followed(self, runtime: Runtime, make_bundle: MakeBundle, victim: Victim) -> None:
        os.symlink(victim.secret, f"{runtime.work}/pid")

        runtime.try_create(make_bundle(), "--pid-file", f"{runtime.work}/pid")

        assert read(victim.secret) == "HOSTSECRET"

    def test_that_cannot_be_written_leaves_nothing(
        self, runtime: Runtime, make_bundle: MakeBundle, guard: Guard
    ) -> None:
        runtime.try_create(make_bundle(), "--pid-file", "/proc/no/pid").exit_with(1)

        guard.check()


@pytest.mark.cgroup1
class TestCgroupsPath:
    """B12: a cgroup path stays below the hierarchy."""

    @pytest.mark.parametrize("form", ["../../{}", "/a/../../{}", "{}/../../{}", "/{}/../../../../tmp/{}"])
    def test_dots(self, runtime: Runtime, make_bundle: MakeBundle, tracker: Tracker, form: str) -> None:
        name = f"{tracker.name}-escape"
        mutate = mutations.linux(cgroupsPath=form.format(name, name))

        result = runtime.try_create(make_bundle(mutate=mutate))

        escaped = [place for place in (f"/sys/fs/cgroup/{name}", f"/tmp/{name}", f"/{name}") if os.path.exists(place)]
        runtime("delete", "--force", "c1")
        _remove_everywhere(name)
        assert escaped == [], result.summary()

    @pytest.mark.parametrize("path", ["../..", "../../..", "/..", "x/../../.."])
    def test_exec_does_not_leave_the_containers_cgroup(
        self, runtime: Runtime, make_bundle: MakeBundle, path: str
    ) -> None:
        container = runtime.start(make_bundle())

        container.exec("true", options=["--cgroup", path]).fail()


class TestRoot:
    """B19: root.path names a directory of its own."""

    @pytest.mark.parametrize("path", ["", "file", "/no/such", "/"], ids=["empty", "file", "missing", "host"])
    def test_is_refused(self, runtime: Runtime, make_bundle: MakeBundle, path: str, guard: Guard) -> None:
        bundle = make_bundle("true", mutate=mutations.top(root={"path": path, "readonly": True}))
        with open(f"{bundle.directory}/file", "w", encoding="ascii"):
            pass
        bundle.write()

        runtime.try_create(bundle).fail()

        guard.check()


def _remove_everywhere(name: str) -> None:
    """Remove what the attack made: cgroups, and ordinary directories where it got away."""
    for top in host.mount_points("cgroup"):
        for directory, _, _ in sorted(os.walk(f"{top}/{name}"), reverse=True):
            os.rmdir(directory)
    for place in (f"/sys/fs/cgroup/{name}", f"/tmp/{name}"):
        shutil.rmtree(place, ignore_errors=True)
