from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libcgroups import stats
from libcgroups.errors import FormatError
from libcgroups.stats import UNLIMITED, BlkioDeviceStat, PidStats, PSIData, PSIStats
from libcgroups.v1 import blkio

if TYPE_CHECKING:
    from pathlib import Path

KEYS = st.text(alphabet=st.characters(codec="ascii", categories=("Ll", "Nd"), include_characters="_."), min_size=1)
NUMBERS = st.integers(min_value=0, max_value=2**64 - 1)


@given(st.dictionaries(KEYS, NUMBERS))
def test_flat_keyed_files_are_read_back(values: dict[str, int]) -> None:
    text = "".join(f"{key} {value}\n" for key, value in values.items())

    assert stats.parse_flat_keyed(text) == values


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, NUMBERS.map(str))))
def test_nested_keyed_files_are_read_back(entries: dict[str, dict[str, str]]) -> None:
    lines = [" ".join([key, *(f"{name}={value}" for name, value in pairs.items())]) for key, pairs in entries.items()]

    assert stats.parse_nested_keyed("\n".join(lines)) == entries


def test_a_key_without_values_may_share_the_line_of_the_next() -> None:
    assert stats.parse_nested_keyed("7:7 7:6 rbytes=1 wbytes=2\n7:5 \n") == {
        "7:7": {},
        "7:6": {"rbytes": "1", "wbytes": "2"},
        "7:5": {},
    }


def test_a_device_without_a_number_is_left_out() -> None:
    assert blkio.parse_counters("(unknown) Read 1\n8:0 Read 2\nTotal 3\n") == (BlkioDeviceStat(8, 0, "Read", 2),)


@given(st.tuples(NUMBERS, NUMBERS))
def test_device_numbers_are_read_back(number: tuple[int, int]) -> None:
    assert stats.parse_device_number(f"{number[0]}:{number[1]}") == number


@given(st.sets(st.integers(0, 200)))
def test_number_lists_are_read_back(numbers: set[int]) -> None:
    assert stats.parse_number_list(",".join(map(str, sorted(numbers)))) == tuple(sorted(numbers))


def test_ranges_in_number_lists_are_expanded() -> None:
    assert stats.parse_number_list("0-2,7\n") == (0, 1, 2, 7)


@pytest.mark.parametrize(
    "parse",
    [
        stats.parse_value,
        stats.parse_flat_keyed,
        stats.parse_nested_keyed,
        stats.parse_device_number,
        stats.parse_pressure,
        stats.parse_number_list,
        blkio.parse_counters,
    ],
)
@given(text=st.text(max_size=60) | st.text(alphabet="0123456789:-=,. \nmaxsomefull", max_size=60))
def test_parsers_understand_or_say_why_not(parse: object, text: str) -> None:
    assert callable(parse)

    try:
        parse(text)
        complaint = "expected nothing else"
    except FormatError as error:
        complaint = str(error)

    assert complaint.startswith("expected ")


def test_max_is_the_largest_number() -> None:
    assert stats.parse_value("max\n") == UNLIMITED


def test_a_malformed_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "pids.current").write_text("many\n")

    with pytest.raises(FormatError) as caught:
        stats.parse_single_value(f"{tmp_path}/pids.current")

    assert str(caught.value) == f"read {tmp_path}/pids.current: expected a number or max, got 'many'"


def test_pressure_is_read() -> None:
    text = "some avg10=0.12 avg60=1.00 avg300=12.34 total=123456\nfull avg10=0.00 avg60=0.50 avg300=0.00 total=654321\n"

    assert stats.parse_pressure(text) == PSIStats(
        some=PSIData(0.12, 1.0, 12.34, 123456), full=PSIData(0.0, 0.5, 0.0, 654321)
    )


def test_pressure_without_full_is_read() -> None:
    assert stats.parse_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n").some.total == 7


def test_pressure_that_is_not_measured_is_none(tmp_path: Path) -> None:
    assert stats.psi_stats(f"{tmp_path}/cpu.pressure") is None


def test_no_limit_of_tasks_is_zero(tmp_path: Path) -> None:
    (tmp_path / "pids.current").write_text("3\n")
    (tmp_path / "pids.max").write_text("max\n")

    assert stats.pid_stats(str(tmp_path)) == PidStats(current=3, limit=0, peak=0)


def test_page_sizes_are_spelled_as_the_kernel_spells_them(tmp_path: Path) -> None:
    for size in ("hugepages-64kB", "hugepages-2048kB", "hugepages-1048576kB", "hugepages-16777216kB"):
        (tmp_path / size).mkdir()

    assert stats.supported_page_sizes(str(tmp_path)) == ["64KB", "2MB", "1GB", "16GB"]


def test_a_kernel_without_huge_pages_has_no_page_sizes(tmp_path: Path) -> None:
    assert stats.supported_page_sizes(f"{tmp_path}/none") == []


def test_block_device_counters_are_read_without_the_total() -> None:
    text = "8:0 Read 100\n8:0 Write 20\n8:16 5\nTotal 125\n"

    assert blkio.parse_counters(text) == (
        BlkioDeviceStat(8, 0, "Read", 100),
        BlkioDeviceStat(8, 0, "Write", 20),
        BlkioDeviceStat(8, 16, "", 5),
    )
