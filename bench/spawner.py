"""Starts commands through spawner.c and tells what each cost; what is measured and shown is others' business."""

from __future__ import annotations

import os
import struct
import subprocess
from dataclasses import dataclass

_HERE = os.path.dirname(os.path.abspath(__file__))


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
