"""The runtime under test as a command line and nothing else: no module of the project is imported here."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.support.bundle import Bundle, Json

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_KILLED_AFTER_S = 20.0


class RuntimeHung(AssertionError):
    """A command did not end in time and was killed."""


@dataclass(frozen=True)
class Result:
    """What one command did: its status, its output and the records it logged."""

    args: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str
    log: str
    duration_s: float

    @property
    def records(self) -> list[Json]:
        """The log file's records; the file holds one JSON object a line."""
        return [json.loads(line) for line in self.log.splitlines() if line.strip()]

    @property
    def message(self) -> str:
        """Everything said about a failure, on stderr and in the log, in lower case."""
        logged = " ".join(str(record.get("msg")) for record in self.records)
        return f"{self.stderr} {logged}".lower()

    def succeed(self) -> Result:
        """Return self when the status is 0, else fail the test with the output."""
        return self.exit_with(0)

    def exit_with(self, status: int) -> Result:
        """Return self when the status is the given one, else fail the test with the output."""
        if self.returncode != status:
            raise AssertionError(f"{self.summary()}: exit status {self.returncode}, expected {status}")
        return self

    def fail(self) -> Result:
        """Return self when the status is not 0, else fail the test with the output."""
        if self.returncode == 0:
            raise AssertionError(f"{self.summary()}: exit status 0, expected a failure")
        return self

    def summary(self) -> str:
        """Return the command and its output on a few lines."""
        output = f" stdout: {self.stdout[:400]!r}\n stderr: {self.stderr[:2000]!r}\n log: {self.log[:2000]!r}"
        return f"{' '.join(self.args)}\n{output}\n"


@dataclass(frozen=True)
class Caller:
    """Who runs a command and with what: the parts of a process that a runtime must not leak or may need."""

    uid: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    pass_fds: Sequence[int] = ()
    stdin: int = subprocess.DEVNULL
    cwd: str = "/"
    prefix: Sequence[str] = ()


ROOT = Caller()


class Runtime:
    """The runtime under test with a state root of its own.

    Output always goes to files: a pipe would be inherited by the container and keep its reader waiting.
    """

    def __init__(self, path: str, work: str) -> None:
        self.path = path
        self.work = work
        self.root = os.path.join(work, "root")
        self._numbers = itertools.count(1)
        self._background: list[Background] = []

    @property
    def name(self) -> str:
        """``runc``, ``crun`` or ``pyouki``."""
        return kind(self.path)

    def __call__(
        self,
        *args: str,
        caller: Caller = ROOT,
        timeout_s: float = _KILLED_AFTER_S,
        global_options: Sequence[str] | None = None,
    ) -> Result:
        """Run one command, wait for it and read what it wrote.

        Args:
            global_options: replaces ``--log FILE --log-format json``.

        Raises:
            RuntimeHung: the command ran longer than ``timeout_s``; it and its session were killed.
        """
        number = next(self._numbers)
        log, out, err = (os.path.join(self.work, f"{name}.{number}") for name in ("log", "out", "err"))
        options = ("--log", log, "--log-format", "json") if global_options is None else global_options
        command = (*caller.prefix, self.path, "--root", self.root, *options, *args)
        started = time.monotonic()
        with open(out, "wb") as stdout, open(err, "wb") as stderr:
            status = _run(command, caller, stdout.fileno(), stderr.fileno(), timeout_s)
        return Result(command, status, read(out), read(err), read(log), time.monotonic() - started)

    def create(self, bundle: Bundle, *options: str, caller: Caller = ROOT) -> Container:
        """Create a container that must come up."""
        result = self("create", "--bundle", bundle.directory, *options, bundle.id, caller=caller).succeed()
        return Container(self, bundle, result, caller)

    def try_create(self, bundle: Bundle, *options: str, caller: Caller = ROOT) -> Result:
        """Try to create a container."""
        return self("create", "--bundle", bundle.directory, *options, bundle.id, caller=caller)

    def start(self, bundle: Bundle, *options: str, caller: Caller = ROOT) -> Container:
        """Create and start a container."""
        container = self.create(bundle, *options, caller=caller)
        container.start()
        return container

    def run(self, bundle: Bundle, *options: str, caller: Caller = ROOT, timeout_s: float = _KILLED_AFTER_S) -> Result:
        """Run a container in the foreground."""
        return self("run", "--bundle", bundle.directory, *options, bundle.id, caller=caller, timeout_s=timeout_s)

    def background(self, *args: str, caller: Caller = ROOT) -> Background:
        """Start a command and return while it goes on; ``end`` is called when the test is over."""
        path = os.path.join(self.work, f"out.{next(self._numbers)}")
        with open(path, "wb") as output:
            command = (*caller.prefix, self.path, "--root", self.root, *args)
            started = _start(command, caller, output.fileno(), output.fileno())
        self._background.append(Background(started, path))
        return self._background[-1]

    def run_in_background(self, bundle: Bundle, *options: str) -> Background:
        """Start ``run`` in the foreground form and return when its container is running."""
        running = self.background("run", "--bundle", bundle.directory, *options, bundle.id)
        eventually(lambda: '"running"' in self("state", bundle.id).stdout, f"{bundle.id} to run")
        return running

    def end(self) -> None:
        """Kill the commands in the background that go on."""
        for running in self._background:
            running.end()

    def ids(self) -> list[str]:
        """Return the containers that the state root names; dotted entries are the runtime's own."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(name for name in os.listdir(self.root) if not name.startswith("."))
        return []


class Background:
    """A command that goes on; its output and error go to one file."""

    def __init__(self, process: subprocess.Popen[bytes], path: str) -> None:
        self.process = process
        self._path = path

    def output(self) -> str:
        """Return what it has written so far."""
        return read(self._path)

    def wait(self, timeout_s: float = 10) -> int:
        """Wait for its end and return the status."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise RuntimeHung(f"still running after {timeout_s} s: {self.process.args!r}") from None

    def end(self) -> None:
        """Kill it with its session if it goes on."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Container:
    """A container that was created, as seen through the runtime's commands."""

    def __init__(self, runtime: Runtime, bundle: Bundle, created: Result, caller: Caller = ROOT) -> None:
        self.runtime = runtime
        self.bundle = bundle
        self.id = bundle.id
        self._caller = caller
        self._output = created.args, os.path.join(runtime.work, f"out.{_number(created)}")

    def command(self, *args: str, caller: Caller | None = None, timeout_s: float = _KILLED_AFTER_S) -> Result:
        """Run a command whose last argument is this container's id."""
        return self.runtime(*args, self.id, caller=caller or self._caller, timeout_s=timeout_s)

    def start(self) -> Result:
        """Start it; must succeed."""
        return self.command("start").succeed()

    def state(self) -> Json:
        """Return the parsed state."""
        state: Json = json.loads(self.command("state").succeed().stdout)
        return state

    @property
    def status(self) -> str:
        """The status that ``state`` reports."""
        return str(self.state()["status"])

    @property
    def pid(self) -> int:
        """The pid of init as ``state`` reports it."""
        return int(self.state()["pid"])

    def exec(self, *args: str, options: Sequence[str] = (), caller: Caller | None = None) -> Result:
        """Run a process in it."""
        return self.runtime("exec", *options, self.id, *args, caller=caller or self._caller)

    def kill(self, *args: str) -> Result:
        """Send a signal (SIGTERM when none is named)."""
        return self.runtime("kill", self.id, *args, caller=self._caller)

    def delete(self, *options: str) -> Result:
        """Delete it."""
        return self.command("delete", *options)

    def output(self) -> str:
        """Return what the container's processes have written to the stdout of ``create`` so far."""
        return read(self._output[1])

    def wait(self, timeout_s: float = 10) -> None:
        """Wait until init has ended and was reaped."""
        wait_for_exit(self.pid, timeout_s)

    def stop(self) -> None:
        """Kill init and wait for its end."""
        pid = self.pid
        self.kill("KILL").succeed()
        wait_for_exit(pid)


def wait_for_exit(pid: int, timeout_s: float = 10) -> None:
    """Wait until a process that need not be ours is gone from /proc; pid 0 is gone already."""
    if pid == 0:
        return
    deadline = time.monotonic() + timeout_s
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            select.select([descriptor], [], [], timeout_s)
        finally:
            os.close(descriptor)
    eventually(lambda: not os.path.exists(f"/proc/{pid}"), f"the end of process {pid}", deadline - time.monotonic())


def eventually(condition: Any, what: str, timeout_s: float = 5) -> None:
    """Poll until a condition holds, or fail the test naming what was awaited."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:.1f} s in vain for {what}")
        time.sleep(0.005)


def kind(path: str) -> str:
    """Return which runtime a path leads to: ``runc``, ``crun``, else ``pyouki``."""
    name = os.path.basename(path)
    return next((known for known in ("runc", "crun") if name.startswith(known)), "pyouki")


def find(wanted: str) -> str:
    """Resolve $RUNTIME, a path or a name; ``pyouki`` is the checkout's own build when there is one.

    Raises:
        FileNotFoundError: neither the checkout nor PATH has it.
    """
    built = os.path.join(REPOSITORY, ".venv", "bin", "pyouki")
    if wanted == "pyouki" and os.path.exists(built):
        return built
    found = shutil.which(wanted)
    if found is None:
        raise FileNotFoundError(f"find the runtime {wanted!r}: not in PATH (hint: `make build` builds pyouki)")
    return os.path.abspath(found)


def read(path: str) -> str:
    """Return a file's text, empty when there is no file; bytes that are not UTF-8 are replaced."""
    with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
    return ""


def _run(command: Sequence[str], caller: Caller, stdout: int, stderr: int, timeout_s: float) -> int:
    process = _start(command, caller, stdout, stderr)
    try:
        return process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise RuntimeHung(f"{' '.join(command)}: still running after {timeout_s} s") from None


def _start(command: Sequence[str], caller: Caller, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=caller.stdin,
        stdout=stdout,
        stderr=stderr,
        env={"PATH": _PATH, **caller.env},
        cwd=caller.cwd,
        pass_fds=caller.pass_fds,
        start_new_session=True,
        user=caller.uid,
        group=caller.uid,
        extra_groups=None if caller.uid is None else [],
    )


def _number(result: Result) -> str:
    log = result.args[result.args.index("--log") + 1]
    return log.rpartition(".")[2]
