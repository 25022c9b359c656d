"""checkpoint and restore on real containers, by a real CRIU; install_criu.sh gets one that this kernel likes."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import host
from tests.support.descriptor_socket import DescriptorSocket
from tests.support.runtime import Caller, eventually, read, wait_for_exit

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.bundle import Bundle, Json
    from tests.support.runtime import Result, Runtime

pytestmark = pytest.mark.root

COUNT = "i=0; while true; do i=$((i+1)); echo $i > /tmp/count; sleep 0.05; done"


@pytest.fixture(scope="module")
def criu() -> Caller:
    """The environment in which the runtime finds a CRIU that works here."""
    host.require("criu")
    host.require("iptables-restore")
    checked = subprocess.run(["criu", "check"], capture_output=True, text=True, check=False)
    if checked.returncode != 0:
        pytest.skip(f"criu check: {checked.stderr.strip().splitlines()[-1]}")
    path = f"{os.path.dirname(shutil.which('criu') or '')}:/usr/sbin:/usr/bin:/sbin:/bin"
    return Caller(env={"PATH": path})


@pytest.fixture
def images(work: str) -> str:
    return os.path.join(work, "images")


def count(bundle: Bundle) -> int:
    try:
        with open(bundle.inside("/tmp/count"), encoding="ascii") as file:
            return int(file.read() or 0)
    except FileNotFoundError:
        return 0


def start_counting(runtime: Runtime, bundle: Bundle) -> None:
    runtime("run", "--detach", "--bundle", bundle.directory, bundle.id, timeout_s=20).succeed()
    eventually(lambda: count(bundle) >= 3, "the container to count")


def writable(config: Json) -> None:
    config["root"]["readonly"] = False


def own_descriptors(config: Json) -> None:
    """Let the program use the container's own /dev/null: what the test gives it are files of the host."""
    writable(config)
    command = config["process"]["args"][-1]
    config["process"]["args"] = ["sh", "-c", f"exec > /dev/null 2>&1; {command}"]


def checkpoint(runtime: Runtime, criu: Caller, images: str, container_id: str, *options: str) -> Result:
    return runtime("checkpoint", "--image-path", images, *options, container_id, caller=criu)


def restore(runtime: Runtime, criu: Caller, images: str, bundle: Bundle, *options: str) -> Result:
    arguments = ("--image-path", images, "--bundle", bundle.directory, *options, bundle.id)
    return runtime("restore", "--detach", *arguments, caller=criu)


def test_restored_container_goes_on_and_every_command_works_on_it(
    runtime: Runtime, make_bundle: MakeBundle, criu: Caller, images: str, work: str
) -> None:
    bundle = make_bundle("sh", "-c", COUNT, mutate=own_descriptors)
    start_counting(runtime, bundle)

    checkpoint(runtime, criu, images, bundle.id).succeed()
    assert "does not exist" in runtime("state", bundle.id).fail().message
    before = count(bundle)
    restore(runtime, criu, images, bundle, "--pid-file", os.path.join(work, "pid")).succeed()

    eventually(lambda: count(bundle) > before, "the container to go on")
    assert count(bundle) < before + 100
    with open(os.path.join(work, "pid"), encoding="ascii") as file:
        pid = int(file.read())
    assert f'"pid": {pid}' in runtime("state", bundle.id).succeed().stdout
    assert '"status": "running"' in runtime("state", bundle.id).stdout
    assert runtime("exec", bundle.id, "echo", "hello").succeed().stdout == "hello\n"
    runtime("pause", bundle.id).succeed()
    runtime("resume", bundle.id).succeed()
    runtime("kill", bundle.id, "KILL").succeed()
    wait_for_exit(pid)
    runtime("delete", bundle.id).succeed()


def test_checkpoint_can_leave_the_container_running(
    runtime: Runtime, make_bundle: MakeBundle, criu: Caller, images: str
) -> None:
    bundle = make_bundle("sh", "-c", COUNT, mutate=own_descriptors)
    start_counting(runtime, bundle)

    checkpoint(runtime, criu, images, bundle.id, "--leave-running").succeed()

    before = count(bundle)
    eventually(lambda: count(bundle) > before, "the container to go on")


def test_mounts_from_the_host_are_mounted_again(
    runtime: Runtime, make_bundle: MakeBundle, criu: Caller, images: str, work: str
) -> None:
    for name in ("data", "data/below", "moved"):
        os.mkdir(os.path.join(work, name))
    with open(os.path.join(work, "file"), "w", encoding="ascii") as file:
        file.write("of the host")

    def bind(config: Json) -> None:
        own_descriptors(config)
        for source, destination in (("data", "/mnt/data"), ("file", "/mnt/file")):
            mount = {"source": os.path.join(work, source), "destination": destination, "options": ["rbind", "ro"]}
            config["mounts"].append(mount)
        config["mounts"].append({"type": "tmpfs", "source": "tmpfs", "destination": "/mnt/temporary"})

    bundle = make_bundle("sh", "-c", f"echo kept > /mnt/temporary/file; {COUNT}", mutate=bind)
    start_counting(runtime, bundle)

    checkpoint(runtime, criu, images, bundle.id).succeed()
    restore(runtime, criu, images, bundle).succeed()

    shown = runtime("exec", bundle.id, "sh", "-c", "ls /mnt/data; cat /mnt/file /mnt/temporary/file").succeed().stdout
    assert shown == "below\nof the hostkept\n"
    assert "Read-only" in runtime("exec", bundle.id, "touch", "/mnt/data/x").fail().stderr


def test_restored_container_is_in_the_cgroup_of_its_new_configuration(
    runtime: Runtime, make_bundle: MakeBundle, criu: Caller, images: str
) -> None:
    first = make_bundle("sh", "-c", COUNT, mutate=own_descriptors)
    start_counting(runtime, first)
    checkpoint(runtime, criu, images, first.id).succeed()
    first.config["linux"]["cgroupsPath"] += "-moved"
    first.config["linux"]["resources"] = {"pids": {"limit": 77}}
    first.write()

    restore(runtime, criu, images, first).succeed()

    shown = runtime("exec", first.id, "sh", "-c", "cat /proc/1/cgroup; cat /sys/fs/cgroup/pids/pids.max")
    assert f"pids:{first.config['linux']['cgroupsPath']}\n" in shown.succeed().stdout
    assert shown.stdout.endswith("\n77\n")


def test_foreground_restore_gives_pipes_and_returns_the_exit_status(
    runtime: Runtime, make_bundle: MakeBundle, criu: Caller, images: str
) -> None:
    script = "while ! test -e /tmp/go; do echo 1 > /tmp/count; sleep 0.05; done; echo hello; exit 7"
    bundle = make_bundle("sh", "-c", script, mutate=writable)
    command = (runtime.path, "--root", runtime.root, "run", "--bundle", bundle.directory, bundle.id)
    first = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    eventually(lambda: os.path.exists(bundle.inside("/tmp/count")), "the container to run")
    checkpoint(runtime, criu, images, bundle.id).succeed()
    first.communicate(timeout=10)
    bundle.put("/tmp/go", "")

    arguments = ("restore", "--image-path", images, "--bundle", bundle.directory, bundle.id)
    restored = subprocess.run(
        (runtime.path, "--root", runtime.root, *arguments),
        input=b"",
        capture_output=True,
        env=dict(criu.env),
        timeout=30,
        check=False,
    )

    assert (restored.stdout, restored.returncode) == (b"hello\n", 7), restored.stderr
    assert runtime.ids() == []


def test_file_of_the_host_on_standard_output_is_replaced_by_the_restorers(
    runtime: Runtime, make_bundle: MakeBundle, criu: Caller, images: str
) -> None:
    script = "while ! test -e /tmp/go; do echo 1 > /tmp/count; sleep 0.05; done; echo hello"
    bundle = make_bundle("sh", "-c", script, mutate=writable)
    runtime("run", "--detach", "--bundle", bundle.directory, bundle.id).succeed()
    eventually(lambda: count(bundle) == 1, "the container to run")
    checkpoint(runtime, criu, images, bundle.id).succeed()
    arguments = ("--image-path", images, "--bundle", bundle.directory, bundle.id)
    restored = runtime.background("restore", *arguments, caller=criu)

    bundle.put("/tmp/go", "")

    assert restored.wait() == 0, restored.output()
    assert restored.output() == "hello\n"


def test_joined_network_namespace_is_joined_again(
    runtime: Runtime, make_bundle: MakeBundle, criu: Caller, images: str
) -> None:
    holder = subprocess.Popen(["unshare", "--net", "sleep", "1000"])
    try:
        path = f"/proc/{holder.pid}/ns/net"
        eventually(lambda: os.readlink(path) != os.readlink("/proc/self/ns/net"), "the namespace")

        def join(config: Json) -> None:
            own_descriptors(config)
            next(entry for entry in config["linux"]["namespaces"] if entry["type"] == "network")["path"] = path

        bundle = make_bundle("sh", "-c", COUNT, mutate=join)
        start_counting(runtime, bundle)

        checkpoint(runtime, criu, images, bundle.id).succeed()
        restore(runtime, criu, images, bundle).succeed()

        shown = runtime("exec", bundle.id, "readlink", "/proc/1/ns/net").succeed().stdout
        assert shown.strip() == os.readlink(path)
        runtime("delete", "--force", bundle.id).succeed()
    finally:
        holder.kill()
        holder.wait()


def test_terminal_of_a_restored_container_comes_over_the_console_socket(
    runtime: Runtime,
    make_bundle: MakeBundle,
    criu: Caller,
    images: str,
    work: str,
    descriptor_socket: DescriptorSocket,
) -> None:
    def terminal(config: Json) -> None:
        config["process"]["terminal"] = True

    bundle = make_bundle("sh", "-c", "while read line; do echo got $line; done", mutate=terminal)
    with contextlib.closing(DescriptorSocket(os.path.join(work, "first"))) as first:
        runtime("create", "--bundle", bundle.directory, "--console-socket", first.path, bundle.id).succeed()
        first.receive()
        runtime("start", bundle.id).succeed()
        checkpoint(runtime, criu, images, bundle.id).succeed()

    restore(runtime, criu, images, bundle, "--console-socket", descriptor_socket.path).succeed()

    _, master = descriptor_socket.receive()
    os.write(master, b"a word\n")
    said = b""
    while b"got a word" not in said:
        said += os.read(master, 1024)


def test_restore_on_a_ramdisk_needs_no_pivot(
    runtime: Runtime, make_bundle: MakeBundle, criu: Caller, images: str
) -> None:
    bundle = make_bundle("sh", "-c", COUNT, mutate=own_descriptors)
    start_counting(runtime, bundle)
    checkpoint(runtime, criu, images, bundle.id).succeed()
    before = count(bundle)
    script = os.path.join(os.path.dirname(__file__), "on_ramdisk.py")
    on_ramdisk = Caller(env=criu.env, prefix=[sys.executable, script])

    refused = restore(runtime, on_ramdisk, images, bundle).exit_with(1)
    restore(runtime, on_ramdisk, images, bundle, "--no-pivot").succeed()

    assert "pivot_root" in refused.message
    eventually(lambda: count(bundle) > before, "the container to go on")
    assert runtime("exec", bundle.id, "ls", "/proc/1/root/tmp").succeed().stdout == "count\n"


@pytest.mark.parametrize(
    ("options", "expected"), [((), "search: 126 ENOKEY\n"), (("--no-new-keyring",), "found\n")], ids=["new", "kept"]
)
def test_session_keyring_is_new_unless_told_not_to(
    runtime: Runtime, make_bundle: MakeBundle, criu: Caller, images: str, options: tuple[str, ...], expected: str
) -> None:
    script = "while true; do probe key of-the-caller > /tmp/new; mv /tmp/new /tmp/found; sleep 0.05; done"
    bundle = make_bundle("sh", "-c", script, mutate=own_descriptors)
    found = bundle.inside("/tmp/found")
    runtime.start(bundle)
    eventually(lambda: os.path.exists(found), "the container to run")
    checkpoint(runtime, criu, images, bundle.id).succeed()
    os.unlink(found)
    with_key = Caller(env=criu.env, prefix=[bundle.inside("/bin/probe"), "with-key", "of-the-caller"])

    restore(runtime, with_key, images, bundle, *options).succeed()

    eventually(lambda: os.path.exists(found), "the container to go on")
    assert read(found) == expected


@pytest.mark.parametrize("status", ["created", "stopped"])
def test_only_what_runs_can_be_checkpointed(
    runtime: Runtime, make_bundle: MakeBundle, criu: Caller, images: str, status: str
) -> None:
    container = runtime.create(make_bundle())
    if status == "stopped":
        container.stop()

    result = checkpoint(runtime, criu, images, container.id).exit_with(1)

    assert f"container cannot be checkpointed in {status} state" in result.message


def test_failing_restore_says_why_and_leaves_nothing(
    runtime: Runtime, make_bundle: MakeBundle, criu: Caller, images: str
) -> None:
    bundle = make_bundle("sh", "-c", COUNT, mutate=own_descriptors)
    start_counting(runtime, bundle)
    checkpoint(runtime, criu, images, bundle.id).succeed()
    os.unlink(os.path.join(images, "files.img"))

    result = restore(runtime, criu, images, bundle).exit_with(1)

    assert "criu restore failed: " in result.message
    assert runtime.ids() == []


def test_directory_without_a_checkpoint_is_named(
    runtime: Runtime, make_bundle: MakeBundle, criu: Caller, images: str
) -> None:
    os.mkdir(images)

    result = restore(runtime, criu, images, make_bundle()).exit_with(1)

    assert "no checkpoint: descriptors.json is missing" in result.message


def test_pre_dump_that_the_kernel_cannot_do_is_refused_before_the_container_is_touched(
    runtime: Runtime, make_bundle: MakeBundle, criu: Caller, images: str
) -> None:
    bundle = make_bundle("sh", "-c", COUNT, mutate=own_descriptors)
    start_counting(runtime, bundle)

    result = checkpoint(runtime, criu, images, bundle.id, "--pre-dump")

    if result.returncode:
        assert "criu or this kernel cannot track memory" in result.message
    assert '"running"' in runtime("state", bundle.id).stdout


def test_missing_criu_is_named_with_its_package(runtime: Runtime, make_bundle: MakeBundle, images: str) -> None:
    if any(os.access(f"{directory}/criu", os.X_OK) for directory in ("/usr/sbin", "/usr/bin", "/usr/local/sbin")):
        pytest.skip("criu is installed in the system")
    container = runtime.start(make_bundle())

    result = runtime("checkpoint", "--image-path", images, container.id, caller=Caller()).exit_with(1)

    assert "criu: executable file not found in $path" in result.message
