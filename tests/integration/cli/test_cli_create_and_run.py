"""Options of create and run that no black-box test of all runtimes covers."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support import host, mutations
from tests.support.runtime import Caller, eventually, read

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.descriptor_socket import DescriptorSocket
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root


def refusing(call: str, error: str) -> Caller:
    """Return a caller under whom one system call fails, in the runtime and in its children."""
    host.require("strace")
    return Caller(prefix=["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}:error={error}"])


@pytest.mark.parametrize("option", ["--config", "-f"])
def test_config_is_read_from_elsewhere(runtime: Runtime, make_bundle: MakeBundle, work: str, option: str) -> None:
    bundle = make_bundle("echo", "from elsewhere")
    elsewhere = os.path.join(work, "other.json")
    os.rename(f"{bundle.directory}/config.json", elsewhere)

    result = runtime.run(bundle, option, elsewhere).succeed()

    assert result.stdout == "from elsewhere\n"


def test_pidfd_of_init_comes_over_the_socket(
    runtime: Runtime, make_bundle: MakeBundle, descriptor_socket: DescriptorSocket
) -> None:
    container = runtime.create(make_bundle(), "--pidfd-socket", descriptor_socket.path)

    text, pidfd = descriptor_socket.receive()

    assert text == "standard"
    assert f"Pid:\t{container.pid}\n" in read(f"/proc/self/fdinfo/{pidfd}")
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    eventually(lambda: container.status == "stopped", "init to end")


def test_pidfd_socket_that_nobody_listens_on_is_named(runtime: Runtime, make_bundle: MakeBundle) -> None:
    (record,) = runtime.try_create(make_bundle(), "--pidfd-socket", "/no/such/socket").exit_with(1).records

    assert record["msg"] == "send the pidfd over pidfd socket /no/such/socket: no such file or directory"
    assert runtime.ids() == []


def test_no_pivot_does_without_pivot_root(runtime: Runtime, make_bundle: MakeBundle) -> None:
    on_a_ramdisk = refusing("pivot_root", "EINVAL")

    runtime.run(make_bundle("true"), caller=on_a_ramdisk).exit_with(1)
    result = runtime.run(make_bundle("ls", "/bin/busybox"), "--no-pivot", caller=on_a_ramdisk).succeed()

    assert result.stdout == "/bin/busybox\n"


def test_no_new_keyring_does_without_keyctl(runtime: Runtime, make_bundle: MakeBundle) -> None:
    quota_used_up = refusing("keyctl", "EDQUOT")

    (record,) = runtime.run(make_bundle("true"), caller=quota_used_up).exit_with(1).records
    runtime.run(make_bundle("true"), "--no-new-keyring", caller=quota_used_up).succeed()

    assert (record["step"], record["syscall"]) == ("keyring", "keyctl")
    assert "--no-new-keyring" in record["hint"]


@pytest.mark.parametrize(("options", "is_adopted"), [((), True), (("--no-subreaper",), False)])
def test_orphans_of_the_container_are_adopted_unless_told_not_to(
    runtime: Runtime, make_bundle: MakeBundle, options: tuple[str, ...], is_adopted: bool
) -> None:
    script = "(sleep 1234 & echo $! > /tmp/orphan); exec sleep 1000"
    mutate = mutations.every(mutations.without_namespace("pid"), mutations.writable_root)
    bundle = make_bundle("sh", "-c", script, mutate=mutate)
    running = runtime.run_in_background(bundle, *options)
    eventually(lambda: read(bundle.inside("/tmp/orphan")).strip() != "", "the orphan")
    orphan = read(bundle.inside("/tmp/orphan")).strip()

    eventually(lambda: (_parent(orphan) == running.process.pid) == is_adopted, "the orphan's new parent")

    runtime("delete", "--force", bundle.id).succeed()
    running.wait()


def _parent(pid: str) -> int:
    return int(read(f"/proc/{pid}/status").partition("PPid:\t")[2].partition("\n")[0])
