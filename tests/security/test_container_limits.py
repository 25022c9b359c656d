"""What the default configuration keeps a container from: devices, kernel files, and flooding the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import eventually

if TYPE_CHECKING:
    from tests.conftest import Inside, MakeBundle
    from tests.support.guard import Guard
    from tests.support.runtime import Runtime
    from tests.support.tracking import Tracker

pytestmark = pytest.mark.root

_READ_ONLY = ["/proc/sys/kernel/shmmax", "/proc/sys/vm/swappiness", "/proc/irq/default_smp_affinity"]


@pytest.mark.cgroup1
class TestDevices:
    """B14: the device cgroup denies what the list does not allow, even with CAP_MKNOD."""

    @pytest.mark.parametrize(
        ("kind", "number", "allowed"),
        [("c", "1 3", True), ("c", "1 9", True), ("b", "254 0", False), ("c", "1 11", False), ("c", "1 1", False)],
        ids=["null", "urandom", "disk", "kmsg", "mem"],
    )
    def test_node(self, inside: Inside, kind: str, number: str, allowed: bool) -> None:
        mutate = mutations.every(
            mutations.capabilities("CAP_MKNOD", "CAP_SYS_RAWIO"), mutations.mount("/tmp", "tmpfs", fstype="tmpfs")
        )

        found = inside(f"mknod /tmp/n {kind} {number} && probe open r /tmp/n || true", mutate)

        assert found == ("ok\n" if allowed else "/tmp/n: 1 EPERM\n")


class TestKernelFiles:
    """B16: paths that are masked or read-only stay so for a privileged user."""

    @pytest.mark.parametrize("path", ["/proc/keys", "/proc/timer_list", "/proc/kcore"])
    def test_masked_file_is_empty(self, inside: Inside, path: str) -> None:
        assert inside(f"[ ! -e {path} ] || head -c 10 {path}", _PRIVILEGED) == ""

    @pytest.mark.parametrize("path", ["/proc/acpi", "/proc/scsi", "/sys/firmware"])
    def test_masked_directory_is_empty(self, inside: Inside, path: str) -> None:
        assert inside(f"[ ! -e {path} ] || ls -A {path}", _PRIVILEGED) == ""

    @pytest.mark.parametrize("path", _READ_ONLY)
    def test_read_only_file_cannot_be_opened_for_writing(self, inside: Inside, path: str) -> None:
        assert "EROFS" in inside(f"probe open w {path} || true", _PRIVILEGED)

    @pytest.mark.parametrize("path", ["/sys/kernel/uevent_seqnum", "/sys/fs/cgroup/pids/cgroup.procs"])
    def test_sysfs_cannot_be_opened_for_writing(self, inside: Inside, path: str) -> None:
        assert "EROFS" in inside(f"probe open w {path} || true", _PRIVILEGED)


@pytest.mark.cgroup1
class TestForkBomb:
    """B24: a container that forks as fast as it can is still deleted at once."""

    @pytest.mark.parametrize("own_pid_namespace", [True, False], ids=["pidns", "host-pidns"])
    def test_is_deleted(
        self, runtime: Runtime, make_bundle: MakeBundle, guard: Guard, tracker: Tracker, own_pid_namespace: bool
    ) -> None:
        changes = [mutations.resources(pids={"limit": 64})]
        changes += [] if own_pid_namespace else [mutations.without_namespace("pid")]
        container = runtime.start(make_bundle("probe", "bomb", mutate=mutations.every(*changes)))
        eventually(lambda: len(tracker.processes()) > 20, "the bomb")

        result = container.delete("--force").succeed()

        guard.check()
        assert result.duration_s < 10


_PRIVILEGED = mutations.capabilities("CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_SYS_RAWIO", "CAP_SYSLOG")
