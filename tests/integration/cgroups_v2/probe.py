"""Run inside a cgroup: open device nodes and make some, as told on stdin; the error number of each goes to stdout.

A line is ``open PATH FLAGS`` or ``mknod PATH MODE DEVICE``, all numbers decimal.
"""

from __future__ import annotations

import os
import sys


def attempt(words: list[str]) -> int:
    """Return 0 or the error number."""
    try:
        if words[0] == "open":
            os.close(os.open(words[1], int(words[2]) | os.O_NONBLOCK | os.O_NOCTTY))
        else:
            os.mknod(words[1], int(words[2]), int(words[3]))
            os.unlink(words[1])
    except OSError as error:
        return error.errno or -1
    return 0


for line in sys.stdin:
    print(attempt(line.split()), flush=True)
