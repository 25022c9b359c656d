"""Descriptors of the host that a container could use as a way out, and whose owners a runtime may not change."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import Caller

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.security.conftest import Victim
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

_LEAKING = Caller(prefix=["bash", "-c", 'exec "$@" 40</', "-"])


class TestWorkingDirectory:
    """A05: a working directory or program reached through a descriptor of the runtime (CVE-2024-21626)."""

    @pytest.mark.parametrize("number", range(3, 16))
    def test_descriptor_of_the_runtime(
        self, runtime: Runtime, make_bundle: MakeBundle, victim: Victim, number: int
    ) -> None:
        script = f"cat ../../../../../../../../../..{victim.secret} ..{victim.secret} .{victim.secret}"
        bundle = make_bundle("sh", "-c", script, mutate=mutations.process(cwd=f"/proc/self/fd/{number}"))

        assert "HOSTSECRET" not in runtime.run(bundle).stdout

    def test_descriptor_of_the_caller(self, runtime: Runtime, make_bundle: MakeBundle, victim: Victim) -> None:
        bundle = make_bundle("cat", f".{victim.secret}", mutate=mutations.process(cwd="/proc/self/fd/40"))

        assert "HOSTSECRET" not in runtime.run(bundle, caller=_LEAKING).stdout

    def test_program_of_the_caller(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        caller = Caller(prefix=["bash", "-c", 'exec "$@" 41</bin/true', "-"])

        runtime.run(make_bundle("/proc/self/fd/41"), caller=caller).fail()

    @pytest.mark.parametrize("number", [3, 5, 7, 9, 40])
    def test_exec(self, runtime: Runtime, make_bundle: MakeBundle, victim: Victim, number: int) -> None:
        container = runtime.start(make_bundle())

        options = ["--cwd", f"/proc/self/fd/{number}"]
        result = container.exec("cat", f".{victim.secret}", options=options, caller=_LEAKING)

        assert "HOSTSECRET" not in result.stdout

    def test_exec_through_a_link(self, runtime: Runtime, make_bundle: MakeBundle, victim: Victim) -> None:
        bundle = make_bundle()
        os.symlink("/proc/self/fd/40", bundle.inside("/link"))
        container = runtime.start(bundle)

        result = container.exec("cat", f".{victim.secret}", options=["--cwd", "/link"], caller=_LEAKING)

        assert "HOSTSECRET" not in result.stdout

    def test_nothing_is_open(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle("ls", "/proc/self/fd")

        found = runtime.run(bundle, caller=_LEAKING).succeed().stdout.split()

        assert set(found) <= {"0", "1", "2", "3"}  # 3 is what ls lists with


class TestPreserved:
    """A06: descriptors to be preserved that the caller has not open are the runtime's own by now."""

    @pytest.mark.parametrize("count", ["1", "2", "5"])
    def test_exec(self, runtime: Runtime, make_bundle: MakeBundle, victim: Victim, count: str) -> None:
        container = runtime.start(make_bundle())

        result = container.exec("sh", "-c", _READ.format(victim.secret), options=["--preserve-fds", count])

        assert "HOSTSECRET" not in result.stdout

    @pytest.mark.parametrize("count", ["1", "2", "5"])
    def test_run(self, runtime: Runtime, make_bundle: MakeBundle, victim: Victim, count: str) -> None:
        result = runtime.run(make_bundle("sh", "-c", _READ.format(victim.secret)), "--preserve-fds", count)

        assert "HOSTSECRET" not in result.stdout

    @pytest.mark.parametrize("count", ["1", "2"])
    def test_run_is_refused(self, runtime: Runtime, make_bundle: MakeBundle, count: str) -> None:
        runtime.run(make_bundle("true"), "--preserve-fds", count).fail()

    def test_listen_fds(self, runtime: Runtime, make_bundle: MakeBundle, victim: Victim) -> None:
        caller = Caller(prefix=["bash", "-c", 'LISTEN_FDS=3 LISTEN_PID=$$ exec "$@"', "-"])

        result = runtime.run(make_bundle("sh", "-c", _READ.format(victim.secret)), caller=caller)

        assert "HOSTSECRET" not in result.stdout


class TestOwner:
    """B21: a runtime may give a terminal to the container's user, but neither a device nor a file of the caller."""

    @pytest.fixture
    def null(self, work: str) -> str:
        """A null device of the test's own."""
        path = os.path.join(work, "null")
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        return path

    @pytest.mark.parametrize("kind", ["run", "run-userns", "exec"])
    def test_of_a_null_device(self, runtime: Runtime, make_bundle: MakeBundle, null: str, kind: str) -> None:
        with open(null, "rb") as stdin:
            _use(runtime, make_bundle, kind, Caller(stdin=stdin.fileno()))

        assert os.stat(null).st_uid == 0

    @pytest.mark.parametrize("kind", ["run", "run-userns", "exec"])
    def test_of_a_regular_file(self, runtime: Runtime, make_bundle: MakeBundle, work: str, kind: str) -> None:
        with open(f"{work}/file", "w+b") as stdin:
            _use(runtime, make_bundle, kind, Caller(stdin=stdin.fileno()))

        assert os.stat(f"{work}/file").st_uid == 0


_READ = "for n in 3 4 5 6 7; do for up in .. ../.. ../../.. ../../../../..; do cat /proc/self/fd/$n/$up{0}; done; done"


def _use(runtime: Runtime, make_bundle: MakeBundle, kind: str, caller: Caller) -> None:
    user = mutations.process(user={"uid": 1000, "gid": 1000})
    if kind == "exec":
        runtime.start(make_bundle()).exec("true", options=["--user", "1000"], caller=caller).succeed()
    elif kind == "run-userns":
        runtime.run(make_bundle("true", mutate=mutations.user_namespace()), caller=caller).succeed()
    else:
        runtime.run(make_bundle("true", mutate=user), caller=caller).succeed()
