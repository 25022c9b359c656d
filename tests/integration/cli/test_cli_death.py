"""One of the runtime's own processes is killed, at every step: the message names who died where, and nothing is left.

strace kills the process that makes a system call of the step. It traces from outside: the processes are the real ones.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support import host, mutations
from tests.support.runtime import Caller, eventually, read

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.bundle import Bundle, Json
    from tests.support.guard import Guard
    from tests.support.mutations import Mutation
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

MIB = 1 << 20
BEFORE = "before it executed the program"
A_HOOK = mutations.hook("startContainer", "/bin/true")


def killing(call: str, occurrence: int = 1, signal: str = "KILL", follow: bool = True) -> Caller:
    """Return a caller under whom the process that makes a system call for the n-th time is killed."""
    return _tampered(call, f"signal={signal}:when={occurrence}", follow=follow)


def _tampered(call: str, how: str, *, follow: bool = True) -> Caller:
    host.require("strace")
    trace = ["-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:{how}"]
    return Caller(prefix=["strace", *(["-f"] if follow else []), *trace])


def with_own_memory(config: Json) -> None:
    """Have init wait for start as an interpreter, which cannot share the memory of main."""
    A_HOOK(config)


MEMORY = pytest.mark.parametrize(
    "memory", [lambda config: None, with_own_memory], ids=["in memory of main", "in its own memory"]
)


def with_all_steps(config: Json) -> None:
    """Let init take steps that not every container has."""
    config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "0"}
    config["process"]["scheduler"] = {"policy": "SCHED_OTHER", "nice": 3}


def with_limit(limit: int) -> Mutation:
    """Limit memory, and swap with it."""
    return mutations.resources(memory={"limit": limit, "swap": limit})


def with_intermediate(config: Json) -> None:
    """Need a process between the runtime and init."""
    mutations.user_namespace()(config)
    config["linux"]["namespaces"].append({"type": "time"})
    config["linux"]["timeOffsets"] = {"boottime": {"secs": 5}}


@MEMORY
@pytest.mark.parametrize(
    ("call", "step"),
    [
        ("setsid", "namespaces"),
        ("fsopen", "mount"),
        ("move_mount", "mount"),
        ("pivot_root", "pivot"),
        ("sethostname", "hostname"),
        ("sched_setattr", "scheduling"),
        ("keyctl", "keyring"),
        ("setresuid", "privileges"),
        ("capset", "privileges"),
        ("close_range", "exec"),
    ],
)
def test_init_that_is_killed_is_named_with_its_step(
    runtime: Runtime, make_bundle: MakeBundle, guard: Guard, call: str, step: str, memory: Mutation
) -> None:
    mutate = mutations.every(with_all_steps, memory)
    result = runtime.try_create(make_bundle(mutate=mutate), caller=killing(call)).exit_with(1)

    (record,) = result.records
    how = "was killed by signal 9 (SIGKILL)"
    assert record["msg"] == f"the container's init {how} in step {step}, before the container was created"
    assert (record["code"], record["step"]) == ("process-died", step)
    guard.check()


@pytest.mark.parametrize("pid", ["1", "12345678901234567890", "nobody"])
def test_dead_child_of_somebody_else_is_none_of_ours(runtime: Runtime, make_bundle: MakeBundle, pid: str) -> None:
    container = runtime.start(make_bundle())
    deceived = Caller(prefix=["env", f"LIBCONTAINER_DEAD_CHILD={pid}"])

    assert container.exec("true", caller=deceived).succeed().records == []
    (record,) = runtime.try_create(container.bundle, caller=deceived).exit_with(1).records

    assert record["code"] == "container-exists"
    assert container.status == "running"


def test_another_signal_is_named(runtime: Runtime, make_bundle: MakeBundle) -> None:
    # The init of a pid namespace is not ended by this one.
    bundle = make_bundle(mutate=mutations.without_namespace("pid"))

    result = runtime.try_create(bundle, caller=killing("sethostname", signal="TERM")).exit_with(1)

    assert "the container's init was killed by signal 15 (sigterm) in step " in result.message


@pytest.mark.parametrize(
    ("call", "occurrence", "step"),
    [("unshare", 1, "namespaces"), ("setresgid", 1, "map ids"), ("unshare", 2, "time namespace")],
)
def test_intermediate_process_that_is_killed_is_named_with_its_step(
    runtime: Runtime, make_bundle: MakeBundle, guard: Guard, call: str, occurrence: int, step: str
) -> None:
    bundle = make_bundle(mutate=with_intermediate)

    (record,) = runtime.try_create(bundle, caller=killing(call, occurrence)).exit_with(1).records

    how = "was killed by signal 9 (SIGKILL)"
    assert record["msg"] == f"the intermediate process {how} in step {step}, before the container's init was cloned"
    guard.check()


@pytest.mark.parametrize(("call", "step"), [("setsid", "stdio"), ("capset", "privileges"), ("close_range", "exec")])
def test_process_of_exec_that_is_killed_is_named_with_its_step(
    runtime: Runtime, make_bundle: MakeBundle, call: str, step: str
) -> None:
    container = runtime.start(make_bundle())

    (record,) = container.exec("true", caller=killing(call)).exit_with(255).records

    how = "was killed by signal 9 (SIGKILL)"
    assert record["msg"] == f"the process {how} in step {step}, before the program was executed"
    assert container.status == "running"


def test_joiner_of_a_user_namespace_that_is_killed_is_named_with_its_step(
    runtime: Runtime, make_bundle: MakeBundle
) -> None:
    container = runtime.start(make_bundle(mutate=mutations.user_namespace()))

    (record,) = container.exec("true", caller=killing("setns")).exit_with(255).records

    how = "was killed by signal 9 (SIGKILL) in step namespaces"
    assert record["msg"] == f"the joining process {how}, before the program was executed"
    assert container.status == "running"


@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "createContainer"])
def test_hook_of_a_creation_dies_with_the_runtime(
    runtime: Runtime, make_bundle: MakeBundle, guard: Guard, work: str, kind: str
) -> None:
    script = f"echo > {work}/begun; exec sleep 1000"
    mutate = mutations.every(mutations.without_namespace("pid"), mutations.hook(kind, "/bin/sh", "-c", script))
    bundle = make_bundle(mutate=mutate)
    creating = runtime.background("create", "--bundle", bundle.directory, bundle.id)
    eventually(lambda: os.path.exists(f"{work}/begun"), "the hook")

    creating.process.kill()
    creating.wait()

    runtime("delete", "--force", bundle.id).succeed()
    guard.check()


class TestBetweenTheWordOfStartAndTheProgram:
    """The end of the connection is what a program that was executed looks like, too: `start` tells them apart."""

    def test_waiting_stage_that_is_killed_is_named(
        self, runtime: Runtime, make_bundle: MakeBundle, guard: Guard
    ) -> None:
        # Its execve is the only one: all others are execveat.
        (record,) = runtime.run(make_bundle("true"), caller=killing("execve")).exit_with(1).records

        assert record["msg"] == f"the container's init was killed by signal 9 (SIGKILL) {BEFORE}"
        assert record["code"] == "process-died"
        assert runtime.ids() == []
        guard.check()

    def test_filter_that_kills_it_is_named(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        rules = [{"names": ["execve"], "action": "SCMP_ACT_KILL_PROCESS"}]
        mutate = mutations.every(
            mutations.process(noNewPrivileges=True),
            mutations.linux(seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules}),
        )

        (record,) = runtime.run(make_bundle("true", mutate=mutate)).exit_with(1).records

        assert record["msg"] == f"the container's init was killed by signal 31 (SIGSYS) {BEFORE}"
        assert "linux.seccomp" in record["hint"]

    def test_init_that_is_killed_by_a_start_container_hook_is_named(
        self, runtime: Runtime, make_bundle: MakeBundle
    ) -> None:
        # In a pid namespace of its own nobody inside could kill it.
        mutate = mutations.every(
            mutations.without_namespace("pid"), mutations.hook("startContainer", "/bin/sh", "-c", "kill -9 $PPID")
        )

        (record,) = runtime.run(make_bundle("true", mutate=mutate)).exit_with(1).records

        assert record["msg"] == f"the container's init was killed by signal 9 (SIGKILL) {BEFORE}"

    def test_init_survives_a_start_container_hook_that_does_not_read_its_input(
        self, runtime: Runtime, make_bundle: MakeBundle
    ) -> None:
        # More than a pipe holds: the hook ends while it is being written to. The first process of a pid namespace
        # would not be killed by that.
        mutate = mutations.every(
            mutations.without_namespace("pid"),
            mutations.top(annotations={"large": "x" * 200_000}),
            mutations.hook("startContainer", "/bin/true"),
        )

        result = runtime.run(make_bundle("sh", "-c", "echo survived; kill -PIPE $$", mutate=mutate)).exit_with(141)

        assert (result.records, result.stdout) == ([], "survived\n")

    @pytest.mark.parametrize("hooks", [False, True], ids=["waits as a stub", "waits in Python"])
    def test_program_that_is_killed_at_once_was_executed(
        self, runtime: Runtime, make_bundle: MakeBundle, hooks: bool
    ) -> None:
        mutate = mutations.every(mutations.without_namespace("pid"), *([A_HOOK] if hooks else []))
        bundle = make_bundle("sh", "-c", "kill -9 $$", mutate=mutate)

        assert runtime.run(bundle).exit_with(137).records == []


@pytest.mark.cgroup1
class TestOutOfMemory:
    def test_init_is_named_with_the_limit_and_the_peak(
        self, runtime: Runtime, make_bundle: MakeBundle, guard: Guard
    ) -> None:
        limit = MIB // 4
        bundle = make_bundle(mutate=mutations.every(with_own_memory, with_limit(limit)))

        (record,) = runtime.try_create(bundle).exit_with(1).records

        assert record["msg"].startswith("the container's init was OOM-killed (memory limit too low?) in step ")
        assert f": limit {limit} bytes, peak " in record["msg"]
        assert record["property"] == "linux.resources.memory.limit"
        guard.check()

    def test_container_with_less_memory_than_an_interpreter_is_created(
        self, runtime: Runtime, make_bundle: MakeBundle
    ) -> None:
        runtime.create(make_bundle(mutate=with_limit(MIB // 4)))

    @pytest.mark.parametrize("limit", [4096, 20480, 65536])
    def test_init_that_is_refused_memory_names_the_limit(
        self, runtime: Runtime, make_bundle: MakeBundle, guard: Guard, limit: int
    ) -> None:
        (record,) = runtime.try_create(make_bundle(mutate=with_limit(limit))).exit_with(1).records

        assert f"limit {limit} bytes, peak " in record["msg"] + record["hint"]
        assert record["property"] == "linux.resources.memory.limit"
        guard.check()

    def test_process_that_joins_is_named_with_the_limit_and_the_peak(
        self, runtime: Runtime, make_bundle: MakeBundle
    ) -> None:
        bundle = make_bundle(mutate=mutations.every(mutations.user_namespace(), with_limit(2 * MIB)))
        container = runtime.start(bundle)
        # What is left is too little for an interpreter's pages.
        small = MIB // 4
        update = ("update", "--memory", str(small), "--memory-swap", str(small), container.id)
        # The pages of init's set-up are given back a little after its exec.
        eventually(lambda: runtime(*update).returncode == 0, "room for the new limit")

        (record,) = container.exec("true").exit_with(255).records

        assert record["msg"].startswith("the joining process was OOM-killed (memory limit too low?)")
        assert f": limit {small} bytes, peak " in record["msg"]
        assert container.status == "running"


@pytest.mark.parametrize(
    ("call", "mutate"),
    [("clone3", None), ("recvmsg", with_own_memory)],
    ids=["before init", "while init mounts in its own memory"],
)
def test_runtime_that_is_killed_leaves_what_delete_removes(
    runtime: Runtime, make_bundle: MakeBundle, guard: Guard, call: str, mutate: Mutation | None
) -> None:
    bundle = make_bundle(mutate=mutate)

    runtime.try_create(bundle, caller=killing(call)).exit_with(-9)

    _check_that_delete_removes(runtime, bundle, guard)


def test_runtime_that_is_killed_while_init_mounts_in_its_memory_leaves_what_delete_removes(
    runtime: Runtime, make_bundle: MakeBundle, guard: Guard
) -> None:
    bundle = make_bundle()
    hanging = _tampered("sethostname", "delay_enter=2000000")
    creating = runtime.background("create", "--bundle", bundle.directory, bundle.id, caller=hanging)
    strace = creating.process.pid
    eventually(lambda: _names_below(strace) == ["hostname"], "init")

    os.kill(_children(strace)[0], signal.SIGKILL)
    creating.wait()

    _check_that_delete_removes(runtime, bundle, guard)


@pytest.mark.parametrize(("call", "occurrence"), [("prctl", 4), ("waitid", 1)], ids=["at once", "a little later"])
def test_runtime_that_is_killed_when_init_waits_leaves_what_delete_removes(
    runtime: Runtime, make_bundle: MakeBundle, guard: Guard, call: str, occurrence: int
) -> None:
    bundle = make_bundle()

    runtime.try_create(bundle, caller=killing(call, occurrence, follow=False)).exit_with(-9)

    assert read(f"{runtime.root}/{bundle.id}/state.json").count('"pid":0,') == 0, "its init has its number on the disk"

    _check_that_delete_removes(runtime, bundle, guard)


def _children(pid: int) -> list[int]:
    return [int(child) for child in read(f"/proc/{pid}/task/{pid}/children").split()]


def _names_below(strace: int) -> list[str]:
    """Return the names of the processes that a traced command has cloned."""
    return [read(f"/proc/{child}/comm").strip() for main in _children(strace) for child in _children(main)]


def _check_that_delete_removes(runtime: Runtime, bundle: Bundle, guard: Guard) -> None:
    assert '"stopped"' in runtime("state", bundle.id).stdout
    (record,) = runtime("start", bundle.id).exit_with(1).records
    assert record["msg"] == "cannot start a container in the creating state"
    assert record["hint"] == "the command that was creating it was killed: delete it"
    runtime("delete", "--force", bundle.id).succeed()
    guard.check()
