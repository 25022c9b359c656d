"""Counts what pyouki, runc and crun do in the cgroup file systems for a container with ten limits; judges nothing.

Counts are of system calls on files below /sys/fs/cgroup, taken with strace. The same config gives the same number,
whatever else the machine does, but where a runtime polls, as crun does while it deletes. Time is what the kernel
spent on the calls. libcgroups, the library in pyouki, is also called in this process, without strace. Runs on cgroup v1
and v2; docs/explanation/performance.md says how to run it in the guest.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import conditions
import table

from libcgroups import CgroupConfig, ControllerOpt, create_cgroup_manager
from libcgroups.resources import LinuxCPU, LinuxMemory, LinuxPids, LinuxResources
from tests.support import bundle as bundles
from tests.support import host
from tests.support import runtime as runtimes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.bundle import Json

_MIB = 1 << 20
_KINDS = {
    "open": ("open", "openat", "openat2", "creat"),
    "read": ("read", "pread64", "getdents64"),
    "write": ("write", "pwrite64"),
    "make, remove": ("mkdir", "mkdirat", "rmdir", "unlinkat"),
    "look": ("stat", "lstat", "newfstatat", "statx", "fstat", "access", "faccessat", "faccessat2", "statfs", "fstatfs"),
}
_CALLS = {call: kind for kind, calls in _KINDS.items() for call in calls}
# openat(5</sys/fs/cgroup>, "pids", …) = 6</sys/fs/cgroup/pids> <0.000012>
_TRACED = re.compile(r"^(\w+)\(.*/sys/fs/cgroup[/\"> ].*<([\d.]+)>$")
_UNFINISHED = " <unfinished ...>"
_RESUMED = re.compile(r"^<\.\.\. \w+ resumed>")
_TIMEOUT_S = 60.0


@dataclass
class Work:
    """What one command did in the cgroup file systems."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_KINDS, 0))
    kernel_ms: float = 0.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30, help="measurements of the library (30)")
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    arguments = parser.parse_args()
    conditions.set_up()
    is_v2 = "/sys/fs/cgroup" in host.mount_points("cgroup2")
    version = "cgroup v2" if is_v2 else "cgroup v1"
    paths = conditions.find(None)
    work = tempfile.mkdtemp(prefix="pyouki-bench-", dir="/tmp")
    try:
        note = conditions.Note(version, "calls on files below /sys/fs/cgroup, counted once", "time in the kernel")
        commands = [_trace(path, work, is_v2) for path in paths]
        names = [runtimes.kind(path) for path in paths]
        table.show(names, _rows(commands), str(note), markdown=arguments.markdown)
        note = conditions.Note(version, "libcgroups in one process", f"medians of {arguments.rounds} rounds")
        table.show(["libcgroups"], _time_library(arguments.rounds, is_v2), str(note), markdown=arguments.markdown)
    finally:
        shutil.rmtree(work)


def _limits(is_v2: bool) -> Json:
    """Return linux.resources with ten limits; the tenth is one that the other version does not have."""
    limits: Json = {
        "cpu": {"shares": 512, "quota": 50000, "period": 100000, "cpus": "0", "mems": "0"},
        "memory": {"limit": 64 * _MIB, "reservation": 32 * _MIB, "swap": 96 * _MIB},
        "pids": {"limit": 50},
    }
    if is_v2:
        limits["unified"] = {"memory.high": str(48 * _MIB)}
    else:
        limits["memory"]["swappiness"] = 10
    return limits


def _trace(path: str, work: str, is_v2: bool) -> dict[str, Work | None]:
    """Take a container with ten limits from create to delete and return what each command did."""
    name = runtimes.kind(path)
    template = bundles.RootfsTemplate(os.path.join(work, f"template-{name}"), None)

    def limit(config: Json) -> None:
        config["linux"]["resources"] = _limits(is_v2)
        # Its cgroup is not looked at from inside: mounting it would be counted as well.
        config["mounts"] = [mount for mount in config["mounts"] if mount["destination"] != "/sys/fs/cgroup"]

    cgroups_path = f"/pyouki-bench-{os.getpid()}-{name}"
    bundle = bundles.make(os.path.join(work, name), name, template, cgroups_path, ["sleep", "1000"], limit)
    command = (path, "--root", os.path.join(work, f"root-{name}"))
    steps = {
        "create": ("create", "--bundle", bundle.directory, "bench"),
        "events --stats": ("events", "--stats", "bench") if name != "crun" else None,
        "delete": ("delete", "--force", "bench"),
    }
    log = os.path.join(work, f"trace-{name}-")
    try:
        return {step: _run(f"{log}{words[0]}", (*command, *words)) if words else None for step, words in steps.items()}
    finally:
        subprocess.run([*command, "delete", "--force", "bench"], check=False, capture_output=True)


def _run(log: str, command: tuple[str, ...]) -> Work:
    """Run a command below strace until it ends, which its container need not, and return what it did."""
    # -I2: with -o, strace would not hear the signal that ends it.
    strace = ["strace", "-I2", *"-f -y -T -s 64 -e".split(), "trace=" + ",".join(f"?{call}" for call in _CALLS)]
    tracer = subprocess.Popen(
        [*strace, "-o", log, *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        status = _wait_for_first(log, tracer)
    finally:
        tracer.terminate()  # it lets the container go on
        tracer.wait(_TIMEOUT_S)
    if status != 0:
        raise SystemExit(f"{' '.join(command)}: exit status {status}")
    work = Work()
    for call in _whole_calls(runtimes.read(log)):
        if (match := _TRACED.match(call)) and match[1] in _CALLS:
            work.counts[_CALLS[match[1]]] += 1
            work.kernel_ms += 1000 * float(match[2])
    return work


def _whole_calls(trace: str) -> Iterator[str]:
    """Return the calls of a trace without the pid; those that another process interrupted are put together."""
    begun: dict[str, str] = {}
    for line in trace.splitlines():
        pid, call = line.split(maxsplit=1)
        if call.endswith(_UNFINISHED):
            begun[pid] = call.removesuffix(_UNFINISHED)
        elif match := _RESUMED.match(call):
            yield begun.pop(pid, "") + call[match.end() :]
        else:
            yield call


def _wait_for_first(log: str, tracer: subprocess.Popen[bytes]) -> int:
    """Wait until the first process of a trace ends and return its status."""
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline:
        is_over = tracer.poll() is not None
        text = runtimes.read(log)
        pid = text.split(" ", 1)[0]
        if pid and (match := re.search(rf"^{pid} +\+\+\+ exited with (\d+) \+\+\+$", text, re.MULTILINE)):
            return int(match[1])
        if is_over:
            raise SystemExit(f"{tracer.args!r}: ended early")
        time.sleep(0.02)
    raise SystemExit(f"{tracer.args!r}: still running after {_TIMEOUT_S} s")


def _rows(commands: list[dict[str, Work | None]]) -> list[table.Row]:
    rows = []
    for step in commands[0]:
        works = [command[step] for command in commands]
        totals = [sum(work.counts.values()) if work else None for work in works]
        rows.append(table.Row(step, "calls", totals, digits=0))
        rows += [table.Row(step, kind, [work.counts[kind] if work else None for work in works], 0) for kind in _KINDS]
        rows.append(table.Row(step, "kernel ms", [work.kernel_ms if work else None for work in works]))
    return rows


def _time_library(rounds: int, is_v2: bool) -> list[table.Row]:
    """Time a cgroup's life in this process: create, apply, read statistics, remove."""
    limits = _limits(is_v2)
    resources = LinuxResources(
        cpu=LinuxCPU(**limits["cpu"]),
        memory=LinuxMemory(**limits["memory"]),
        pids=LinuxPids(**limits["pids"]),
        unified=limits.get("unified", {}),
    )
    lives = [_time_life(resources) for _ in range(rounds)]
    return [
        table.Row(step, "wall ms", [statistics.median(life[step] for life in lives)], digits=2) for step in lives[0]
    ]


def _time_life(resources: LinuxResources) -> dict[str, float]:
    """Return how long each step of one cgroup's life took, in ms."""
    path = f"/pyouki-bench-{os.getpid()}-library"
    manager = create_cgroup_manager(CgroupConfig(container_name="bench", cgroup_path=path))
    steps: dict[str, Callable[[], object]] = {
        "create": lambda: manager.create(resources),
        "apply": lambda: manager.apply(ControllerOpt(resources=resources)),
        "stats": manager.stats,
        "remove": manager.remove,
    }
    taken = {}
    try:
        for step, act in steps.items():
            began = time.perf_counter()
            act()
            taken[step] = 1000 * (time.perf_counter() - began)
    finally:
        manager.remove()
    return taken


if __name__ == "__main__":
    main()
