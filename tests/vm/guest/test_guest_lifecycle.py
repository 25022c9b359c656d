"""A container's life on pure cgroup v2, by either driver, as root and as a user: where it is, when, and until when."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import eventually
from tests.vm.guest.containers import IS_USER, only_cgroupfs, only_systemd, write

if TYPE_CHECKING:
    from tests.support.bundle import Json
    from tests.vm.guest.conftest import MakeBundle, Start
    from tests.vm.guest.containers import GuestRuntime


def test_from_create_to_delete(runtime: GuestRuntime, make_bundle: MakeBundle) -> None:
    container = runtime.create(make_bundle("sh", "-c", "id -u; sleep 1000"))
    created = (container.status, container.output())

    container.start()
    eventually(container.output, "the container's output", 30)
    running = (container.status, container.output())
    container.stop()
    stopped = container.status
    container.delete().succeed()

    assert (created, running, stopped) == (("created", ""), ("running", "0\n"), "stopped")
    assert runtime.ids() == []
    assert not os.path.exists(container.directory)


def test_the_cgroup_without_a_path_is_named_after_the_container(runtime: GuestRuntime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle(mutate=lambda config: config["linux"].pop("cgroupsPath"))

    container = runtime.create(bundle)

    name = f"{runtime.name}-{bundle.id}.scope" if runtime.driver == "systemd" else bundle.id
    assert os.path.basename(container.directory) == name


def test_a_paused_container_is_deleted_by_force(start: Start) -> None:
    container = start()
    container.command("pause").succeed()

    container.delete("--force").succeed()

    assert not os.path.exists(container.directory)


def test_exec_goes_where_init_is_when_the_cgroup_hands_controllers_down(start: Start) -> None:
    # What systemd as a container's init does.
    container = start()
    os.mkdir(f"{container.directory}/init.scope")
    write(f"{container.directory}/init.scope/cgroup.procs", str(container.pid))
    write(f"{container.directory}/cgroup.subtree_control", "+pids")

    inside = container.exec("cat", "/proc/self/cgroup").succeed().stdout

    assert inside.endswith("/init.scope\n")
    container.delete("--force").succeed()
    assert not os.path.exists(container.directory)


def test_what_a_container_leaves_running_ends_with_it(start: Start) -> None:
    # Without a pid namespace the kernel does not end them with init.
    container = start("sh", "-c", "sleep 1000 & sleep 1000", mutate=mutations.without_namespace("pid"))
    eventually(lambda: len(container.read("cgroup.procs").split()) == 2, "the second process", 30)

    container.delete("--force").succeed()

    assert not os.path.exists(container.directory)


@only_systemd
def test_a_container_that_ends_by_itself_leaves_no_unit(runtime: GuestRuntime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle("sh", "-c", "exit 7")
    result = runtime.run(bundle, timeout_s=60)

    assert result.returncode == 7
    assert runtime.ids() == []
    assert units(f"test-{bundle.id}.scope") == ""


@only_systemd
@pytest.mark.parametrize("path", ["given", "absent"])
def test_a_container_whose_state_is_garbled_is_deleted_with_its_unit(
    runtime: GuestRuntime, make_bundle: MakeBundle, path: str
) -> None:
    bundle = make_bundle()
    if path == "absent":
        del bundle.config["linux"]["cgroupsPath"]
        bundle.write()
    container = runtime.start(bundle)
    with open(f"{runtime.root}/{bundle.id}/state.json", "w", encoding="ascii") as file:
        file.write("{")

    runtime("delete", "--force", bundle.id).succeed()

    assert not os.path.exists(container.directory)
    assert units(os.path.basename(container.directory)) == ""
    assert runtime.ids() == []


def units(name: str) -> str:
    """Return what systemd lists under a unit's name, failed ones too."""
    command = ["systemctl", *(["--user"] if IS_USER else []), "list-units", "--all", "--no-legend", name]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@only_cgroupfs
def test_a_container_sees_its_own_cgroup_as_the_root(start: Start) -> None:
    def mutate(config: Json) -> None:
        mutations.namespace("cgroup")(config)
        mutations.without_mount("/sys/fs/cgroup")(config)
        mutations.mount("/sys/fs/cgroup", "cgroup", "nosuid", "noexec", "nodev", "ro", fstype="cgroup")(config)

    container = start("sh", "-c", "cat /proc/self/cgroup /sys/fs/cgroup/cgroup.procs; sleep 1000", mutate=mutate)

    eventually(lambda: container.output().count("\n") >= 2, "the container's output", 30)
    assert container.output().splitlines()[:2] == ["0::/", "1"]
