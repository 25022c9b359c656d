"""A stand-in for ``encodings`` that has UTF-8, until something else of it is asked for.

The interpreter imports ``encodings`` before any code of ours: three files, two directories to list and a table of 330
names take a tenth of its start. ``pyouki.write_home`` puts this module in its place. Another encoding, or a name that
is missing here, executes the true package in this module, which then has all its names.
"""

# Not even __future__ is imported here: it would have to be read from a file.
import codecs
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class IncrementalEncoder(codecs.IncrementalEncoder):
    """What a text stream takes to write."""

    def encode(self, input: str, final: bool = False) -> bytes:
        """Return the bytes of a text."""
        return codecs.utf_8_encode(input, self.errors)[0]


class IncrementalDecoder(codecs.BufferedIncrementalDecoder):
    """What a text stream takes to read."""

    _buffer_decode = staticmethod(codecs.utf_8_decode)  # type: ignore[assignment]  # as encodings.utf_8 has it


def _reader(stream: "Any", errors: str = "strict") -> "Any":
    import encodings.utf_8

    return encodings.utf_8.StreamReader(stream, errors)


def _writer(stream: "Any", errors: str = "strict") -> "Any":
    import encodings.utf_8

    return encodings.utf_8.StreamWriter(stream, errors)


def _search(name: str) -> "codecs.CodecInfo | None":
    if name not in ("utf_8", "utf8"):
        _complete()
        return codecs.lookup(name)
    return codecs.CodecInfo(
        codecs.utf_8_encode,
        codecs.utf_8_decode,
        streamreader=_reader,
        streamwriter=_writer,
        incrementalencoder=IncrementalEncoder,
        incrementaldecoder=IncrementalDecoder,
        name="utf-8",
    )


def __getattr__(name: str) -> object:
    module = sys.modules["encodings"]
    if module.__dict__.get("__getattr__") is __getattr__:
        _complete()
    return getattr(module, name)


def _complete() -> None:
    """Become the true package, which registers a search of its own."""
    codecs.unregister(_search)
    module: Any = sys.modules["encodings"]
    del module.__getattr__
    loader = sys.modules["_frozen_importlib_external"].SourceFileLoader(
        "encodings", f"{module.__path__[-1]}/__init__.py"
    )
    loader.exec_module(module)


if __name__ == "encodings":
    # Below HOME/lib/python3.N; its modules are the true ones.
    _path: "list[str]" = sys.modules["encodings"].__path__  # type: ignore[assignment]  # a list while it is searched
    _path.append(f"{_path[0].rpartition('/')[0]}/standard/encodings")
    codecs.register(_search)
