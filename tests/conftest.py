"""Set-up shared by every test that touches the machine: a private mount namespace, needs, and the guard."""

from __future__ import annotations

import contextlib
import fnmatch
import itertools
import json
import os
import shutil
import stat
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from tests.support import bundle as bundles
from tests.support import host, probe
from tests.support import runtime as runtimes
from tests.support.descriptor_socket import DescriptorSocket
from tests.support.guard import Guard
from tests.support.runtime import Caller
from tests.support.tracking import Tracker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.bundle import Bundle, Json, RootfsTemplate
    from tests.support.runtime import Runtime

    MakeBundle = Callable[..., Bundle]
    RootlessBundle = Callable[..., Bundle]
    Inside = Callable[..., str]

_NEEDS = ("root", "cgroup1", "cgroup2", "userns", "seccomp")
_ORDINARY_UID = 1000
_ALLOWED_SKIPS = os.path.join(os.path.dirname(__file__), "support", "allowed_skips.txt")


def pytest_configure(config: pytest.Config) -> None:
    """Leave the host's mount namespace before the first test can change it, and have orphans reaped at once."""
    host.notice_reserved_signals()
    is_worker = hasattr(config, "workerinput")  # of xdist, and born inside
    if not is_worker and host.enter_private_mount_namespace() is None:
        host.let_everybody_reach(runtimes.REPOSITORY)
        host.continue_below_a_reaper()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Resolve the markers that name a need of the machine."""
    for need in _NEEDS:
        if item.get_closest_marker(need) is not None:
            host.require(need)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Under PYOUKI_REQUIRE a skip that nobody allowed is a failure."""
    report: pytest.TestReport = yield  # type: ignore[assignment]  # what a wrapper is sent is the inner hook's result
    if report.skipped and host.required() and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not _is_allowed_to_skip(item.nodeid):
            report.outcome = "failed"
            report.longrepr = f"skipped, but {_ALLOWED_SKIPS} does not allow it: {reason}"
    return report  # type: ignore[return-value]  # see above


@pytest.fixture(scope="session")
def tracker() -> Iterator[Tracker]:
    """The cgroups below which everything of this session runs."""
    host.require("root")
    tracking = Tracker(f"pyouki-test-{os.getpid()}")
    tracking.open()
    yield tracking
    tracking.kill_all()
    tracking.remove_directories()
    tracking.close()


@pytest.fixture(scope="session")
def session_directory() -> Iterator[str]:
    """A directory with a short name (socket paths have 108 bytes) that every user may enter."""
    directory = tempfile.mkdtemp(prefix="pt", dir="/tmp")
    os.chmod(directory, 0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def rootfs_template(session_directory: str) -> RootfsTemplate:
    """The busybox root file system that bundles are copied from."""
    host.require("busybox")
    return bundles.RootfsTemplate(os.path.join(session_directory, "rootfs"), probe.build(session_directory))


@pytest.fixture(scope="session")
def runtime_path(tracker: Tracker, session_directory: str) -> str:
    """The runtime that $RUNTIME names (pyouki without it), on a machine made fit for it."""
    path = runtimes.find(os.environ.get("RUNTIME", "pyouki"))
    if runtimes.kind(path) == "crun" and "/sys/fs/cgroup/unified" in host.mount_points("cgroup2"):
        # crun refuses a v2 hierarchy with controllers beside v1; it takes a tmpfs there for "no v2".
        host.mount("tmpfs", "/sys/fs/cgroup/unified", "tmpfs")
    # A runtime may change the owner of its caller's standard streams (crun does): it shall not be the host's device.
    null = os.path.join(session_directory, "null")
    os.mknod(null, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.chmod(null, 0o666)
    host.mount(null, "/dev/null", None, host.MS_BIND)
    return path


@pytest.fixture
def work(session_directory: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A directory of this test with a short name."""
    directory = os.path.join(session_directory, str(next(_numbers)))
    os.mkdir(directory)
    yield directory
    if not request.config.getoption("--keep-work"):
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def guard(tracker: Tracker, work: str, runtime_path: str) -> Iterator[Guard]:
    """Fails the test when anything of it survives, and cleans up for the next one."""
    watching = Guard(tracker)
    yield watching
    try:
        watching.check()
    finally:
        watching.clean()


@pytest.fixture
def runtime(runtime_path: str, work: str, guard: Guard) -> Iterator[Runtime]:
    """The runtime under test; containers a test leaves are deleted by force, which must succeed."""
    under_test = runtimes.Runtime(runtime_path, work)
    guard.watch(under_test)
    yield under_test
    under_test.end()
    results = [under_test("delete", "--force", name) for name in under_test.ids()]
    for result in results:
        result.succeed()


@pytest.fixture
def make_bundle(work: str, guard: Guard, tracker: Tracker, rootfs_template: RootfsTemplate) -> MakeBundle:
    """A function that makes a bundle: ``make_bundle("sh", "-c", "…", mutate=lambda config: …)``."""
    numbers = itertools.count(1)

    def make(*args: str, mutate: Callable[[Json], object] | None = None, own_cgroup: bool = True) -> Bundle:
        number = next(numbers)
        container_id = f"c{number}"
        made = bundles.make(
            os.path.join(work, f"b{number}"),
            container_id,
            rootfs_template,
            f"{tracker.cgroups_path}/{container_id}" if own_cgroup else None,
            list(args) or ["sleep", "1000"],
            mutate,
        )
        guard.watch(made)
        return made

    return make


@pytest.fixture
def inside(runtime: Runtime, make_bundle: MakeBundle) -> Inside:
    """A function that runs a shell script in a container and returns what it printed."""

    def run(script: str, mutate: Callable[[Json], object] | None = None) -> str:
        return runtime.run(make_bundle("sh", "-c", script, mutate=mutate)).succeed().stdout

    return run


@pytest.fixture
def descriptor_socket(work: str) -> Iterator[DescriptorSocket]:
    """A socket to which the runtime can send descriptors."""
    opened = DescriptorSocket(os.path.join(work, "s"))
    yield opened
    opened.close()


@pytest.fixture
def ordinary_user(work: str) -> Caller:
    """A user who owns the test's directory and has a runtime directory."""
    runtime_directory = os.path.join(work, "xdg")
    os.mkdir(runtime_directory, 0o700)
    for path in (work, runtime_directory):
        os.chown(path, _ORDINARY_UID, _ORDINARY_UID)
    return Caller(uid=_ORDINARY_UID, env={"XDG_RUNTIME_DIR": runtime_directory, "HOME": "/"})


@pytest.fixture
def rootless_bundle(runtime: Runtime, make_bundle: MakeBundle, ordinary_user: Caller) -> RootlessBundle:
    """A function that makes a bundle whose config.json is what ``spec --rootless`` wrote, but for the program."""

    def make(*args: str) -> Bundle:
        bundle = make_bundle()
        for directory, _, _ in os.walk(bundle.directory):
            os.chown(directory, _ORDINARY_UID, _ORDINARY_UID)
        path = os.path.join(bundle.directory, "config.json")
        os.unlink(path)
        runtime("spec", "--rootless", "--bundle", bundle.directory, caller=ordinary_user).succeed()
        bundle.config = json.loads(runtimes.read(path))
        bundle.config["process"].update(args=list(args) or ["sleep", "1000"], terminal=False)
        bundle.write()
        return bundle

    return make


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --keep-work."""
    parser.addoption("--keep-work", action="store_true", help="keep the bundles and logs of the tests below /tmp")


_numbers = itertools.count(1)


def _is_allowed_to_skip(nodeid: str) -> bool:
    with contextlib.suppress(FileNotFoundError), open(_ALLOWED_SKIPS, encoding="utf-8") as lines:
        patterns = [line.split("#")[0].strip() for line in lines]
        return any(fnmatch.fnmatch(nodeid, pattern) for pattern in patterns if pattern)
    return False
