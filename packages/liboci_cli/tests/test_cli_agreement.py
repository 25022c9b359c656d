"""Where the fast parser answers, typer gives the same answer."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liboci_cli.parse import BOOLEANS, Invocation, parse
from liboci_cli.table import COMMANDS, GlobalOptions, load
from liboci_cli.typer_app import Outcome, parse_slowly

if TYPE_CHECKING:
    from collections.abc import Iterable

    from liboci_cli.options import Command, Parameter

ODD_WORDS = ["", "-", "--", "---", "-h", "--help", "=", "--=", "-x", "--unknown", "\udcff", "a b", "help", "web", "-1"]


def joined(parts: Iterable[list[str]]) -> list[str]:
    return [*chain.from_iterable(parts)]


def value_of(parameter: Parameter) -> st.SearchStrategy[str]:
    if parameter.is_number:
        number = st.integers(parameter.minimum, parameter.maximum).map(str)
        return number | st.integers().map(str) | st.sampled_from(["007", "0x10", "1_0", "+1", "", "-", "-0", "٣"])
    if parameter.choices:
        return st.sampled_from([*parameter.choices, "other", ""])
    return st.text(max_size=5) | st.sampled_from(ODD_WORDS)


def option_of(parameter: Parameter) -> st.SearchStrategy[list[str]]:
    name = st.sampled_from(parameter.names).flatmap(
        lambda spelling: st.sampled_from([spelling, "-" + spelling.lstrip("-"), "--" + spelling.lstrip("-")])
    )
    if parameter.is_flag:
        text = st.sampled_from([*BOOLEANS, "maybe", ""])
        return name.map(lambda n: [n]) | st.tuples(name, text).map(lambda pair: [f"{pair[0]}={pair[1]}"])
    pair = st.tuples(name, value_of(parameter))
    return pair.map(list) | pair.map(lambda both: [f"{both[0]}={both[1]}"])


def options_of(command: type[Command]) -> st.SearchStrategy[list[str]]:
    options = [p for p in command.parameters if p.is_option]
    if not options:
        return st.just([])
    return st.lists(st.sampled_from(options).flatmap(option_of), max_size=4).map(joined)


def line_of(name: str) -> st.SearchStrategy[list[str]]:
    command = load(COMMANDS, name)
    assert command is not None
    arguments = st.lists(
        st.sampled_from(["web", *ODD_WORDS]) | st.text(max_size=3), max_size=len(command.arguments) + 1
    )
    fitting = st.tuples(*(st.sampled_from(p.choices or ("web", "9")) for p in command.arguments)).map(list)
    return st.tuples(options_of(GlobalOptions), st.just([name]), options_of(command), fitting | arguments).map(joined)


LINES = st.sampled_from([*COMMANDS]).flatmap(line_of)


@st.composite
def mutated_lines(draw: st.DrawFn) -> list[str]:
    words = draw(LINES)
    for _ in range(draw(st.integers(0, 2))):
        position = draw(st.integers(0, len(words)))
        words[position : position + draw(st.integers(0, 1))] = draw(
            st.just([]) | st.sampled_from([*ODD_WORDS, *COMMANDS]).map(lambda word: [word])
        )
    return words


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated_lines())
def test_the_fast_parser_is_silent_or_agrees_with_typer(argv: list[str]) -> None:
    fast = parse(argv)
    slow = parse_slowly(argv, width=80, color=False)

    assert fast is None or fast == slow
    assert isinstance(slow, Invocation) or (slow.error is None) == (slow.exit_code == 0)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=6) | st.sampled_from([*COMMANDS, *ODD_WORDS]), max_size=5))
def test_no_words_make_the_parsers_fail(argv: list[str]) -> None:
    assert isinstance(parse(argv), Invocation | None)
    assert isinstance(parse_slowly(argv, width=80, color=False), Invocation | Outcome)
