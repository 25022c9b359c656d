"""Lists of processors and memory nodes such as ``0-3,7``, the list format of cpuset(7); not for hexadecimal masks."""

from __future__ import annotations

HIGHEST = 1 << 16
"""Numbers from here on are refused: far above what any kernel is built for, and ``0-4294967295`` is a lot of memory."""


def parse(text: str) -> list[int]:
    """Return the numbers of a list in ascending order, each once; blanks around the commas are allowed.

    Raises:
        ValueError: the text is not a list, is empty, or holds a range that runs backwards.
    """
    numbers: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        low = _number(first, text)
        high = _number(last, text) if dash else low
        if high < low:
            raise ValueError(f"range {part.strip()!r} of {text!r} runs backwards")
        numbers.update(range(low, high + 1))
    return sorted(numbers)


def _number(digits: str, text: str) -> int:
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"{text!r} is not a list such as 0-3,7")
    if len(digits) > 9 or int(digits) >= HIGHEST:
        raise ValueError(f"{digits} in {text!r} is too large, the highest number is {HIGHEST - 1}")
    return int(digits)
