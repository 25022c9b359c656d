"""The syntax of lists of processors and memory nodes, cpuset(7); not their existence."""

from __future__ import annotations


def is_list(text: str) -> bool:
    """Tell whether a text is a list of numbers and ascending ranges, such as ``0-3, 7``."""
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isascii() and first.isdigit()):
            return False
        if dash and not (last.isascii() and last.isdigit() and len(last) < 10 and int(first) <= int(last)):
            return False
    return True
