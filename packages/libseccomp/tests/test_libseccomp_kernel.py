"""Filters in force, in a child: what the kernel does with them."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from libseccomp import (
    ALLOW,
    KILL_PROCESS,
    LOG,
    NOTIFY,
    TRAP,
    Condition,
    Filter,
    InvalidArgument,
    Listener,
    SeccompError,
    constants,
    errno_action,
    resolve_syscall,
    trace_action,
)

pytestmark = pytest.mark.seccomp

RunInChild = Callable[[Callable[[], int]], int]


def load(action: int, *names: str, conditions: tuple[Condition, ...] = ()) -> None:
    with Filter(ALLOW) as rules:
        for name in names:
            rules.add_rule(action, name, conditions)
        rules.load()


def errno_of(call: Callable[[], object]) -> int:
    try:
        call()
    except OSError as error:
        return error.errno or 0
    return 0


def test_errno_rule_makes_the_call_fail(run_in_child: RunInChild, tmp_path: Path) -> None:
    def child() -> int:
        load(errno_action(errno.EDQUOT), "mkdir", "mkdirat")
        return errno_of(lambda: os.mkdir(tmp_path / "new"))

    assert os.waitstatus_to_exitcode(run_in_child(child)) == errno.EDQUOT
    assert not (tmp_path / "new").exists()


def test_condition_lets_other_arguments_pass(run_in_child: RunInChild) -> None:
    def child() -> int:
        load(errno_action(errno.EDOM), "kill", conditions=(Condition(1, constants.EQ, int(signal.SIGWINCH)),))
        return errno_of(lambda: os.kill(os.getpid(), signal.SIGWINCH)) * int(
            errno_of(lambda: os.kill(os.getpid(), 0)) == 0
        )

    assert os.waitstatus_to_exitcode(run_in_child(child)) == errno.EDOM


def test_kill_process_ends_the_child_with_sigsys(run_in_child: RunInChild) -> None:
    def child() -> int:
        load(KILL_PROCESS, "getppid")
        return os.getppid() and 1

    status = run_in_child(child)

    assert os.WTERMSIG(status) == signal.SIGSYS


def test_trap_raises_sigsys_in_the_caller(run_in_child: RunInChild) -> None:
    caught: list[int] = []

    def child() -> int:
        signal.signal(signal.SIGSYS, lambda number, _: caught.append(number))
        load(TRAP, "getppid")
        os.getppid()
        return 7 if caught == [signal.SIGSYS] else 1

    assert os.waitstatus_to_exitcode(run_in_child(child)) == 7


def test_log_lets_the_call_pass(run_in_child: RunInChild) -> None:
    def child() -> int:
        parent = os.getppid()
        load(LOG, "getppid")
        return 7 if os.getppid() == parent else 1

    assert os.waitstatus_to_exitcode(run_in_child(child)) == 7


def test_trace_without_a_tracer_is_enosys(run_in_child: RunInChild, tmp_path: Path) -> None:
    def child() -> int:
        load(trace_action(5), "mkdir", "mkdirat")
        return errno_of(lambda: os.mkdir(tmp_path / "new"))

    assert os.waitstatus_to_exitcode(run_in_child(child)) == errno.ENOSYS


def test_load_sets_no_new_privs(run_in_child: RunInChild) -> None:
    def child() -> int:
        load(errno_action(1), "mkdirat")
        return 7 if "NoNewPrivs:\t1\nSeccomp:\t2\n" in Path("/proc/self/status").read_text() else 1

    assert os.waitstatus_to_exitcode(run_in_child(child)) == 7


def test_load_without_no_new_privs_and_capability_says_why(run_in_child: RunInChild) -> None:
    def child() -> int:
        if os.getuid() == 0:
            os.setuid(65534)
        with Filter(ALLOW) as rules:
            rules.no_new_privs = False
            rules.add_rule(KILL_PROCESS, "mkdirat")
            try:
                rules.load()
            except SeccompError as error:
                return error.errno
        return 0

    assert os.waitstatus_to_exitcode(run_in_child(child)) == errno.EACCES


def test_tsync_covers_a_thread_that_ran_before(run_in_child: RunInChild, tmp_path: Path) -> None:
    def child() -> int:
        loaded = threading.Event()
        results: list[int] = []

        def work() -> None:
            loaded.wait()
            results.append(errno_of(lambda: os.mkdir(tmp_path / "new")))

        thread = threading.Thread(target=work)
        thread.start()
        with Filter(ALLOW) as rules:
            rules.tsync = True
            rules.add_rule(errno_action(errno.EDQUOT), "mkdir")
            rules.add_rule(errno_action(errno.EDQUOT), "mkdirat")
            rules.load()
        loaded.set()
        thread.join()
        return results[0]

    assert os.waitstatus_to_exitcode(run_in_child(child)) == errno.EDQUOT


@contextlib.contextmanager
def notified(child: Callable[[], int], *names: str) -> Iterator[tuple[Listener, int]]:
    """A child under a filter that asks us about some calls; yields the listener and the child's pid."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        pid = os.fork()
        if pid == 0:
            code = 99
            try:
                with Filter(ALLOW) as rules:
                    for name in names:
                        rules.add_rule(NOTIFY, name)
                    rules.load()
                    socket.send_fds(theirs, [b"x"], [rules.notify_fd])
                    code = child()
            finally:
                os._exit(code)
        _, fds, _, _ = socket.recv_fds(ours, 1, 1)
        with Listener(fds[0]) as listener:
            yield listener, pid


def exit_code(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_notification_describes_the_call(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path / "new")

    with notified(lambda: errno_of(lambda: os.mkdir(path, 0o751)), "mkdir") as (listener, pid):
        request = listener.receive()
        with open(f"/proc/{request.pid}/mem", "rb", buffering=0) as memory:
            memory.seek(request.args[0])
            seen = memory.read(len(path) + 1)
        valid = listener.id_valid(request)
        listener.respond_errno(request, errno.EXDEV)

        assert (request.pid, request.nr, request.args[1]) == (pid, resolve_syscall("mkdir"), 0o751)
        assert (seen, valid) == (path + b"\0", True)
        assert exit_code(pid) == errno.EXDEV


def test_value_is_returned_without_the_call_being_made() -> None:
    with notified(lambda: os.getppid(), "getppid") as (listener, pid):
        listener.respond_value(listener.receive(), 77)

        assert exit_code(pid) == 77


def test_continue_lets_the_kernel_make_the_call(tmp_path: Path) -> None:
    new = tmp_path / "new"

    with notified(lambda: errno_of(lambda: os.mkdir(new)), "mkdir") as (listener, pid):
        listener.respond_continue(listener.receive())

        assert exit_code(pid) == 0
        assert new.is_dir()


def test_added_descriptor_is_what_the_target_reads(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"\x2a")

    def child() -> int:
        return os.read(os.memfd_create("refused"), 1)[0]

    with notified(child, "memfd_create") as (listener, pid), secret.open("rb") as file:
        request = listener.receive()
        number = listener.add_fd(request, file.fileno(), target_fd=200, close_on_exec=True)
        listener.respond_value(request, number)

        assert number == 200
        assert exit_code(pid) == 0x2A


def test_added_descriptor_can_be_the_answer_in_one_step(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"\x2b")

    with (
        notified(lambda: os.read(os.memfd_create("refused"), 1)[0], "memfd_create") as (listener, pid),
        secret.open("rb") as file,
    ):
        listener.add_fd(listener.receive(), file.fileno(), respond=True)

        assert exit_code(pid) == 0x2B


def test_adding_a_bad_descriptor_names_the_ioctl_and_leaves_the_call_waiting() -> None:
    with notified(lambda: os.getppid(), "getppid") as (listener, pid):
        request = listener.receive()

        with pytest.raises(SeccompError, match=r"^SECCOMP_IOCTL_NOTIF_ADDFD\(.*\): bad file descriptor$"):
            listener.add_fd(request, 999)
        listener.respond_value(request, 3)

        assert exit_code(pid) == 3


def test_answer_after_the_target_died_is_enoent() -> None:
    with notified(lambda: os.getppid(), "getppid") as (listener, pid):
        request = listener.receive()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

        assert not listener.id_valid(request)
        with pytest.raises(SeccompError, match=r": no such file or directory$") as caught:
            listener.respond_value(request)
        assert caught.value.errno == errno.ENOENT


def test_listener_hangs_up_when_no_target_is_left() -> None:
    with notified(lambda: 0, "getppid") as (listener, pid):
        exit_code(pid)
        poll = select.poll()
        poll.register(listener, select.POLLIN)

        assert poll.poll(5000)[0][1] & select.POLLHUP


def test_closed_listener_refuses() -> None:
    listener = Listener(os.dup(0))
    listener.close()
    listener.close()

    with pytest.raises(InvalidArgument, match=r"the listener is closed$"):
        listener.receive()


@pytest.mark.parametrize("number", [0, -1, 4096])
def test_errno_answer_must_be_an_errno(number: int) -> None:
    with notified(lambda: os.getppid(), "getppid") as (listener, pid):
        request = listener.receive()

        with pytest.raises(InvalidArgument, match=r": not between 1 and 4095$"):
            listener.respond_errno(request, number)
        listener.respond_value(request)

        assert exit_code(pid) == 0
