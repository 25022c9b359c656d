"""GVariant text as D-Bus values, as far as annotations need it; https://docs.gtk.org/glib/gvariant-text-format.html.

Numbers, strings, truth values, arrays, tuples, dictionaries and variants, with ``@type`` and keyword annotations
(``uint64 5``). Maybe types and byte strings are left out: no property of a unit has them.
"""

from __future__ import annotations

from libcgroups.systemd.dbus_native.errors import SerializeError
from libcgroups.systemd.dbus_native.serialize import MAX_DEPTH, Variant, split_signature

_KEYWORDS = {
    "boolean": "b",
    "byte": "y",
    "int16": "n",
    "uint16": "q",
    "int32": "i",
    "uint32": "u",
    "handle": "h",
    "int64": "x",
    "uint64": "t",
    "double": "d",
    "string": "s",
    "objectpath": "o",
    "signature": "g",
}
_RANGES = {
    "y": (0, 2**8 - 1),
    "n": (-(2**15), 2**15 - 1),
    "q": (0, 2**16 - 1),
    "i": (-(2**31), 2**31 - 1),
    "u": (0, 2**32 - 1),
    "h": (0, 2**32 - 1),
    "x": (-(2**63), 2**63 - 1),
    "t": (0, 2**64 - 1),
}
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_WORD = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-_"


def parse(text: str) -> Variant:
    """Parse one value with its type.

    A number without annotation is an ``i``, or a ``d`` if it has a fraction or exponent.

    Raises:
        SerializeError: not a value, or one of a type that is left out.
    """
    parser = _Parser(text)
    value = parser.value("", 0)
    parser.skip_blanks()
    if parser.rest():
        raise parser.error("the end")
    return value


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def rest(self) -> str:
        return self._text[self._position :]

    def error(self, expected: str) -> SerializeError:
        return SerializeError(f"gvariant {self._text!r}: expected {expected} at {self.rest()[:20]!r}")

    def skip_blanks(self) -> None:
        while self._position < len(self._text) and self._text[self._position].isspace():
            self._position += 1

    def _accept(self, token: str) -> bool:
        self.skip_blanks()
        found = self._text.startswith(token, self._position)
        if found:
            self._position += len(token)
        return found

    def _expect(self, token: str) -> None:
        if not self._accept(token):
            raise self.error(repr(token))

    def _word(self) -> str:
        begin = self._position
        while self._position < len(self._text) and self._text[self._position] in _WORD:
            self._position += 1
        return self._text[begin : self._position]

    def value(self, expected: str, depth: int) -> Variant:
        """Parse a value; ``expected`` is its signature if it is known, else empty."""
        if depth > MAX_DEPTH:
            raise self.error(f"at most {MAX_DEPTH} levels")
        self.skip_blanks()
        begin = self.rest()[:1]
        if begin == "@":
            return self._annotated(expected, depth)
        if begin in ("'", '"') and begin:
            return self._typed(expected, "sog", "s", self._string())
        if self._accept("["):
            return self._array(expected, depth)
        if self._accept("("):
            return self._tuple(expected, depth)
        if self._accept("{"):
            return self._dictionary(expected, depth)
        if self._accept("<"):
            inner = self.value("", depth + 1)
            self._expect(">")
            return self._typed(expected, "v", "v", inner)
        return self._scalar(expected, depth)

    def _typed(self, expected: str, possible: str, default: str, value: object) -> Variant:
        if expected and expected not in possible:
            raise self.error(f"a value of type {expected!r} before this")
        return Variant(expected or default, value)

    def _annotated(self, expected: str, depth: int) -> Variant:
        self._expect("@")
        begin = self._position
        while self._position < len(self._text) and not self._text[self._position].isspace():
            self._position += 1
        signature = self._text[begin : self._position]
        if len(split_signature(signature)) != 1 or (expected and expected != signature):
            raise self.error(f"type {expected or 'of one value'}")
        return self.value(signature, depth + 1)

    def _scalar(self, expected: str, depth: int) -> Variant:
        word = self._word()
        if word in _KEYWORDS:
            if expected and expected != _KEYWORDS[word]:
                raise self.error(f"type {expected!r} before this")
            return self.value(_KEYWORDS[word], depth + 1)
        if word in ("true", "false"):
            return self._typed(expected, "b", "b", word == "true")
        is_integer = word.lstrip("+-").isdigit() or word.lstrip("+-").startswith("0x")
        try:
            if expected == "d" or not (expected or is_integer):
                return self._typed(expected, "d", "d", float(word))
            number = int(word, 0) if "0x" in word else int(word)
        except ValueError:
            raise self.error(f"a value instead of {word!r}, before this") from None
        variant = self._typed(expected, "".join(_RANGES), "i", number)
        least, greatest = _RANGES[variant.signature]
        if not least <= number <= greatest:
            raise self.error(f"{least} to {greatest} for type {variant.signature!r} before this")
        return variant

    def _string(self) -> str:
        quote = self._text[self._position]
        self._position += 1
        characters: list[str] = []
        while self._position < len(self._text):
            character = self._text[self._position]
            self._position += 1
            if character == quote:
                return "".join(characters)
            if character == "\\":
                character = self._escape()
            characters.append(character)
        raise self.error(f"{quote} to end the string")

    def _escape(self) -> str:
        character = self._text[self._position : self._position + 1]
        self._position += 1
        digits = {"u": 4, "U": 8}.get(character, 0)
        if not digits:
            return _ESCAPES.get(character, character)
        code = self._text[self._position : self._position + digits]
        try:
            result = chr(int(code, 16))
        except (ValueError, OverflowError):
            raise self.error(f"{digits} hexadecimal digits") from None
        self._position += digits
        return result

    def _array(self, expected: str, depth: int) -> Variant:
        if expected and (expected[0] != "a" or expected[1] == "{"):
            raise self.error(f"a value of type {expected!r} before this")
        element = expected[1:]
        items: list[object] = []
        while not self._accept("]"):
            if items:
                self._expect(",")
            item = self.value(element, depth + 1)
            element = item.signature
            items.append(item.value)
        if not element:
            raise self.error("a type annotation (@as) for an empty array before this")
        return Variant(f"a{element}", items)

    def _tuple(self, expected: str, depth: int) -> Variant:
        members = split_signature(expected[1:-1]) if expected[:1] == "(" else []
        if expected and not members:
            raise self.error(f"a value of type {expected!r} before this")
        items: list[Variant] = []
        while not self._accept(")"):
            if items:
                self._expect(",")
                if self._accept(")"):  # a tuple of one is written (1,)
                    break
            known = members[len(items)] if len(items) < len(members) else ""
            items.append(self.value(known, depth + 1))
        if not items or (members and len(items) != len(members)):
            raise self.error(f"{len(members) or 'some'} members before this")
        signature = "".join(item.signature for item in items)
        return Variant(f"({signature})", tuple(item.value for item in items))

    def _dictionary(self, expected: str, depth: int) -> Variant:
        if expected and expected[:2] != "a{":
            raise self.error(f"a value of type {expected!r} before this")
        key_type, value_type = expected[2:3], expected[3:-1]
        pairs: dict[object, object] = {}
        while not self._accept("}"):
            if pairs:
                self._expect(",")
            key = self.value(key_type, depth + 1)
            self._expect(":")
            value = self.value(value_type, depth + 1)
            key_type, value_type = key.signature, value.signature
            if len(key_type) != 1 or key_type == "v":
                raise self.error("a simple type as key before this")
            pairs[key.value] = value.value
        if not value_type:
            raise self.error("a type annotation (@a{sv}) for an empty dictionary before this")
        return Variant(f"a{{{key_type}{value_type}}}", pairs)
