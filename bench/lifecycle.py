"""Runs one bundle through pyouki, runc and crun, interleaved, and prints what each command costs; judges nothing.

Every round takes the runtimes in another order, so that a change of the machine's load hits them alike; still, read
the figures as ratios. CPU is user and system time of a command with the children it waited for; a container's init
outlives its ``create`` and is counted by itself and added to the triple. Medians are printed, ``--json`` has all.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from tests.support import bundle as bundles
from tests.support import host
from tests.support import runtime as runtimes

_HERE = os.path.dirname(os.path.abspath(__file__))
_SECCOMP = os.path.join(runtimes.REPOSITORY, "tests", "contest", "data", "seccomp-docker.json")
_COMMANDS = ("create", "start", "state", "exec true", "delete")


@dataclass(frozen=True)
class Cost:
    """What one command, or a sum of them, took."""

    wall_ms: float = 0.0
    cpu_ms: float = 0.0
    rss_mib: float = 0.0
    orphans_cpu_ms: float = 0.0
    orphans_rss_mib: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        """Add times; of the peak RSS take the higher one."""
        return Cost(
            self.wall_ms + other.wall_ms,
            self.cpu_ms + other.cpu_ms,
            max(self.rss_mib, other.rss_mib),
            self.orphans_cpu_ms + other.orphans_cpu_ms,
            max(self.orphans_rss_mib, other.orphans_rss_mib),
        )


@dataclass
class Samples:
    """All measurements of one runtime."""

    costs: dict[str, list[Cost]] = field(default_factory=dict)
    waiting_kib: dict[str, list[float]] = field(default_factory=lambda: {"rss": [], "pss": []})

    def add(self, command: str, cost: Cost) -> None:
        """Keep one measurement."""
        self.costs.setdefault(command, []).append(cost)

    def median(self, command: str, column: str) -> float:
        """Return the median of one column, for example ``wall_ms``."""
        return statistics.median(float(getattr(cost, column)) for cost in self.costs[command])


class Spawner:
    """The C program that starts the commands and measures them."""

    def __init__(self, directory: str) -> None:
        program = os.path.join(directory, "spawner")
        subprocess.run(["gcc", "-static", "-O2", "-o", program, os.path.join(_HERE, "spawner.c")], check=True)
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")

    def run(self, *words: str) -> Cost:
        """Run a command, which must succeed."""
        status, cost = self._request(b"".join(word.encode() + b"\0" for word in words))
        if status != 0:
            raise SystemExit(f"{' '.join(words)}: exit status {status}")
        return cost

    def drain(self) -> Cost:
        """Wait until every process it started or adopted has ended."""
        return self._request(b"")[1]

    def close(self) -> None:
        """End it."""
        self._process.communicate()

    def _request(self, words: bytes) -> tuple[int, Cost]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(struct.pack("I", len(words)) + words)
        self._process.stdin.flush()
        status, wall_ns, cpu, rss, orphans_cpu, orphans_rss = map(int, self._process.stdout.readline().split())
        return status, Cost(wall_ns / 1e6, cpu / 1e3, rss / 1024, orphans_cpu / 1e3, orphans_rss / 1024)


class Contender:
    """A runtime with the command lines of one lifecycle."""

    def __init__(self, path: str, work: str, bundle: str, cold: bool) -> None:
        self.name = runtimes.kind(path)
        self.samples = Samples()
        self._command = (path, "--root", os.path.join(work, f"root-{self.name}"))
        self._bundle = bundle
        self._pid_file = os.path.join(work, f"pid-{self.name}")
        self._cold = cold

    def triple(self, spawner: Spawner) -> None:
        """Measure create, start and delete --force, one after the other, and their sum."""
        create = self._run(spawner, "create", "--bundle", self._bundle, "bench")
        start = self._run(spawner, "start", "bench")
        delete = self._run(spawner, "delete", "--force", "bench")
        rest = spawner.drain()
        total = create + start + delete + Cost(0, 0, 0, rest.orphans_cpu_ms, rest.orphans_rss_mib)
        for name, cost in (("create", create), ("start", start), ("delete", delete), ("triple", total)):
            self.samples.add(name, cost)

    def others(self, spawner: Spawner) -> None:
        """Measure state, exec and the memory of a container that waits for start."""
        self._run(spawner, "create", "--bundle", self._bundle, "--pid-file", self._pid_file, "bench")
        for kind, kib in _memory_kib(int(runtimes.read(self._pid_file))).items():
            self.samples.waiting_kib[kind].append(kib)
        self.samples.add("state", self._run(spawner, "state", "bench"))
        self._run(spawner, "start", "bench")
        self.samples.add("exec true", self._run(spawner, "exec", "bench", "true"))
        self._run(spawner, "delete", "--force", "bench")
        spawner.drain()

    def _run(self, spawner: Spawner, *words: str) -> Cost:
        if self._cold:
            os.sync()
            with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as caches:
                caches.write("3")
        return spawner.run(*self._command, *words)


def main() -> None:
    """Measure and print."""
    arguments = _parse()
    if reason := host.enter_private_mount_namespace():
        raise SystemExit(f"bench needs root: {reason}")
    if "/sys/fs/cgroup/unified" in host.mount_points("cgroup2"):
        # crun refuses a v2 hierarchy with controllers beside v1; the others are measured under the same conditions.
        host.mount("tmpfs", "/sys/fs/cgroup/unified", "tmpfs")
    _leave_the_shells_autogroup()
    _compile_modules()
    work = tempfile.mkdtemp(prefix="pyouki-bench-", dir="/tmp")
    idle = _cpu_ticks()
    try:
        contenders = _measure(arguments, work)
    finally:
        shutil.rmtree(work)
    note = _note(arguments, idle)
    if arguments.json:
        _print_json(contenders, note)
    else:
        _print_table(contenders, note)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="measurements of each runtime (15)")
    parser.add_argument("--cold", action="store_true", help="drop the page cache before every command")
    parser.add_argument("--seccomp", action="store_true", help="with Docker's default seccomp profile")
    parser.add_argument("--json", action="store_true", help="print every measurement")
    parser.add_argument(
        "--runtime", action="append", metavar="PATH", help="measure this one (again and again); default: all three"
    )
    return parser.parse_args()


def _measure(arguments: argparse.Namespace, work: str) -> list[Contender]:
    bundle = _make_bundle(work, arguments.seccomp)
    paths = [path for path in map(_find, arguments.runtime or ("pyouki", "runc", "crun")) if path]
    contenders = [Contender(path, work, bundle, arguments.cold) for path in paths]
    spawner = Spawner(work)
    for contender in contenders:  # caches and compiled filters are there before the first measurement
        contender.triple(spawner)
        contender.samples = Samples()
    for number in range(arguments.rounds):
        turn = number % len(contenders)
        for contender in contenders[turn:] + contenders[:turn]:
            contender.triple(spawner)
            contender.others(spawner)
    spawner.close()
    return contenders


def _find(name: str) -> str | None:
    try:
        return runtimes.find(name)
    except FileNotFoundError as error:
        print(f"not measured: {error}", file=sys.stderr)
        return None


def _make_bundle(work: str, with_seccomp: bool) -> str:
    template = bundles.RootfsTemplate(os.path.join(work, "template"), None)
    directory = os.path.join(work, "bundle")
    made = bundles.make(directory, "bench", template, None, ["sleep", "1000"])
    if with_seccomp:
        made.config["linux"]["seccomp"] = json.loads(runtimes.read(_SECCOMP))
        made.write()
    return directory


def _memory_kib(pid: int) -> dict[str, float]:
    found = {}
    for line in runtimes.read(f"/proc/{pid}/smaps_rollup").splitlines():
        name, _, value = line.partition(":")
        if name in ("Rss", "Pss"):
            found[name.lower()] = float(value.split()[0])
    return found


def _leave_the_shells_autogroup() -> None:
    """Compete for the CPU as a session of our own: with autogroup, nice has no effect between sessions."""
    with contextlib.suppress(OSError):
        os.setsid()
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w", encoding="ascii") as group:
        group.write("-20")


def _compile_modules() -> None:
    """Write the byte code a checkout lacks and an installed wheel has."""
    packages = os.path.join(runtimes.REPOSITORY, "packages")
    sources = [os.path.join(packages, name, "src") for name in os.listdir(packages)]
    subprocess.run([sys.executable, "-m", "compileall", "-q", *sources], check=True, stdout=subprocess.DEVNULL)


def _cpu_ticks() -> tuple[int, int]:
    ticks = [int(word) for word in runtimes.read("/proc/stat").splitlines()[0].split()[1:9]]
    return ticks[3], sum(ticks)


def _note(arguments: argparse.Namespace, before: tuple[int, int]) -> str:
    idle, total = (now - then for now, then in zip(_cpu_ticks(), before, strict=True))
    conditions = ["cold: page cache dropped before each command" if arguments.cold else "warm"]
    conditions += ["Docker's seccomp profile"] if arguments.seccomp else []
    conditions += [f"medians of {arguments.rounds} rounds", f"load {os.getloadavg()[0]:.1f}"]
    return ", ".join([*conditions, f"{os.cpu_count()} CPUs {100 * idle // max(total, 1)} % idle meanwhile"])


def _print_table(contenders: list[Contender], note: str) -> None:
    names = [contender.name for contender in contenders]
    ratios = [f"{names[0]}/{name}" for name in names[1:]]
    print(note)
    print("".join(f"{head:>14}" for head in ("", "", *names, *ratios)))
    for command in ("triple", *_COMMANDS):
        rows = [("CPU ms", "cpu_ms"), ("wall ms", "wall_ms"), ("peak RSS MiB", "rss_mib")]
        if command == "triple":
            rows = [("CPU+init ms", "all"), ("CPU ms", "cpu_ms"), ("init CPU ms", "orphans_cpu_ms"), *rows[1:]]
            rows.append(("init RSS MiB", "orphans_rss_mib"))
        for label, column in rows:
            _print_row(command, label, [_value(contender.samples, command, column) for contender in contenders])
    for kind in ("rss", "pss"):
        values = [statistics.median(contender.samples.waiting_kib[kind]) for contender in contenders]
        _print_row("waiting init", f"{kind.capitalize()} KiB", values)
    print("triple = create + start + delete --force; runc's delete --force holds a fixed sleep of 100 ms")


def _value(samples: Samples, command: str, column: str) -> float:
    if column == "all":
        return statistics.median(cost.cpu_ms + cost.orphans_cpu_ms for cost in samples.costs[command])
    return samples.median(command, column)


def _print_row(command: str, label: str, values: list[float]) -> None:
    ratios = [f"{values[0] / value:.2f}" if value else "-" for value in values[1:]]
    print("".join(f"{cell:>14}" for cell in (command, label, *(f"{value:.1f}" for value in values), *ratios)))


def _print_json(contenders: list[Contender], note: str) -> None:
    measured = {
        contender.name: {
            "commands": {name: [vars(cost) for cost in costs] for name, costs in contender.samples.costs.items()},
            "waiting_kib": contender.samples.waiting_kib,
        }
        for contender in contenders
    }
    print(json.dumps({"note": note, "runtimes": measured}, indent=1))


if __name__ == "__main__":
    main()
