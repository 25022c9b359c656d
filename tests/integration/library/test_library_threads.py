"""The library in a program with threads: in parallel, without fork(2) in it, and with other programs beside it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from libcontainer import Container, ContainerExistsError
from libcontainer.container import store
from tests.support.runtime import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from libcontainer import ExecResult
    from tests.support.bundle import Bundle

    MakeBundle = Callable[..., Bundle]
    Create = Callable[..., Container]

pytestmark = [pytest.mark.root, pytest.mark.cgroup1]

_forks: list[int] = []
os.register_at_fork(before=lambda: _forks.append(os.getpid()))


@pytest.fixture
def busy_threads() -> Iterator[None]:
    """Threads that hold and release locks all the time: what a forked child would inherit locked."""
    lock, end = threading.Lock(), threading.Event()

    def work() -> None:
        while not end.wait(0.0005):
            with lock:
                logging.getLogger("busy").debug("%s", bytes(100_000)[:10])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    yield
    end.set()
    for thread in threads:
        thread.join()


def test_threads_make_and_delete_containers_in_parallel_and_nothing_is_forked(
    root: str, make_bundle: MakeBundle, busy_threads: None
) -> None:
    bundles = [make_bundle("sh", "-c", f"echo {number}; exit {number}") for number in range(6)]
    _forks.clear()

    def live(bundle: Bundle) -> tuple[int, bytes]:
        with Container.create(bundle.directory, id=bundle.id, root=root, capture_output=True) as container:
            container.start()
            return container.wait(30), container.stdout

    with ThreadPoolExecutor(6) as pool:
        ended = list(pool.map(live, bundles))

    assert ended == [(number, b"%d\n" % number) for number in range(6)]
    assert _forks == []


def test_threads_run_processes_in_one_container_in_parallel(create: Create, busy_threads: None) -> None:
    container = create("sleep", "1000")
    container.start()

    def run(number: int) -> ExecResult:
        return container.exec(["sh", "-c", f"sleep 0.1; echo {number}; exit {number}"], capture_output=True)

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(run, range(8)))

    assert [(each.returncode, each.stdout) for each in done] == [(n, b"%d\n" % n) for n in range(8)]


def test_several_threads_wait_for_one_container(create: Create) -> None:
    container = create("sh", "-c", "sleep 0.3; exit 5")
    container.start()

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda _: container.wait(20), range(4)))

    assert statuses == [5, 5, 5, 5]


def test_of_threads_that_want_one_id_one_gets_it(root: str, make_bundle: MakeBundle) -> None:
    bundle = make_bundle("sleep", "1000")

    def take(_: int) -> Container | None:
        try:
            return Container.create(bundle.directory, id="one", root=root)
        except ContainerExistsError:
            return None

    with ThreadPoolExecutor(4) as pool:
        taken = [container for container in pool.map(take, range(4)) if container is not None]

    assert [container.id for container in taken] == ["one"]
    taken[0].close()


def test_a_thread_may_delete_while_others_wait_and_run(create: Create) -> None:
    container = create("sleep", "1000")
    container.start()

    with ThreadPoolExecutor(3) as pool:
        waiting = pool.submit(container.wait, 20)
        running = [pool.submit(container.exec, ["sleep", "1000"]) for _ in range(2)]
        eventually(lambda: len(container.processes()) == 3, "both processes")
        container.delete(force=True)

        assert waiting.result(20) == 137
        assert [each.result(20).returncode for each in running] == [137, 137]


def test_it_works_below_asyncio(create: Create) -> None:
    async def live() -> list[int]:
        container = await asyncio.to_thread(create, "sh", "-c", "sleep 0.2; exit 2")
        await asyncio.to_thread(container.start)
        done = await asyncio.gather(
            asyncio.to_thread(container.wait, 20), asyncio.to_thread(lambda: container.exec(["true"]).returncode)
        )
        return list(done)

    assert asyncio.run(live()) == [2, 0]


def test_messages_go_to_logging(create: Create, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "libcontainer"):
        create("true")

    assert "init: mount" in caplog.messages


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
def test_a_program_that_is_killed_leaves_nothing(root: str, make_bundle: MakeBundle, number: signal.Signals) -> None:
    bundle = make_bundle("sleep", "1000")
    program = textwrap.dedent(f"""
        from libcontainer import Container
        container = Container.create({bundle.directory!r}, id="orphan", root={root!r})
        container.start()
        print("started", flush=True)
        container.wait()
    """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as host:
        assert host.stdout is not None
        assert host.stdout.readline() == b"started\n"

        host.send_signal(number)
        host.wait(10)

    eventually(lambda: store.list_ids(root) == [], "the end of the container", 15)


def test_programs_beside_each_other_share_a_root(root: str, make_bundle: MakeBundle) -> None:
    program = textwrap.dedent("""
        import sys
        from libcontainer import Container
        bundle, name, root = sys.argv[1:]
        for round in range(2):
            with Container.create(bundle, id=name, root=root) as container:
                container.start()
                assert container.exec(["true"]).returncode == 0
                container.kill("KILL")
                assert container.wait(20) == 137
    """)
    bundles = [make_bundle("sleep", "1000") for _ in range(4)]

    programs = [
        subprocess.Popen([sys.executable, "-c", program, bundle.directory, bundle.id, root]) for bundle in bundles
    ]

    assert [each.wait(60) for each in programs] == [0, 0, 0, 0]
