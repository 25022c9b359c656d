from __future__ import annotations

import pytest
from dbus_next.message import Message as ForeignMessage
from dbus_next.signature import Variant as ForeignVariant
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libcgroups.systemd.dbus_native import message as messages
from libcgroups.systemd.dbus_native import serialize as wire
from libcgroups.systemd.dbus_native.errors import SerializeError
from libcgroups.systemd.dbus_native.message import Message
from libcgroups.systemd.dbus_native.serialize import Variant

# A busy machine says nothing about the code.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
NAMES = st.text("abcXYZ_09", min_size=1, max_size=5)
PATHS = st.one_of(st.just("/"), st.lists(NAMES, min_size=1, max_size=3).map(lambda names: "/" + "/".join(names)))
BASIC = {
    "y": st.integers(0, 2**8 - 1),
    "b": st.booleans(),
    "n": st.integers(-(2**15), 2**15 - 1),
    "q": st.integers(0, 2**16 - 1),
    "i": st.integers(-(2**31), 2**31 - 1),
    "u": st.integers(0, 2**32 - 1),
    "x": st.integers(-(2**63), 2**63 - 1),
    "t": st.integers(0, 2**64 - 1),
    "d": st.floats(allow_nan=False),
    "s": TEXT,
    "o": PATHS,
    "g": st.sampled_from(["", "s", "a(sv)", "ssa(sv)a(sa(sv))", "a{sv}"]),
}
SIGNATURES = st.recursive(
    st.sampled_from([*BASIC, "v"]),
    lambda inner: st.one_of(
        inner.map("a{}".format),
        st.lists(inner, min_size=1, max_size=4).map(lambda members: f"({''.join(members)})"),
        st.tuples(st.sampled_from("snu"), inner).map(lambda pair: f"a{{{pair[0]}{pair[1]}}}"),
    ),
    max_leaves=6,
)


def values_of(signature: str) -> st.SearchStrategy[object]:
    """Values of one complete type."""
    if signature in BASIC:
        return BASIC[signature]
    if signature == "v":
        inner = st.sampled_from(["s", "t", "as", "a(sv)", "(bu)", "ay"])
        return inner.flatmap(lambda code: values_of(code).map(lambda value: Variant(code, value)))
    if signature == "ay":
        return st.binary(max_size=9)
    if signature.startswith("a{"):
        return st.dictionaries(BASIC[signature[2]], values_of(signature[3:-1]), max_size=3)
    if signature[0] == "a":
        return st.lists(values_of(signature[1:]), max_size=3)
    return st.tuples(*(values_of(member) for member in wire.split_signature(signature[1:-1])))


TYPED = SIGNATURES.flatmap(lambda signature: st.tuples(st.just(signature), values_of(signature)))


def foreign(value: object) -> object:
    """The same value as dbus-next takes and gives it."""
    if isinstance(value, Variant):
        return ForeignVariant(value.signature, foreign(value.value))
    if isinstance(value, list | tuple):
        return [foreign(item) for item in value]
    if isinstance(value, dict):
        return {key: foreign(item) for key, item in value.items()}
    return value


@unhurried
@given(TYPED)
def test_values_are_read_back(typed: tuple[str, object]) -> None:
    signature, value = typed

    assert wire.deserialize(signature, wire.serialize(signature, (value,))) == (value,)


@unhurried
@given(st.lists(TYPED, max_size=3), st.integers(1, 2**32 - 1), PATHS)
def test_messages_are_those_of_dbus_next(arguments: list[tuple[str, object]], serial: int, path: str) -> None:
    signature = "".join(code for code, _ in arguments)
    values = tuple(value for _, value in arguments)
    ours = messages.method_call(serial, "org.example.Name", path, "org.example.Interface", "Member", signature, values)
    theirs = ForeignMessage(
        destination="org.example.Name",
        path=path,
        interface="org.example.Interface",
        member="Member",
        signature=signature,
        body=[foreign(value) for value in values],
        serial=serial,
    )

    their_bytes = bytes(theirs._marshall())  # type: ignore[no-untyped-call]  # dbus-next has no types

    # dbus-next orders the header fields in its own way, so whole bytes are compared after our decoder.
    assert messages.decode(their_bytes) == messages.decode(messages.encode(ours)) == ours
    # The bodies have no order to choose.
    size = messages.decode_preamble(messages.encode(ours)[:16]).body_bytes
    assert their_bytes[-size:] == messages.encode(ours)[-size:]


def test_the_call_that_starts_a_unit_is_spelled_as_the_specification_says() -> None:
    call = messages.method_call(1, None, "/o", "i.f", "M", "sa(sv)", ("x", [("P", Variant("b", True))]))

    assert messages.encode(call) == (
        b"l\1\0\1" b"\x20\0\0\0" b"\1\0\0\0" b"\x3c\0\0\0"
        b"\1\1o\0" b"\2\0\0\0/o\0" b"\0\0\0\0\0"
        b"\2\1s\0" b"\3\0\0\0i.f\0" b"\0\0\0\0"
        b"\3\1s\0" b"\1\0\0\0M\0" b"\0\0\0\0\0\0"
        b"\x08\1g\0" b"\6sa(sv)\0" b"\0\0\0\0"
        b"\1\0\0\0x\0\0\0" b"\x10\0\0\0" b"\0\0\0\0" b"\1\0\0\0P\0" b"\1b\0" b"\0\0\0" b"\1\0\0\0"
    )  # fmt: skip


def test_big_endian_messages_are_read() -> None:
    data = b"B\2\1\1\0\0\0\4\0\0\0\7\0\0\0\x0f\5\1u\0\0\0\0\3\x08\1g\0\1u\0\0\0\0\1\0"

    assert messages.decode(data) == Message(2, 7, reply_serial=3, signature="u", values=(256,), flags=1)


@unhurried
@given(st.binary(max_size=200))
def test_foreign_bytes_never_crash_the_reader(data: bytes) -> None:
    preamble = b"l\2\0\1" + (0).to_bytes(4, "little") + b"\1\0\0\0" + len(data).to_bytes(4, "little")
    whole = preamble + data + bytes(-len(data) % 8)
    try:
        messages.decode(whole)
    except SerializeError as error:
        caught = str(error)
    else:
        caught = "d-bus"

    assert caught.startswith("d-bus")


@unhurried
@given(SIGNATURES, st.binary(max_size=64))
def test_foreign_bytes_are_values_or_an_error(signature: str, data: bytes) -> None:
    try:
        values = wire.deserialize(signature, data)
    except SerializeError:
        values = ()

    assert len(values) <= 1


@unhurried
@given(st.text("abinqsv(){}gotuxyd", max_size=12))
def test_signatures_are_split_or_refused(text: str) -> None:
    try:
        types = wire.split_signature(text)
    except SerializeError:
        types = [text]

    assert "".join(types) == text


@pytest.mark.parametrize(
    "signature", ["a", "(", "()", "a{", "a{s}", "a{vs}", "{ss}", "z", "(s", "a{ss", "a" * 70 + "s", "s" * 256]
)
def test_bad_signatures_are_refused(signature: str) -> None:
    with pytest.raises(SerializeError):
        wire.split_signature(signature)


@pytest.mark.parametrize(
    ("signature", "value"),
    [
        ("y", 256), ("u", -1), ("u", True), ("b", 1), ("s", b"x"), ("s", "a\0b"), ("s", "\ud800"), ("o", "x"),
        ("o", "/a//b"), ("g", "()"), ("v", "x"), ("v", Variant("ss", "x")), ("as", "ab"), ("a{sv}", []),
        ("(ss)", ["a", "b"]), ("(ss)", ("a",)), ("t", 1.5), ("d", "1"),
    ],
)  # fmt: skip
def test_values_of_another_type_are_refused(signature: str, value: object) -> None:
    with pytest.raises(SerializeError):
        wire.serialize(signature, (value,))
