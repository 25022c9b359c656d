"""The v2 manager on the unified hierarchy of this machine, which on a hybrid one has hardly a controller."""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libcgroups import detect
from libcgroups.devices import DeviceRule
from libcgroups.errors import BusyError, NotEmptyError
from libcgroups.manager import CgroupConfig, ControllerOpt
from libcgroups.resources import LinuxDeviceCgroup, LinuxResources
from libcgroups.v2.bpf import assemble, interpret, load, rules
from libcgroups.v2.manager import Manager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.root

PROBE = os.path.join(os.path.dirname(__file__), "probe.py")
DENY_ALL = LinuxDeviceCgroup(allow=False, access="rwm")
ALLOW_ALL = LinuxDeviceCgroup(allow=True, access="rwm")


@pytest.fixture
def manager() -> Iterator[Manager]:
    mounts = detect.read_mounts()
    if mounts.v2 is None:
        pytest.skip("no cgroup2 file system is mounted")
    path = f"/pyouki-test-v2-{os.getpid()}/{time.monotonic_ns()}"
    manager = Manager(CgroupConfig(container_name="one", cgroup_path=path), mounts)
    yield manager
    if manager.exists():
        manager.kill(signal.SIGKILL)
    manager.remove()
    assert not os.path.exists(os.path.dirname(manager.directory))


@pytest.fixture
def sleeper(manager: Manager) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the cgroup."""
    manager.create()
    with subprocess.Popen(["sleep", "100"]) as process:
        manager.add_task(process.pid)
        yield process
        process.kill()


class Prober:
    """A process in a cgroup that tries to use devices when told."""

    def __init__(self, manager: Manager) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", PROBE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        manager.add_task(self._process.pid)

    def __enter__(self) -> Prober:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def is_permitted(self, *words: object) -> bool:
        """Try, and tell whether the kernel had no objection against the device as such."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        # A device without a driver is ENXIO; whatever a driver says, it was asked.
        return int(self._process.stdout.readline()) != errno.EPERM


def test_a_process_is_frozen_thawed_and_killed(manager: Manager, sleeper: subprocess.Popen[bytes]) -> None:
    manager.freeze("FROZEN")
    frozen = manager.is_frozen()
    manager.freeze("THAWED")
    thawed = not manager.is_frozen()
    manager.kill(signal.SIGKILL)

    assert (frozen, thawed) == (True, True)
    assert sleeper.wait() == -signal.SIGKILL


def test_a_frozen_process_can_be_killed(manager: Manager, sleeper: subprocess.Popen[bytes]) -> None:
    manager.freeze("FROZEN")

    manager.kill(signal.SIGKILL)

    assert sleeper.wait() == -signal.SIGKILL


def test_other_signals_reach_everybody_and_leave_nobody_frozen(
    manager: Manager, sleeper: subprocess.Popen[bytes]
) -> None:
    manager.kill(signal.SIGTERM)

    assert sleeper.wait() == -signal.SIGTERM
    assert not manager.is_frozen()


def test_a_cgroup_with_a_process_is_refused_and_named_when_it_cannot_be_removed(
    manager: Manager, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Manager.restore(json.loads(json.dumps(manager.state())))
    with pytest.raises(NotEmptyError) as caught:
        other.create()

    other.kill(signal.SIGKILL)
    other.remove()

    assert caught.value.pids == [sleeper.pid]
    assert sleeper.poll() is None
    from libcgroups import removal

    monkeypatch.setattr(removal.remove_tree, "__defaults__", (0.05,))
    with pytest.raises(BusyError, match=rf"still holds 1 process\(es\): {sleeper.pid} \(sleep\)$"):
        manager.remove()


def test_removal_waits_for_a_process_that_is_about_to_end(manager: Manager) -> None:
    manager.create()
    with subprocess.Popen(["sleep", "0.3"]) as process:
        manager.add_task(process.pid)

        manager.remove()

    assert not manager.exists()


def test_cgroups_made_by_the_container_go_too(manager: Manager) -> None:
    manager.create()
    os.makedirs(f"{manager.directory}/a/b")

    manager.remove()

    assert not manager.exists()


def test_a_fork_bomb_is_killed(manager: Manager) -> None:
    manager.create()
    # Bounded in number and in time, in case it is not.
    bomb = "import os, time\nos.read(0, 1)\nfor _ in range(7): os.fork(); time.sleep(0.1)\ntime.sleep(5)"
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", bomb], stdin=subprocess.PIPE) as process:
        manager.add_task(process.pid)
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        deadline = time.monotonic() + 4
        while len(manager.get_all_pids()) < 20 and time.monotonic() < deadline:
            time.sleep(0.01)

        manager.kill(signal.SIGKILL)

    manager.remove()
    assert not manager.exists()


def test_a_threaded_cgroup_lists_the_processes_of_its_threads(manager: Manager) -> None:
    manager.create()
    os.mkdir(f"{manager.directory}/t")
    with open(f"{manager.directory}/t/cgroup.type", "w") as file:
        file.write("threaded")
    below = Manager.at(manager.mount_point, f"{manager.path}/t")
    with subprocess.Popen(["sleep", "100"]) as process:
        manager.add_task(process.pid)
        below.add_task(process.pid)

        pids = below.get_all_pids()
        entrance = below.open_entrance()
        process.kill()

    assert (pids, entrance) == ([process.pid], None)


def test_the_entrance_is_the_directory(manager: Manager) -> None:
    manager.create()

    entrance = manager.open_entrance()

    assert entrance is not None
    assert os.path.samestat(os.fstat(entrance.clone_into), os.stat(manager.directory))
    entrance.close()


def test_the_cgroup_is_given_to_its_owner(manager: Manager) -> None:
    mine = Manager.at(manager.mount_point, manager.path, owner_uid=12345)
    manager.create()

    mine.take_over()

    owned = [name for name in os.listdir(manager.directory) if os.stat(f"{manager.directory}/{name}").st_uid == 12345]
    assert os.stat(manager.directory).st_uid == 12345
    assert {"cgroup.procs", "cgroup.subtree_control", "cgroup.threads"} <= set(owned)
    assert "cgroup.freeze" not in owned


def test_the_end_of_a_cgroup_is_noticed(manager: Manager, sleeper: subprocess.Popen[bytes]) -> None:
    if not os.path.exists(f"{manager.directory}/memory.events"):
        pytest.skip("the memory controller is not on cgroup v2 here")
    events = manager.oom_events()

    killer = threading.Timer(0.1, sleeper.kill)
    killer.start()
    while not events.ended:
        select.select([events], [], [])
        assert events.read() == 0
    killer.join()
    events.close()


def test_device_rules_are_enforced_and_replaced(manager: Manager) -> None:
    manager.create()
    fd = load.open_cgroup(manager.directory)
    with Prober(manager) as prober:
        manager.apply(ControllerOpt(resources=LinuxResources(devices=[DENY_ALL])))
        denied = prober.is_permitted("open", "/dev/kmsg", os.O_RDONLY)
        null = prober.is_permitted("open", "/dev/null", os.O_RDWR)
        first = load.query(fd)
        manager.apply(ControllerOpt(resources=LinuxResources(devices=[ALLOW_ALL])))
        allowed = prober.is_permitted("open", "/dev/kmsg", os.O_RDONLY)
        second = load.query(fd)
    os.close(fd)

    assert (denied, null, allowed) == (False, True, True)
    assert len(first) == len(second) == 1
    assert first != second


def test_all_programs_of_others_are_replaced(manager: Manager) -> None:
    manager.create()
    deny = load.load(assemble.encode(assemble.assemble(())))
    fd = load.open_cgroup(manager.directory)
    load.attach(fd, deny)
    other = load.load(assemble.encode(assemble.assemble(rules.ALLOW_EVERYTHING)))
    load.attach(fd, other)
    before = load.query(fd)

    manager.apply(ControllerOpt(resources=LinuxResources(devices=[ALLOW_ALL])))

    after = load.query(fd)
    for each in (deny, other, fd):
        os.close(each)
    assert (len(before), len(after)) == (2, 1)
    assert not set(before) & set(after)


def test_a_privileged_container_gets_no_program(manager: Manager) -> None:
    manager.create()
    fd = load.open_cgroup(manager.directory)

    manager.apply(ControllerOpt(resources=LinuxResources(devices=[ALLOW_ALL])))

    assert load.query(fd) == []
    os.close(fd)


def test_what_the_verifier_says_is_kept() -> None:
    code = assemble.encode([assemble.Instruction(assemble.JMP_EXIT)])

    with pytest.raises(load.BpfError) as caught:
        load.load(code)

    assert "R0 !read_ok" in "".join(caught.value.__notes__)


# Majors for local and experimental use, which no driver here has.
MAJORS = st.sampled_from([-1, 240, 241])
MINORS = st.sampled_from([-1, 0, 1])
RULES = st.lists(
    st.builds(
        DeviceRule,
        st.booleans(),
        st.sampled_from("abc"),
        MAJORS,
        MINORS,
        st.sampled_from(["r", "w", "m", "rw", "rm", "wm", "rwm"]),
    ),
    max_size=6,
)
KINDS = {rules.BPF_DEVCG_DEV_BLOCK: 0o060600, rules.BPF_DEVCG_DEV_CHAR: 0o020600}
OPENS = {
    rules.BPF_DEVCG_ACC_READ: os.O_RDONLY,
    rules.BPF_DEVCG_ACC_WRITE: os.O_WRONLY,
    rules.BPF_DEVCG_ACC_READ | rules.BPF_DEVCG_ACC_WRITE: os.O_RDWR,
}


def test_kernel_and_interpreter_agree(manager: Manager, tmp_path: Path) -> None:
    manager.create()
    fd = load.open_cgroup(manager.directory)
    devices = [(kind, major, minor) for kind in KINDS for major in (240, 241) for minor in (0, 1)]
    for kind, major, minor in devices:
        os.mknod(f"{tmp_path}/{kind}-{major}-{minor}", KINDS[kind], os.makedev(major, minor))

    with Prober(manager) as prober:

        def ask_kernel(kind: int, major: int, minor: int, access: int) -> bool:
            if access == rules.BPF_DEVCG_ACC_MKNOD:
                return prober.is_permitted("mknod", f"{tmp_path}/new", KINDS[kind], os.makedev(major, minor))
            return prober.is_permitted("open", f"{tmp_path}/{kind}-{major}-{minor}", OPENS[access])

        @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(RULES)
        def check(listed: list[DeviceRule]) -> None:
            program = assemble.assemble(rules.decide(listed))
            program_fd = load.load(assemble.encode(program))
            load.replace(fd, program_fd, load.query(fd))
            os.close(program_fd)
            requests = [(*device, access) for device in devices for access in (*OPENS, rules.BPF_DEVCG_ACC_MKNOD)]

            assert [ask_kernel(*each) for each in requests] == [interpret.execute(program, *each) for each in requests]

        check()
    os.close(fd)
