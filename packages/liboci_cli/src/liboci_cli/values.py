"""Convert sizes and durations as people and Go programs write them; not signals, ids or paths."""

from __future__ import annotations

SIZE_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}
"""Binary units, as docker and runc take them for memory."""

DURATION_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
"""Seconds in the units of Go's time.ParseDuration; the micro sign and the Greek letter are different characters."""

SIZE_MAX = 2**63 - 1

DURATION_MAX_S = (2**63 - 1) / 1e9
"""The longest duration of Go, 292 years."""

_DIGITS_MAX = 100


def parse_size(text: str) -> int:
    """Return the bytes in a text such as 4096, 10m, 1.5G or 512KiB; -1 stands for no limit.

    Raises:
        ValueError: it is no such text, is negative otherwise, or does not fit in 63 bits.
    """
    if text == "-1":
        return -1
    number, unit = _split_number(text)
    unit = unit.strip().lower().removesuffix("b").removesuffix("i")
    if not number or unit not in SIZE_UNITS:
        raise ValueError(f"size {text!r}: expected a number and one of the units k, m, g, t, p, or -1")
    # Integers throughout: above 2**53 a float would be off by some bytes.
    whole, _, fraction = number.partition(".")
    digits = int(whole + fraction)
    size: int = digits * SIZE_UNITS[unit] // 10 ** len(fraction)
    if size > SIZE_MAX:
        raise ValueError(f"size {text!r}: larger than {SIZE_MAX} bytes")
    return size


def parse_duration(text: str) -> float:
    """Return the seconds in a text such as 5s, 1m30s or 250ms; a bare number is seconds.

    Raises:
        ValueError: it is no such text, is negative, or longer than 292 years.
    """
    number, remaining = _split_number(text)
    seconds = 0.0
    if number and not remaining:
        seconds = float(number)
    elif not text:
        raise _bad_duration(text)
    else:
        remaining = text
        while remaining:
            number, remaining = _split_number(remaining)
            unit = _leading_letters(remaining)
            if not number or unit not in DURATION_UNITS:
                raise _bad_duration(text)
            remaining = remaining[len(unit) :]
            seconds += float(number) * DURATION_UNITS[unit]
    if seconds > DURATION_MAX_S:
        raise ValueError(f"duration {text!r}: longer than 292 years")
    return seconds


def _bad_duration(text: str) -> ValueError:
    return ValueError(f"duration {text!r}: expected numbers with units ns, us, ms, s, m or h, such as 1m30s")


def _split_number(text: str) -> tuple[str, str]:
    """Split ASCII digits with at most one dot from what follows; the first is empty if there is no sane number."""
    end = 0
    while end < len(text) and text[end] in "0123456789.":
        end += 1
    number = text[:end]
    if number.count(".") > 1 or number in ("", ".") or len(number) > _DIGITS_MAX:
        return "", text
    return number, text[end:]


def _leading_letters(text: str) -> str:
    end = 0
    while end < len(text) and text[end] not in "0123456789.":
        end += 1
    return text[:end]
