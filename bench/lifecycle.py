"""Runs one bundle through pyouki, runc and crun, interleaved, and prints what each command costs; judges nothing.

Every round takes the runtimes in another order, so that a change of the machine's load hits them alike; still, read
the figures as ratios. CPU is user and system time of a command with the children it waited for; a container's init
outlives its ``create`` and is counted by itself and added to the triple. Medians are printed, ``--json`` has all.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass, field

import conditions
import table
from spawner import Cost, Spawner

from tests.support import bundle as bundles
from tests.support import runtime as runtimes

_COMMANDS = ("create", "start", "state", "exec true", "ps -f json", "events --stats", "delete")
_COLUMNS = {"CPU ms": "cpu_ms", "wall ms": "wall_ms", "peak RSS MiB": "rss_mib"}


@dataclass
class Samples:
    """All measurements of one runtime."""

    costs: dict[str, list[Cost]] = field(default_factory=dict)
    waiting_kib: dict[str, list[float]] = field(default_factory=lambda: {"rss": [], "pss": []})

    def add(self, command: str, cost: Cost) -> None:
        """Keep one measurement."""
        self.costs.setdefault(command, []).append(cost)

    def median(self, command: str, *columns: str) -> float:
        """Return the median of one column, for example ``wall_ms``, or of the sum of several."""
        costs = self.costs[command]
        return statistics.median(sum(float(getattr(cost, column)) for column in columns) for cost in costs)


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
        """Measure the commands that look, exec, and the memory of a container that waits for start."""
        self._run(spawner, "create", "--bundle", self._bundle, "--pid-file", self._pid_file, "bench")
        for kind, kib in _memory_kib(int(runtimes.read(self._pid_file))).items():
            self.samples.waiting_kib[kind].append(kib)
        self._run(spawner, "start", "bench")
        for name, words in {
            "state": ("state", "bench"),
            "exec true": ("exec", "bench", "true"),
            "ps -f json": ("ps", "-f", "json", "bench"),
            "events --stats": ("events", "--stats", "bench"),
        }.items():
            if (self.name, words[0]) != ("crun", "events"):  # it has no such command
                self.samples.add(name, self._run(spawner, *words))
        self._run(spawner, "delete", "--force", "bench")
        spawner.drain()

    def value(self, command: str, *columns: str) -> float | None:
        """Return a median, None for a command that the runtime lacks."""
        return self.samples.median(command, *columns) if command in self.samples.costs else None

    def _run(self, spawner: Spawner, *words: str) -> Cost:
        if self._cold:
            os.sync()
            with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as caches:
                caches.write("3")
        return spawner.run(*self._command, *words)


def main() -> None:
    """Measure and print."""
    arguments = _parse()
    conditions.set_up()
    note = conditions.Note(
        "cold: page cache dropped before each command" if arguments.cold else "warm",
        "Docker's config, seccomp and devices" if arguments.docker else "the config of `spec`",
        f"medians of {arguments.rounds} rounds",
        "triple = create + start + delete --force, of which 100 ms are a fixed sleep in runc's delete",
    )
    work = tempfile.mkdtemp(prefix="pyouki-bench-", dir="/tmp")
    try:
        contenders, bare_ms = _measure(arguments, work)
    finally:
        shutil.rmtree(work)
    note.add(f"`python3 -I -S -B -c pass` takes {bare_ms:.1f} ms of CPU meanwhile")
    if arguments.json:
        _print_json(contenders, str(note))
    else:
        names = [contender.name for contender in contenders]
        table.show(names, _rows(contenders), str(note), markdown=arguments.markdown)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="measurements of each runtime (15)")
    parser.add_argument("--cold", action="store_true", help="drop the page cache before every command")
    parser.add_argument("--docker", action="store_true", help="with what Docker asks for by default")
    parser.add_argument("--json", action="store_true", help="print every measurement")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument(
        "--runtime", action="append", metavar="PATH", help="measure this one (again and again); default: all three"
    )
    return parser.parse_args()


def _measure(arguments: argparse.Namespace, work: str) -> tuple[list[Contender], float]:
    """Return the contenders with their samples, and the CPU time of a bare interpreter, to compare machines by."""
    template = bundles.RootfsTemplate(os.path.join(work, "template"), None)
    bundle = os.path.join(work, "bundle")
    bundles.make(bundle, "bench", template, None, ["sleep", "1000"], bundles.as_docker if arguments.docker else None)
    contenders = [Contender(path, work, bundle, arguments.cold) for path in conditions.find(arguments.runtime)]
    spawner = Spawner(work)
    for contender in contenders:  # caches and compiled filters are there before the first measurement
        contender.triple(spawner)
        contender.samples = Samples()
    bare: list[float] = []
    for number in range(arguments.rounds):
        turn = number % len(contenders)
        for contender in contenders[turn:] + contenders[:turn]:
            contender.triple(spawner)
            contender.others(spawner)
        bare.append(spawner.run(os.path.realpath(sys.executable), "-I", "-S", "-B", "-c", "pass").cpu_ms)
    spawner.close()
    return contenders, statistics.median(bare)


def _memory_kib(pid: int) -> dict[str, float]:
    found = {}
    for line in runtimes.read(f"/proc/{pid}/smaps_rollup").splitlines():
        name, _, value = line.partition(":")
        if name in ("Rss", "Pss"):
            found[name.lower()] = float(value.split()[0])
    return found


def _rows(contenders: list[Contender]) -> list[table.Row]:
    wanted = [
        ("triple", "CPU ms, init too", ("cpu_ms", "orphans_cpu_ms")),
        ("triple", "wall ms", ("wall_ms",)),
        ("triple", "peak RSS MiB", ("rss_mib",)),
        ("triple", "init peak RSS MiB", ("orphans_rss_mib",)),
        *((command, unit, (column,)) for command in _COMMANDS for unit, column in _COLUMNS.items()),
    ]
    rows = [
        table.Row(name, unit, [each.value(name, *columns) for each in contenders]) for name, unit, columns in wanted
    ]
    for kind in ("rss", "pss"):
        values = [statistics.median(contender.samples.waiting_kib[kind]) for contender in contenders]
        rows.append(table.Row("waiting container", f"{kind.capitalize()} KiB", values))
    return rows


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
