"""A container's life on pure cgroup v2, by either driver, as root and as a user: where it is, when, and until when."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import Caller, eventually, read
from tests.vm.guest.containers import IS_USER, cgroup_of, events, properties

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.bundle import Bundle, Json
    from tests.support.runtime import Container
    from tests.vm.guest.containers import GuestRuntime

    MakeBundle = Callable[..., Bundle]
    Start = Callable[..., Container]


def test_from_create_to_delete(runtime: GuestRuntime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle("sh", "-c", "id -u; sleep 1000")
    container = runtime.create(bundle)
    directory = cgroup_of(container.pid)
    created = (container.status, container.output())

    container.start()
    eventually(container.output, "the container's output", 30)
    running = (container.status, container.output())
    container.stop()
    stopped = container.status
    container.delete().succeed()

    assert (created, running, stopped) == (("created", ""), ("running", "0\n"), "stopped")
    assert runtime.ids() == []
    assert not os.path.exists(directory)


def test_the_cgroup_is_where_the_config_says(runtime: GuestRuntime, start: Start) -> None:
    container = start()

    wanted = container.bundle.config["linux"]["cgroupsPath"]
    if runtime.driver == "systemd":
        slice_name, prefix, name = wanted.split(":")
        wanted = f"/{slice_name}/{prefix}-{name}.scope"
        assert properties(container, ["ActiveState", "Delegate"]) == {"ActiveState": "active", "Delegate": "yes"}
    assert cgroup_of(container.pid).endswith(wanted)


def test_the_cgroup_without_a_path_is_named_after_the_container(runtime: GuestRuntime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle(mutate=lambda config: config["linux"].pop("cgroupsPath"))

    container = runtime.start(bundle)

    name = f"{runtime.name}-{bundle.id}.scope" if runtime.driver == "systemd" else bundle.id
    assert os.path.basename(cgroup_of(container.pid)) == name


def test_a_cgroup_in_use_is_refused_and_goes_on(runtime: GuestRuntime, start: Start, make_bundle: MakeBundle) -> None:
    first = start()
    path = first.bundle.config["linux"]["cgroupsPath"]
    second = make_bundle(mutate=mutations.linux(cgroupsPath=path))

    refused = runtime.try_create(second)

    assert "not empty" in refused.fail().message
    assert first.status == "running"
    assert runtime.ids() == [first.id]


def test_pause_and_resume(start: Start) -> None:
    container = start("sh", "-c", "while true; do echo x; sleep 0.1; done")
    directory = cgroup_of(container.pid)

    container.command("pause").succeed()
    paused = (container.status, events(directory, "cgroup.events")["frozen"], container.output())
    again = container.output()
    container.command("resume").succeed()

    assert paused == ("paused", 1, again)
    assert (container.status, events(directory, "cgroup.events")["frozen"]) == ("running", 0)
    eventually(lambda: container.output() != again, "more output", 30)


def test_a_paused_container_is_deleted_by_force(start: Start) -> None:
    container = start()
    directory = cgroup_of(container.pid)
    container.command("pause").succeed()

    container.delete("--force").succeed()

    assert not os.path.exists(directory)


def test_a_second_process_is_in_the_same_cgroup(runtime: GuestRuntime, start: Start) -> None:
    container = start()
    pid_file = f"{runtime.work}/pid"

    container.exec("sleep", "1000", options=["--detach", "--pid-file", pid_file]).succeed()
    pid = int(read(pid_file))

    assert cgroup_of(pid) == cgroup_of(container.pid)
    listed = json.loads(runtime("ps", "-f", "json", container.id).succeed().stdout)
    assert sorted(listed) == sorted([container.pid, pid])


@pytest.mark.root
def test_a_second_process_is_born_in_the_cgroup(runtime: GuestRuntime, start: Start) -> None:
    if runtime.name != "pyouki":
        pytest.skip("how the process gets there is the runtime's own business")
    container = start()
    trace = f"{runtime.work}/trace"

    strace = Caller(prefix=("strace", "-f", "-o", trace, "-e", "trace=clone3"))
    container.exec("true", caller=strace).succeed()

    assert "CLONE_INTO_CGROUP" in read(trace)


def test_what_a_container_leaves_running_ends_with_it(start: Start) -> None:
    # Without a pid namespace the kernel does not end them with init.
    container = start("sh", "-c", "sleep 1000 & sleep 1000", mutate=mutations.without_namespace("pid"))
    directory = cgroup_of(container.pid)
    eventually(lambda: len(read(f"{directory}/cgroup.procs").split()) == 3, "two children", 30)

    container.delete("--force").succeed()

    assert not os.path.exists(directory)


def test_a_container_that_ends_by_itself_leaves_nothing(runtime: GuestRuntime, make_bundle: MakeBundle) -> None:
    result = runtime.run(make_bundle("sh", "-c", "exit 7"), timeout_s=60)

    assert result.returncode == 7
    assert runtime.ids() == []
    if runtime.driver == "systemd":
        command = ["systemctl", *(["--user"] if IS_USER else []), "list-units", "--all", "--no-legend", "test-c*.scope"]
        assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == ""


def test_a_container_sees_its_own_cgroup_as_the_root(start: Start) -> None:
    def mutate(config: Json) -> None:
        mutations.namespace("cgroup")(config)
        mutations.without_mount("/sys/fs/cgroup")(config)
        mutations.mount("/sys/fs/cgroup", "cgroup", "nosuid", "noexec", "nodev", "ro", fstype="cgroup")(config)

    container = start(mutate=mutate)

    assert container.exec("cat", "/proc/self/cgroup").succeed().stdout == "0::/\n"
    procs = container.exec("cat", "/sys/fs/cgroup/cgroup.procs").succeed().stdout.split()
    assert procs[0] == "1"
