"""What only the guest's kernel and rights can show: device programs, delegation, AppArmor, limits that are raised."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import eventually, read
from tests.vm.guest.containers import IS_USER, only_cgroupfs, only_systemd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.bundle import Json
    from tests.vm.guest.conftest import MakeBundle, Start
    from tests.vm.guest.containers import GuestRuntime


DENY_ALL = {"allow": False, "access": "rwm"}
READ_KMSG = {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"}
PROFILE = "pyouki-test"
PROFILE_TEXT = f"""
#include <tunables/global>
profile {PROFILE} flags=(attach_disconnected,mediate_deleted) {{
  #include <abstractions/base>
  network,
  capability,
  file,
  umount,
  signal (receive) peer=unconfined,
  signal (send,receive) peer={PROFILE},
  deny /etc/group r,
}}
"""


@pytest.fixture(scope="module")
def profile() -> Iterator[str]:
    """A profile that is loaded: everything but one file is allowed."""
    for option in ("--replace", "--remove"):
        subprocess.run(["apparmor_parser", "--skip-cache", option], input=PROFILE_TEXT, text=True, check=True)
        if option == "--replace":
            yield PROFILE


def with_kmsg(*rules: Json) -> mutations.Mutation:
    """A config whose container can make the node of the kernel's log, and has these rules for devices."""

    def mutate(config: Json) -> None:
        mutations.writable_root(config)
        for names in config["process"]["capabilities"].values():
            names += ["CAP_MKNOD", "CAP_SYSLOG"]
        config["linux"]["resources"]["devices"] = list(rules)

    return mutate


@pytest.mark.root
@only_cgroupfs
@pytest.mark.parametrize(("rules", "can_read"), [((DENY_ALL,), False), ((DENY_ALL, READ_KMSG), True)])
def test_device_rules_bind(start: Start, rules: tuple[Json, ...], can_read: bool) -> None:
    container = start(mutate=with_kmsg(*rules))
    container.exec("mknod", "/kmsg", "c", "1", "11").succeed()

    reads = container.exec("dd", "if=/kmsg", "of=/dev/null", "bs=8192", "count=1")
    writes = container.exec("dd", "if=/dev/zero", "of=/kmsg", "bs=1", "count=1")

    assert (reads.returncode == 0) is can_read
    assert "Operation not permitted" in writes.stderr


@pytest.mark.root
@only_systemd
def test_device_rules_bind_after_an_update(runtime: GuestRuntime, start: Start) -> None:
    container = start(mutate=with_kmsg(DENY_ALL))

    runtime("update", "--pids-limit", "30", container.id).succeed()

    container.exec("mknod", "/kmsg", "c", "1", "11").succeed()
    assert "Operation not permitted" in container.exec("head", "-c", "1", "/kmsg").stderr


@pytest.mark.root
@pytest.mark.parametrize("option", ["rw", "ro"])
def test_who_may_write_the_cgroup_owns_the_part_that_can_be_delegated(start: Start, option: str) -> None:
    def mutate(config: Json) -> None:
        config["process"]["user"] = {"uid": 1000, "gid": 1000}
        mutations.namespace("cgroup")(config)
        mutations.without_mount("/sys/fs/cgroup")(config)
        mutations.mount("/sys/fs/cgroup", "cgroup", "nosuid", "noexec", "nodev", option, fstype="cgroup")(config)

    container = start(mutate=mutate)

    directory = container.directory
    owned = {name for name in os.listdir(directory) if os.stat(f"{directory}/{name}").st_uid == 1000}
    delegated = {name for name in read("/sys/kernel/cgroup/delegate").split() if os.path.exists(f"{directory}/{name}")}
    assert owned == (delegated if option == "rw" else set())
    assert os.stat(directory).st_uid == (1000 if option == "rw" else 0)
    script = "mkdir /sys/fs/cgroup/below && echo $$ > /sys/fs/cgroup/below/cgroup.procs && cat /proc/self/cgroup"
    assert container.exec("sh", "-c", script).stdout == ("0::/below\n" if option == "rw" else "")


@pytest.mark.root
@only_cgroupfs
def test_a_profile_of_apparmor_confines_every_process(start: Start, profile: str) -> None:
    container = start(
        *("sh", "-c", "cat /proc/self/attr/current; cat /etc/group 2>&1; cat /etc/passwd; sleep 1000"),
        mutate=mutations.process(apparmorProfile=profile),
    )

    other = container.exec("cat", "/proc/self/attr/current", "/etc/group").fail()
    eventually(lambda: container.output().count("\n") >= 3, "the container's output", 30)

    label, refusal = f"{profile} (enforce)\n", "cat: can't open '/etc/group': Permission denied\n"
    assert (other.stdout, other.stderr) == (label, refusal)
    assert container.output().startswith(f"{label}{refusal}root:")


@only_cgroupfs
def test_a_profile_that_is_not_loaded_is_named(runtime: GuestRuntime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle(mutate=mutations.process(apparmorProfile="pyouki-test-absent"))

    refused = runtime.try_create(bundle).fail()

    assert "apparmor" in refused.message
    assert runtime.name != "pyouki" or "profile 'pyouki-test-absent'" in refused.message
    assert runtime.name != "pyouki" or "the profile is not loaded" in refused.message
    assert runtime.ids() == []


@pytest.mark.root
@only_cgroupfs
def test_root_raises_a_hard_limit_and_lowers_the_score(start: Start) -> None:
    raised = _hard_limit_on_files("self") + 1000
    rlimit = {"type": "RLIMIT_NOFILE", "soft": 1024, "hard": raised}

    container = start(mutate=mutations.process(rlimits=[rlimit], oomScoreAdj=-500))

    assert _hard_limit_on_files(container.pid) == raised
    assert read(f"/proc/{container.pid}/oom_score_adj") == "-500\n"


@only_cgroupfs
@pytest.mark.skipif(not IS_USER, reason="for the user")
def test_a_user_cannot_raise_a_hard_limit(runtime: GuestRuntime, make_bundle: MakeBundle) -> None:
    present = _hard_limit_on_files("self")
    rlimit = {"type": "RLIMIT_NOFILE", "soft": 1024, "hard": present + 1000}
    bundle = make_bundle(mutate=mutations.process(rlimits=[rlimit]))

    refused = runtime.try_create(bundle).fail()

    assert "operation not permitted" in refused.message
    assert (
        runtime.name != "pyouki" or f"raising the hard limit above {present} needs CAP_SYS_RESOURCE" in refused.stderr
    )
    assert runtime.ids() == []


def _hard_limit_on_files(pid: int | str) -> int:
    line = next(line for line in read(f"/proc/{pid}/limits").splitlines() if line.startswith("Max open files"))
    return int(line.split()[4])
