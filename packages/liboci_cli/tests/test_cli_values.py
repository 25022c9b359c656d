"""Sizes and durations."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liboci_cli.values import DURATION_UNITS, SIZE_MAX, SIZE_UNITS, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("-1", -1),
        ("10m", 10 * 2**20),
        ("10MB", 10 * 2**20),
        ("10 MiB", 10 * 2**20),
        ("1.5g", 3 * 2**29),
        ("100b", 100),
        ("9223372036854775807", SIZE_MAX),
    ],
)
def test_sizes_are_bytes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "m", "-2", "10x", "1..5g", ".", "1m2k", "٣", "1e3", "nan", "10mm", "9" * 5000])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^size '.*': expected a number and one of the units k, m, g, t, p, or -1$"):
        parse_size(text)


@pytest.mark.parametrize("text", ["9223372036854775808", "8192p", "9" * 90, "9" * 90 + ".0k"])
def test_a_size_that_no_cgroup_file_takes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^size '.*': larger than 9223372036854775807 bytes$"):
        parse_size(text)


@given(st.integers(0, 2**13 - 1), st.sampled_from([*SIZE_UNITS]), st.sampled_from(["", "b", "B"]))
def test_a_size_is_its_number_times_its_unit(number: int, unit: str, suffix: str) -> None:
    assert parse_size(f"{number}{unit}{suffix}") == min(number * SIZE_UNITS[unit], SIZE_MAX)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5s", 5), ("1m30s", 90), ("1.5h", 5400), ("250ms", 0.25), ("7", 7), ("0", 0), (".5s", 0.5), ("3µs", 3e-6)],
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "-5s", "5x", "1m30", "5 s", "1..5s", "٣s", "inf", "1e3s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^duration '.*': expected numbers with units ns, us, ms, s, m or h, "):
        parse_duration(text)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from([*DURATION_UNITS])), min_size=1, max_size=4))
def test_a_duration_is_the_sum_of_its_parts(parts: list[tuple[int, str]]) -> None:
    text = "".join(f"{number}{unit}" for number, unit in parts)

    assert parse_duration(text) == pytest.approx(sum(number * DURATION_UNITS[unit] for number, unit in parts))


@given(st.text())
def test_no_text_makes_them_fail_otherwise(text: str) -> None:
    with suppress(ValueError):
        assert parse_size(text) >= -1
    with suppress(ValueError):
        assert parse_duration(text) >= 0


@pytest.mark.parametrize("text", ["9" * 90, "2562048h"])
def test_a_duration_of_centuries_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^duration '.*': longer than 292 years$"):
        parse_duration(text)
