"""Writes the table of scenarios, runtimes side by side, as Markdown; the results are those of ``tests/clients/run``.

tests/clients/table.py RESULTS.tsv... [--times TIMES.md]
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

_HERE = Path(__file__).resolve().parent

_TITLES = {
    "docker": "Docker",
    "podman": "Podman as root",
    "podman-rootless": "Podman as an ordinary user",
    "containerd": "containerd, by ctr",
    "kubernetes": "Kubernetes' path: containerd's CRI with a RuntimeClass handler",
    "buildah": "Buildah",
    "swarm": "Docker Swarm on two nodes",
}
_SCENARIO = re.compile(r"^# (?P<text>.+)\nscenario_(?P<name>[a-z0-9_]+)\(\)", re.MULTILINE)
_WORDS = {"ok": "passed", "fail": "**failed**", "skip": "skipped"}

_INTRODUCTION = """\
# Engines

Written by `tests/clients/table.py` from the results of `tests/clients/run`; `tests/clients/compare` does both for three
runtimes, `make test-clients` runs the scenarios of pyouki alone. A scenario is a short script of the engine's own
commands, below `tests/clients/scenarios`; it also fails when it leaves a process, a mount, a cgroup or a directory of
the runtime behind.
"""


@dataclass
class Results:
    """What one runtime achieved: engine, then scenario, to status and reason."""

    runtime: str
    versions: dict[str, str] = field(default_factory=dict)
    found: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)


def read_results(path: Path) -> Results:
    """Read a file of tests/clients/run: "#", version; then engine, scenario, status, milliseconds, reason."""
    results = Results(path.stem)
    for line in path.read_text().splitlines():
        engine, scenario, *rest = line.split("\t")
        if engine == "#":
            results.runtime = scenario.replace("version ", "")
        elif scenario == "-":
            results.versions[engine] = rest[2]
        else:
            status, _, reason = rest
            results.found.setdefault(engine, {})[scenario] = (status, re.sub(r"/tmp/cl\.\w+", "$WORK", reason))
    return results


def descriptions(engine: str) -> dict[str, str]:
    """Return the scenarios of an engine in the order of their files, each with its one line."""
    if engine == "kubernetes":
        module = ast.parse((_HERE / "cri" / "scenarios.py").read_text())
        functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
        return {name: ast.get_docstring(node) or "" for name, node in functions.items()}
    source = (_HERE / "engines" / f"{engine}.sh").read_text()
    files = re.findall(r'^scenario_files="(.*)"$', source, re.MULTILINE)[-1].split()
    found: dict[str, str] = {}
    for file in files:
        text = (_HERE / "scenarios" / f"{file}.sh").read_text()
        found.update((match["name"], match["text"]) for match in _SCENARIO.finditer(text))
    return found


def summary(runtimes: list[Results]) -> list[str]:
    """Count passed, failed and skipped scenarios for each engine."""
    lines = [_row("passed / failed / skipped", *(results.runtime for results in runtimes)), _rule(len(runtimes) + 1)]
    totals = [[0, 0, 0] for _ in runtimes]
    for engine, title in _TITLES.items():
        cells = []
        for results, total in zip(runtimes, totals, strict=True):
            statuses = [status for status, _ in results.found.get(engine, {}).values()]
            counts = [statuses.count(word) for word in _WORDS]
            total[:] = [a + b for a, b in zip(total, counts, strict=True)]
            cells.append(" / ".join(map(str, counts)))
        lines.append(_row(title, *cells))
    lines.append(_row("all", *(" / ".join(map(str, total)) for total in totals)))
    return lines


def section(engine: str, title: str, runtimes: list[Results]) -> list[str]:
    """Write the table of an engine, and below it why something failed or was skipped."""
    version = next((results.versions[engine] for results in runtimes if engine in results.versions), "")
    lines = [f"## {title}", "", f"{version}.", ""] if version else [f"## {title}", ""]
    lines += [_row("Scenario", *(results.runtime for results in runtimes)), _rule(len(runtimes) + 1)]
    reasons = []
    for name, text in descriptions(engine).items():
        cells = [results.found.get(engine, {}).get(name, ("", "")) for results in runtimes]
        if not any(status for status, _ in cells):
            continue
        lines.append(_row(text, *(_WORDS.get(status, "") for status, _ in cells)))
        told: dict[str, list[str]] = {}
        for results, (status, reason) in zip(runtimes, cells, strict=True):
            if status in ("fail", "skip"):
                told.setdefault(reason, []).append(results.runtime)
        reasons += [f"- {text}: {', '.join(names)}: {_code(reason)}" for reason, names in told.items()]
    return [*lines, "", *(["Why:", "", *reasons, ""] if reasons else [])]


def _code(reason: str) -> str:
    return f"`{reason.removeprefix('failed: ').replace('`', chr(39))}`"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _rule(columns: int) -> str:
    return "|" + "---|" * columns


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="+", type=Path)
    parser.add_argument("--times", type=Path, help="a section about times, taken as it is")
    parser.add_argument("--note", help="how these results came about, when not by one run of tests/clients/compare")
    arguments = parser.parse_args()
    runtimes = [read_results(path) for path in arguments.results]
    note = [f"**About these results:** {arguments.note}", ""] if arguments.note else []
    lines = [_INTRODUCTION, *note, *summary(runtimes), ""]
    if arguments.times:
        lines += [arguments.times.read_text()]
    for engine, title in _TITLES.items():
        if any(engine in results.found for results in runtimes):
            lines += section(engine, title, runtimes)
    sys.stdout.write("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
