from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libcontainer import signals


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("SIGTERM", 15), ("TERM", 15), ("term", 15), ("sigKill", 9), ("9", 9), ("0", 0), ("64", 64), ("018", 18),
        ("IOT", 6), ("SIGCLD", 17), ("POLL", 29), ("SIGSTKFLT", 16), ("SIGRTMIN", 34), ("RTMIN+0", 34),
        ("sigrtmin+3", 37), ("SIGRTMAX-1", 63), ("rtmax", 64),
    ],
)  # fmt: skip
def test_signal_is_known_by_name_and_number(text: str, number: int) -> None:
    assert signals.parse(text) == number


@pytest.mark.parametrize(
    "text", ["", "SIG", "SIGBOGUS", "65", "-1", "+1", "0x9", " TERM", "TERM ", "SIGSIGTERM", "_DFL", "SIG_IGN",
             "RTMIN+31", "RTMAX-31", "RTMIN-1", "RTMIN+", "RTMIN+-1", "１５", "99999999999999999999"]
)  # fmt: skip
def test_anything_else_is_unknown(text: str) -> None:
    with pytest.raises(ValueError, match=r"^unknown signal ") as caught:
        signals.parse(text)

    assert str(caught.value) == f'unknown signal "{text}"'


@pytest.mark.parametrize("number", range(1, 65))
def test_name_of_every_number_is_parsed_to_that_number(number: int) -> None:
    assert signals.parse(signals.name_of(number)) == number


@pytest.mark.parametrize(("number", "name"), [(6, "SIGABRT"), (17, "SIGCHLD"), (29, "SIGIO"), (37, "SIGRTMIN+3")])
def test_usual_name_is_shown(number: int, name: str) -> None:
    assert signals.name_of(number) == name


@given(st.text())
def test_parse_never_fails_otherwise(text: str) -> None:
    number = 0
    with contextlib.suppress(ValueError):
        number = signals.parse(text)

    assert 0 <= number <= 64
