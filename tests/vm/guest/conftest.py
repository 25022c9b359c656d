"""Inside the guest: cgroup v2 with all controllers, systemd as PID 1; as root, or as a user with a session."""

from __future__ import annotations

import contextlib
import glob
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

import pytest

from libcgroups import CgroupConfig, create_cgroup_manager

sys.path.insert(0, os.path.abspath(f"{os.path.dirname(__file__)}/../../.."))

from tests.support import bundle as bundles
from tests.support import differences
from tests.support import runtime as runtimes
from tests.vm.guest import containers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from libcgroups.manager import CgroupManager
    from tests.support.bundle import Json, RootfsTemplate
    from tests.support.mutations import Mutation
    from tests.vm.guest.containers import Driver, GuestContainer, GuestRuntime

    MakeBundle = Callable[..., bundles.Bundle]
    MakeManager = Callable[..., CgroupManager]
    Start = Callable[..., GuestContainer]
    StartBeside = Callable[..., GuestContainer]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what the present user cannot do: each test says so by its marker, both users run the rest."""
    for item in items:
        if os.geteuid() and item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason="for root"))
    differences.apply(items, os.path.dirname(__file__), runtimes.kind(os.environ.get("RUNTIME") or "pyouki"))


@pytest.fixture(scope="session", autouse=True)
def _in_the_guest() -> None:
    if not os.environ.get("VMRUN"):
        pytest.exit("these tests change limits of the whole machine: run them with make test-vm", returncode=2)


@pytest.fixture
def make_manager() -> Iterator[MakeManager]:
    """Make managers, and remove what they made."""
    made: list[CgroupManager] = []

    def make(path: str = "", *, systemd: bool = False, **annotations: str) -> CgroupManager:
        config = CgroupConfig(
            container_name=f"test{time.monotonic_ns()}",
            cgroup_path=path,
            systemd_cgroup=systemd,
            rootless=os.geteuid() != 0,
            annotations=tuple((f"org.systemd.property.{name}", text) for name, text in annotations.items()),
        )
        made.append(create_cgroup_manager(config))
        return made[-1]

    yield make
    for manager in made:
        if manager.exists():
            manager.kill(signal.SIGKILL)
        manager.remove()
        assert not manager.exists()


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits to be put somewhere."""
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process
        process.kill()


@pytest.fixture(scope="session")
def template() -> Iterator[RootfsTemplate]:
    """The busybox root file system that bundles are copied from."""
    with tempfile.TemporaryDirectory(prefix="pt", dir="/tmp") as directory:
        os.chmod(directory, 0o755)
        yield bundles.RootfsTemplate(f"{directory}/rootfs", None)


@pytest.fixture(scope="module", params=["cgroupfs", "systemd"])
def runtime(request: pytest.FixtureRequest, template: RootfsTemplate) -> Iterator[GuestRuntime]:
    """The runtime under test with each of its drivers; in the end containers and cgroups must be gone."""
    with _runtime(os.environ.get("RUNTIME") or "pyouki", template, request.param) as under_test:
        yield under_test


@contextlib.contextmanager
def _runtime(name: str, template: RootfsTemplate, driver: Driver) -> Iterator[GuestRuntime]:
    # Beside the template, which bundles are linked to.
    work = f"{os.path.dirname(template.directory)}/{next(_numbers)}"
    os.mkdir(work)
    used = containers.GuestRuntime(runtimes.find(name), work, driver)
    yield used
    used.end()
    results = [used("delete", "--force", name) for name in used.ids()]
    for result in results:
        result.succeed()
    assert used.ids() == []
    assert [directory for directory in used.cgroups if os.path.exists(directory)] == []
    shutil.rmtree(work)


@pytest.fixture(scope="module")
def bundle_maker(runtime: GuestRuntime, template: RootfsTemplate) -> MakeBundle:
    """What ``make_bundle`` is, for fixtures of a module."""

    def make(*args: str, mutate: Callable[[Json], object] | None = None) -> bundles.Bundle:
        def change(config: Json) -> None:
            if containers.IS_USER:
                containers.for_the_user(config)
            if mutate is not None:
                mutate(config)

        name = f"c{next(_numbers)}"
        path = runtime.cgroups_path(name)
        return bundles.make(f"{runtime.work}/{name}", name, template, path, list(args) or ["sleep", "1000"], change)

    return make


@pytest.fixture
def make_bundle(runtime: GuestRuntime, bundle_maker: MakeBundle) -> Iterator[MakeBundle]:
    """A function that makes a bundle: ``make_bundle("sh", "-c", "…", mutate=lambda config: …)``.

    The test's containers are deleted by force, which must succeed.
    """
    made: list[bundles.Bundle] = []

    def make(*args: str, mutate: Callable[[Json], object] | None = None) -> bundles.Bundle:
        made.append(bundle_maker(*args, mutate=mutate))
        return made[-1]

    yield make
    present = runtime.ids()
    results = [runtime("delete", "--force", bundle.id) for bundle in made if bundle.id in present]
    for result in results:
        result.succeed()


@pytest.fixture
def start(runtime: GuestRuntime, make_bundle: MakeBundle) -> Start:
    """A function that makes a bundle as ``make_bundle`` does and starts its container."""
    return lambda *args, mutate=None: runtime.start(make_bundle(*args, mutate=mutate))


@pytest.fixture
def huge_pages() -> Iterator[None]:
    """Have the kernel set eight huge pages of 2 MiB aside."""
    path = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
    containers.write(path, "8")
    assert runtimes.read(path) == "8\n"
    yield
    containers.write(path, "0")


@pytest.fixture(scope="session")
def rdma_device() -> Iterator[str]:
    """An RDMA device of software on a network interface that leads nowhere; its device file."""
    subprocess.run(["modprobe", "rdma_rxe"], check=True)
    interface = ["pyouki-rdma", "type", "dummy"]
    subprocess.run(["ip", "link", "add", *interface], check=True)
    subprocess.run(["ip", "link", "set", "pyouki-rdma", "up"], check=True)
    command = ["rdma", "link", "add", containers.RDMA_DEVICE, "type", "rxe", "netdev", "pyouki-rdma"]
    subprocess.run(command, check=True)
    [path] = glob.glob("/dev/infiniband/uverbs*")
    yield path
    # The device goes with the interface; rdma(8) of Debian 12 crashes at "link delete".
    subprocess.run(["ip", "link", "delete", "pyouki-rdma"], check=True)
    gone = f"/sys/class/infiniband/{containers.RDMA_DEVICE}"
    runtimes.eventually(lambda: not os.path.exists(gone), "the end of the device", 30)


@pytest.fixture
def start_beside(template: RootfsTemplate) -> Iterator[StartBeside]:
    """A function that starts a container with another runtime, ``start_beside("runc", "sleep", "9", mutate=…)``."""
    with contextlib.ExitStack() as stack:

        def start_with(name: str, *args: str, mutate: Mutation | None = None) -> GuestContainer:
            used = stack.enter_context(_runtime(name, template, "cgroupfs"))
            bundle = f"c{next(_numbers)}"
            path, command = used.cgroups_path(bundle), list(args) or ["sleep", "1000"]
            return used.start(bundles.make(f"{used.work}/{bundle}", bundle, template, path, command, mutate))

        yield start_with


_numbers = itertools.count(1)
