from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libcgroups.systemd import gvariant
from libcgroups.systemd.dbus_native.errors import SerializeError
from libcgroups.systemd.dbus_native.serialize import Variant

# A busy machine says nothing about the code.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", Variant("b", True)),
        ("5", Variant("i", 5)),
        ("-0x10", Variant("i", -16)),
        ("1e3", Variant("d", 1000.0)),
        ("uint64 30000000", Variant("t", 30000000)),
        ("@y 7", Variant("y", 7)),
        ("double 3", Variant("d", 3.0)),
        ("'inactive-or-failed'", Variant("s", "inactive-or-failed")),
        (r'"tab\t quote\" é\u00e9"', Variant("s", 'tab\t quote" éé')),
        ("objectpath '/a/b'", Variant("o", "/a/b")),
        ("[1, 2]", Variant("ai", [1, 2])),
        ("[uint32 1, 2]", Variant("au", [1, 2])),
        ("@as []", Variant("as", [])),
        ("('a', 1)", Variant("(si)", ("a", 1))),
        ("(1,)", Variant("(i)", (1,))),
        ("@a(st) [('/dev/sda', 100)]", Variant("a(st)", [("/dev/sda", 100)])),
        ("{'a': <1>, 'b': <'x'>}", Variant("a{sv}", {"a": Variant("i", 1), "b": Variant("s", "x")})),
        ("@a{sv} {}", Variant("a{sv}", {})),
        (" < true > ", Variant("v", Variant("b", True))),
    ],
)
def test_text_becomes_a_typed_value(text: str, value: Variant) -> None:
    assert gvariant.parse(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "x", "1 2", "'a", "[1, 'a']", "[]", "{}", "()", "byte 256", "uint32 -1", "@zz 1", "@s 1", "int16 true",
     "{<1>: 2}", "[" * 200, r"'\uzzzz'", "5000000000", "nothing", "@(ss) ('a',)", "0xzz"],
)  # fmt: skip
def test_what_is_no_value_is_refused(text: str) -> None:
    with pytest.raises(SerializeError, match=r"^(gvariant|d-bus signature) "):
        gvariant.parse(text)


@unhurried
@given(st.text("0123456789-+.ex'\"\\[](){}<>,:@ abisuvtrue", max_size=30))
def test_foreign_text_is_a_value_or_an_error(text: str) -> None:
    try:
        value: object = gvariant.parse(text)
    except SerializeError as error:
        value = error

    assert isinstance(value, Variant | SerializeError)
