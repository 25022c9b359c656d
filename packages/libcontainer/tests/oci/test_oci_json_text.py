"""The JSON shim against the public json as oracle."""

from __future__ import annotations

import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libcontainer.oci import json_text

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5), max_leaves=30
)
CLEAN_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
JSONISH = st.text(st.sampled_from('{}[]":,0123456789.eE+-truefalsn \n\t\\u"aNI'), max_size=40)


@given(VALUES)
def test_what_is_written_is_read_again_by_both_parsers(value: object) -> None:
    text = json_text.dumps(value)

    assert text == json.dumps(value, separators=(",", ":"))
    assert json_text.loads(text) == json.loads(text) == value


@given(JSONISH)
def test_text_is_accepted_exactly_when_the_public_parser_accepts_it(text: str) -> None:
    def refuse(name: str) -> None:
        raise ValueError(name)

    expected: tuple[object, ...]
    found: tuple[object, ...]
    try:
        expected = (json.loads(text, parse_constant=refuse),)
    except ValueError:
        expected = ()
    try:
        found = (json_text.loads(text),)
    except ValueError:
        found = ()

    assert found == expected or (expected and "out of range" in refusal(text))


def refusal(text: str) -> str:
    try:
        json_text.loads(text)
    except ValueError as error:
        return str(error)
    return ""


@given(st.binary(max_size=60))
def test_untrusted_bytes_give_a_value_or_a_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        json_text.loads_untrusted(data)


@given(st.dictionaries(CLEAN_TEXT, CLEAN_TEXT))
def test_untrusted_documents_without_tricks_are_read(value: dict[str, str]) -> None:
    assert json_text.loads_untrusted(json.dumps(value)) == value
    assert json_text.loads_untrusted(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "expected a value at line 1 column 1"),
        (b'{"a":1,\n"b":}', "expected a value at line 2 column 5"),
        (b'{"a" 1}', "expecting ':' delimiter at line 1 column 6"),
        (b'{"a":1} x', "unexpected data after the document at line 1 column 9"),
        (b'{"a":1,"a":2}', "key 'a' comes twice in an object"),
        (b'{"x":{"\\u0061":1,"a":2}}', "key 'a' comes twice in an object"),
        (b"\xef\xbb\xbf{}", "starts with a byte order mark"),
        (b'"\xff"', "not UTF-8 at byte 1"),
        (b'"\xed\xa0\x80"', "not UTF-8 at byte 1"),
        (b'"\\ud800"', "a string holds half of a surrogate pair: '\\ud800'"),
        (b'{"\\uDC00":1}', "a string holds half of a surrogate pair: '\\udc00'"),
        (b'["\\u0000"]', "a string holds a NUL character: '\\x00'"),
        (b'"a\nb"', "invalid control character at line 1 column 3"),
        (b"NaN", "NaN is not JSON"),
        (b"-Infinity", "-Infinity is not JSON"),
        (b"1e999", "number 1e999 is out of range"),
        (b"1" * 5000, "an integer has too many digits"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_refusal_of_an_untrusted_document_says_why(text: bytes, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        json_text.loads_untrusted(text)

    assert str(caught.value) == message


def test_escapes_that_only_look_like_tricks_are_read() -> None:
    assert json_text.loads_untrusted(rb'["\\u0000", "\\ud800", "\ud83d\ude00"]') == [r"\u0000", r"\ud800", "\U0001f600"]


def test_our_own_documents_may_hold_names_that_are_not_utf_8() -> None:
    name = b"/tmp/\xff".decode(errors="surrogateescape")

    assert json_text.loads(json_text.dumps({"bundle": name})) == {"bundle": name}


@pytest.mark.parametrize("value", [{1, 2}, object(), b"x", {"a": [object]}], ids=repr)
def test_values_that_are_not_json_are_not_written(value: object) -> None:
    with pytest.raises(TypeError, match=r"cannot be written as JSON$"):
        json_text.dumps(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, [-math.inf]], ids=repr)
def test_numbers_that_are_not_json_are_not_written(value: object) -> None:
    with pytest.raises(ValueError, match=r"not JSON compliant"):
        json_text.dumps(value)
