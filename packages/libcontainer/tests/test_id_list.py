from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libcontainer import id_list


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0", [0]), ("0-3,7", [0, 1, 2, 3, 7]), ("7, 1-2 ,1", [1, 2, 7]), ("65535", [65535])],
)
def test_list_is_parsed(text: str, numbers: list[int]) -> None:
    assert id_list.parse(text) == numbers


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not a list such as 0-3,7"),
        ("0,", "'0,' is not a list such as 0-3,7"),
        ("-1", "'-1' is not a list such as 0-3,7"),
        ("1-2-3", "'1-2-3' is not a list such as 0-3,7"),
        ("a", "'a' is not a list such as 0-3,7"),
        ("3-1", "range '3-1' of '3-1' runs backwards"),
        ("0-4294967295", "4294967295 in '0-4294967295' is too large, the highest number is 65535"),
    ],
)
def test_fault_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"list|range|large") as caught:
        id_list.parse(text)

    assert str(caught.value) == message


@given(st.sets(st.integers(0, 200), min_size=1))
def test_every_list_comes_back(numbers: set[int]) -> None:
    assert id_list.parse(",".join(map(str, numbers))) == sorted(numbers)


@given(st.text(alphabet="0123456789-, ax١", max_size=30))
def test_parse_refuses_with_a_value_error_only(text: str) -> None:
    try:
        numbers = id_list.parse(text)
    except ValueError:
        return
    assert numbers == sorted(set(numbers))
