"""JSON text to values and back by the C parts of CPython's json, whose import costs 7 ms; no meaning of the values.

``loads_untrusted`` is for what others wrote, ``loads`` for our own: state.json, messages of our children.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Never, TypeAlias

    Scan: TypeAlias = Callable[[str, int], tuple[object, int]]

try:
    import _json
except ImportError:
    _json = None  # type: ignore[assignment]  # another interpreter than CPython: the public json does it

_SPACE = " \t\n\r"
_INFINITY = float("inf")


def loads(text: str | bytes) -> object:
    """Parse a JSON document.

    Raises:
        ValueError: it is not JSON as RFC 8259 describes it, not UTF-8, or nested too deeply.
    """
    return _parse(text, _scan_ours)


def loads_untrusted(text: str | bytes) -> object:
    """Parse a JSON document, and refuse also what two readers could understand differently.

    Raises:
        ValueError: as for ``loads``; or a key comes twice in an object, or a string holds a NUL character or half of a
            surrogate pair, which no file name, argument or variable can.
    """
    if isinstance(text, bytes):
        text = _decode(text)
    value = _parse(text, _scan_untrusted)
    # In the text they can only be written as escapes: raw ones are refused by the scanner and by UTF-8.
    if "\\u0000" in text or "\\ud" in text or "\\uD" in text:
        _refuse_unusable_strings(value)
    return value


def dumps(value: object) -> str:
    """Write a value as compact JSON in ASCII, keys in the order of the dicts.

    Raises:
        TypeError: the value, or one in it, is none of str, int, float, bool, None, list, tuple and dict.
        ValueError: a float is not finite.
    """
    if _json is None:
        import json

        return json.dumps(value, separators=(",", ":"), allow_nan=False, default=_refuse_type)
    encode = _json.make_encoder(None, _refuse_type, _json.encode_basestring_ascii, None, ":", ",", False, False, False)
    return "".join(encode(value, 0))


def _parse(text: str | bytes, scan: Scan) -> object:
    if isinstance(text, bytes):
        text = _decode(text)
    start = len(text) - len(text.lstrip(_SPACE))
    try:
        value, end = scan(text, start)
    except StopIteration as stop:
        raise ValueError(f"expected a value {_place(text, stop.value)}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except SystemError:
        # The C scanner raises json.JSONDecodeError, and nothing at all if that is not loaded.
        import json  # noqa: F401

        return _parse(text, scan)
    except ValueError as error:
        position = getattr(error, "pos", None)
        if position is not None:
            message = str(getattr(error, "msg", error)).removesuffix(" at")
            raise ValueError(f"{message[:1].lower()}{message[1:]} {_place(text, position)}") from None
        if str(error).startswith("Exceeds the limit"):  # of int(), 4300 digits
            raise ValueError("an integer has too many digits") from None
        raise
    rest = text[end:].lstrip(_SPACE)
    if rest:
        raise ValueError(f"unexpected data after the document {_place(text, len(text) - len(rest))}")
    return value


def _decode(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from None
    if text.startswith("\ufeff"):
        raise ValueError("starts with a byte order mark")
    return text


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return f"at line {line} column {column}"


def _refuse_unusable_strings(document: object) -> None:
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if "\0" in value:
                raise ValueError(f"a string holds a NUL character: {value[:80]!r}")
            if any("\ud800" <= character <= "\udfff" for character in value):
                raise ValueError(f"a string holds half of a surrogate pair: {value[:80]!r}")
        elif isinstance(value, dict):
            waiting.extend(value)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {twice[:80]!r} comes twice in an object")
    return value


def _finite(text: str) -> float:
    number = float(text)
    if number in (_INFINITY, -_INFINITY):
        raise ValueError(f"number {text[:80]} is out of range")
    return number


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def _refuse_type(value: object) -> Never:
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


class _Ours:
    """What a scanner asks its context for."""

    strict = True
    object_hook = None
    object_pairs_hook: Callable[[list[tuple[str, object]]], object] | None = None
    parse_float = _finite
    parse_int = int
    parse_constant = _refuse_constant


class _Untrusted(_Ours):
    object_pairs_hook = staticmethod(_unique)


def _scanner(context: type[_Ours]) -> Scan:
    if _json is not None:
        return _json.make_scanner(context)  # type: ignore[arg-type]  # it takes any object with these attributes
    import json

    decoder = json.JSONDecoder(
        object_pairs_hook=context.object_pairs_hook,
        parse_float=context.parse_float,
        parse_constant=context.parse_constant,
    )
    scan: Scan = decoder.scan_once
    return scan


_scan_ours = _scanner(_Ours)
_scan_untrusted = _scanner(_Untrusted)


def indented(value: object, _margin: str = "") -> str:
    """Write a value as JSON for people, two spaces a level, as runc prints states."""
    inner = f"{_margin}  "
    if isinstance(value, dict) and value:
        members = (f"{inner}{dumps(name)}: {indented(member, inner)}" for name, member in value.items())
        return "{\n" + ",\n".join(members) + f"\n{_margin}}}"
    if isinstance(value, (list, tuple)) and value:
        return "[\n" + ",\n".join(f"{inner}{indented(member, inner)}" for member in value) + f"\n{_margin}]"
    return dumps(value)
