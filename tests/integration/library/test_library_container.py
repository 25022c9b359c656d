"""One container made by ``import libcontainer``: its life, what runs in it, and what goes wrong."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING

import pytest

import libcontainer
from libcontainer import (
    Container,
    ContainerBuilder,
    ContainerExistsError,
    ContainerNotFoundError,
    ContainerStatus,
    ContainerStatusError,
    ExecutableError,
    HookError,
    ProcessDiedError,
    SpecError,
    TimeoutExpiredError,
)
from libcontainer.testing.bundles import Bundle
from tests.support.runtime import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.bundle import Bundle as TestBundle
    from tests.support.bundle import Json
    from tests.support.guard import Guard

    MakeBundle = Callable[..., TestBundle]
    Create = Callable[..., Container]

pytestmark = [pytest.mark.root, pytest.mark.cgroup1]


def test_a_container_lives_from_create_to_delete(create: Create) -> None:
    container = create("sh", "-c", "echo out; echo err >&2; exit 3", capture_output=True)
    assert container.status is ContainerStatus.CREATED
    assert container.pid > 0

    container.start()
    status = container.wait(10)

    assert (status, container.status, container.pid) == (3, ContainerStatus.STOPPED, 0)
    assert (container.stdout, container.stderr) == (b"out\n", b"err\n")
    container.delete()
    with pytest.raises(ContainerNotFoundError, match=r"^container 'c1' does not exist$"):
        container.state()
    assert (container.wait(), container.stdout) == (3, b"out\n")


def test_a_with_block_deletes_a_running_container(create: Create, root: str) -> None:
    with create("sleep", "1000") as container:
        container.start()
        pid = container.pid

    assert not os.path.exists(f"/proc/{pid}")
    assert os.listdir(root) == []
    assert container.wait() == 137


def test_closing_the_handle_deletes_a_container_that_belongs_to_it(create: Create, root: str) -> None:
    container = create("sleep", "1000")
    container.start()

    container.close()

    assert os.listdir(root) == []


def test_a_detached_container_outlives_its_handle_and_its_exit_status_is_known_to_others(
    create: Create, root: str
) -> None:
    first = create("sh", "-c", "sleep 0.2; exit 9", detach=True)
    first.start()
    first.close()

    found = Container.load(root, first.id)

    assert found.status is ContainerStatus.RUNNING
    assert found.wait(10) == 9
    assert first.wait(10) == 9
    assert [each.id for each in Container.list(root)] == [first.id]
    found.delete()


def test_a_process_gets_what_it_is_given(create: Create) -> None:
    container = create("sleep", "1000")
    container.start()

    done = container.exec(
        ["sh", "-c", "id -u; id -g; pwd; echo $FRUIT; cat; echo problem >&2; exit 7"],
        user=(1000, 1001),
        cwd="/tmp",
        env={"FRUIT": "fig"},
        input=b"typed\n",
        capture_output=True,
    )

    assert done.returncode == 7
    assert done.stdout == b"1000\n1001\n/tmp\nfig\ntyped\n"
    assert done.stderr == b"problem\n"


def test_a_process_with_a_terminal_is_read_to_its_end(create: Create) -> None:
    container = create("sleep", "1000")
    container.start()

    done = container.exec(["sh", "-c", "tty; seq 20000; exit 4"], tty=True)

    assert done.returncode == 4
    assert done.stdout.startswith(b"/dev/pts/0\r\n1\r\n")
    assert done.stdout.endswith(b"\r\n20000\r\n")


def test_a_terminal_of_the_container_is_the_callers(create: Create) -> None:
    container = create("sh", "-c", "read line; echo got $line", mutate=_with_terminal)
    container.start()
    assert container.terminal is not None

    os.write(container.terminal, b"water\n")
    seen = b""
    while b"got water" not in seen and select.select([container.terminal], [], [], 5)[0]:
        seen += os.read(container.terminal, 1000)

    assert b"got water" in seen
    assert container.wait(10) == 0


def test_a_process_that_leaves_others_behind_does_not_keep_its_caller_waiting(create: Create) -> None:
    container = create("sleep", "1000")
    container.start()

    started = time.monotonic()
    done = container.exec(["sh", "-c", "sleep 1000 & echo done"], capture_output=True)

    assert done.stdout == b"done\n"
    assert time.monotonic() - started < 5


def test_more_output_than_a_pipe_holds_is_captured(create: Create) -> None:
    container = create("sh", "-c", "yes | head -c 3000000", capture_output=True)
    container.start()

    assert container.wait(20) == 0
    assert len(container.stdout) == 3_000_000


def test_descriptors_are_passed_to_the_container_and_to_processes(create: Create) -> None:
    reader, writer = os.pipe()
    container = create("sh", "-c", "echo one >&4; exec sleep 1000", pass_fds=(reader, writer))
    container.start()

    container.exec(["sh", "-c", "echo two >&3"], pass_fds=(writer,))
    os.close(writer)

    assert sorted(os.read(reader, 100).split()) == [b"one", b"two"]
    os.close(reader)


def test_a_process_that_takes_too_long_is_killed_and_its_output_kept(create: Create) -> None:
    container = create("sleep", "1000")
    container.start()

    with pytest.raises(TimeoutExpiredError, match=r"^process \d+ \(sh\) has not ended within 0\.3 s$") as caught:
        container.exec(["sh", "-c", "echo begun; exec sleep 1000"], timeout=0.3, capture_output=True)

    assert caught.value.stdout == b"begun\n"
    assert isinstance(caught.value, TimeoutError)
    assert len(container.processes()) == 1


def test_a_process_can_be_signalled_and_waited_for(create: Create) -> None:
    container = create("sleep", "1000")
    container.start()

    with container.spawn(["sleep", "1000"]) as process:
        with pytest.raises(TimeoutExpiredError):
            process.wait(0.05)
        process.kill("TERM")

        assert process.wait(10) == 143
        process.kill("TERM")


def test_a_container_can_be_paused_updated_and_measured(create: Create) -> None:
    container = create("sleep", "1000")
    container.start()

    container.pause()
    assert container.status == "paused"
    with pytest.raises(ContainerStatusError, match=r"^cannot exec in a paused container"):
        container.exec(["true"])
    container.resume()
    container.update({"pids": {"limit": 17}})

    assert container.status == "running"
    assert container.stats().pids.limit == 17
    resources = container.spec.linux.resources
    assert resources is not None
    assert resources.pids is not None
    assert resources.pids.limit == 17


def test_a_container_that_waits_for_start_can_be_deleted(create: Create, root: str) -> None:
    create("sleep", "1000").delete()

    assert os.listdir(root) == []


def test_a_running_container_is_not_deleted_without_force(create: Create) -> None:
    container = create("sleep", "1000")
    container.start()

    with pytest.raises(ContainerStatusError, match=r"^cannot delete container c1 that is not stopped: running$"):
        container.delete()

    assert container.status is ContainerStatus.RUNNING


def test_all_faults_of_a_configuration_are_told(root: str, make_bundle: MakeBundle) -> None:
    bundle = make_bundle("true", mutate=_spoil)

    with pytest.raises(SpecError) as caught:
        Container.create(bundle.directory, root=root)

    assert len(caught.value.errors) >= 2
    assert any("process.cwd" in text for text in caught.value.errors)
    assert any("hostname" in text for text in caught.value.errors)


def test_a_program_that_is_missing_fails_create(create: Create, root: str) -> None:
    with pytest.raises(ExecutableError, match=r'^exec: "absent": executable file not found in \$PATH$') as caught:
        create("absent")

    assert caught.value.property == "process.args[0]"
    assert os.listdir(root) == []


def test_a_program_that_the_kernel_refuses_fails_start(root: str, make_bundle: MakeBundle) -> None:
    bundle = make_bundle("/bin/script")
    bundle.put("/bin/script", "#!/bin/missing\n", 0o755)

    with Container.create(bundle.directory, root=root) as container:
        with pytest.raises(ExecutableError, match=r"^exec /bin/script: no such file or directory$") as caught:
            container.start()

        assert "/bin/missing" in (caught.value.hint or "")
        assert container.wait(5) == 127


def test_a_hook_that_fails_tells_its_output(create: Create) -> None:
    with pytest.raises(HookError, match="no luck") as caught:
        create("true", mutate=_fail_in_a_hook)

    assert caught.value.property == "hooks.createRuntime[0]"


def test_an_id_can_be_taken_once(create: Create, root: str, make_bundle: MakeBundle) -> None:
    container = create("sleep", "1000")

    with pytest.raises(ContainerExistsError):
        Container.create(make_bundle("true").directory, id=container.id, root=root)

    assert container.status is ContainerStatus.CREATED


def test_a_process_that_cannot_be_executed_is_an_error(create: Create) -> None:
    container = create("sleep", "1000")
    container.start()

    with pytest.raises(ExecutableError, match=r'^exec: "absent": executable file not found in \$PATH$'):
        container.exec(["absent"])
    with pytest.raises(SpecError, match=r"^process\.cwd"):
        container.exec(["true"], cwd="relative")


def test_youkis_builders_make_the_same_containers(root: str, make_bundle: MakeBundle) -> None:
    bundle = make_bundle("sleep", "1000")
    common = ContainerBuilder("built").with_root_path(root)

    with common.as_init(bundle.directory).with_systemd(False).with_detach(False).build() as container:
        container.start()
        tenant = ContainerBuilder("built").with_root_path(root).as_tenant()
        with tenant.with_container_args(["sh", "-c", "exit $(id -u)"]).with_user(12).build() as process:
            assert process.wait(10) == 12


def test_every_public_name_can_be_imported() -> None:
    assert [name for name in libcontainer.__all__ if getattr(libcontainer, name, None) is None] == []


def test_the_hosts_programs_can_be_shown_in_a_container(create: Create, root: str, work: str) -> None:
    bundle = Bundle.from_host(["sh", "-c", "touch /usr/x || ls /"], os.path.join(work, "of-host"))
    bundle.config["linux"]["cgroupsPath"] = create("true").spec.linux.cgroups_path + "-of-host"  # type: ignore[operator]
    bundle.write()

    with Container.create(bundle.path, root=root, capture_output=True) as container:
        container.start()

        assert container.wait(10) == 0
    assert b"Read-only file system" in container.stderr
    assert {b"usr", b"proc", b"tmp"} <= set(container.stdout.split())


@pytest.mark.userns
def test_an_ordinary_user_has_containers_too(work: str, guard: Guard) -> None:
    own = os.path.join(work, "own")
    os.mkdir(own)
    os.chown(own, 1000, 1000)
    program = textwrap.dedent("""
        import os
        from libcontainer import Container
        from libcontainer.testing.bundles import Bundle
        place = os.environ["XDG_RUNTIME_DIR"] + "/b"
        with Bundle.from_busybox(["sh", "-c", "id -u; exec sleep 1000"], place) as bundle:
            with Container.create(bundle.path, capture_output=True) as container:
                container.start()
                assert container.exec(["cat", "/proc/self/uid_map"], capture_output=True).stdout.split()[1] == b"1000"
                container.kill("KILL")
                assert container.wait(10) == 137
                assert container.stdout == b"0\\n"
    """)

    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": own},
        user=1000,
        group=1000,
        extra_groups=[],
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert os.listdir(f"{own}/libcontainer") == []


def test_an_engine_keeps_nothing_of_the_processes_that_are_over(create: Create) -> None:
    container = create("sleep", "1000")
    container.start()
    engine = _parent(container.pid)
    container.exec(["true"])
    before = len(os.listdir(f"/proc/{engine}/fd"))

    for _ in range(3):
        container.exec(["true"], capture_output=True)
        container.exec(["true"], tty=True)
        with pytest.raises(ExecutableError):
            container.exec(["absent"])

    eventually(lambda: len(os.listdir(f"/proc/{engine}/fd")) <= before, "the descriptors to be closed")


def test_the_interpreter_of_an_engine_cannot_be_written_through_proc(create: Create) -> None:
    engine = _parent(create("true").pid)

    with open(f"/proc/{engine}/exe", "rb") as interpreter:
        assert os.fstatvfs(interpreter.fileno()).f_flag & os.ST_RDONLY
    with open(sys.executable, "rb") as interpreter:
        assert not os.fstatvfs(interpreter.fileno()).f_flag & os.ST_RDONLY


def test_an_engine_that_is_killed_is_noticed_and_the_container_can_still_be_deleted(create: Create, root: str) -> None:
    container = create("sleep", "1000")
    container.start()

    os.kill(_parent(container.pid), 9)

    with pytest.raises(ProcessDiedError, match=r"^the engine ended: nobody knows the exit status of container c1$"):
        container.wait(10)
    with pytest.raises(ProcessDiedError):
        container.exec(["true"])
    container.close()
    Container.load(root, container.id).delete(force=True)


def _parent(pid: int) -> int:
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def _with_terminal(config: Json) -> None:
    config["process"]["terminal"] = True


def _spoil(config: Json) -> None:
    config["process"]["cwd"] = 7
    config["hostname"] = []


def _fail_in_a_hook(config: Json) -> None:
    config["hooks"] = {
        "createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "echo no luck >&2; exit 1"], "env": ["PATH=/bin"]}]
    }
