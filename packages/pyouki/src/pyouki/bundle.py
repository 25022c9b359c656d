"""What a hot command imports, in one piece: a third of the cost of importing 30 to 80 small modules one by one.

``pyouki.write_bundle`` writes the file after an installation. It holds one part for each hot command: its modules in
the order in which their bodies run, without docstrings. ``load`` runs them without asking the import system, which
costs more than most of the bodies do; every ``import`` in them then finds its module loaded. If the source of one of
them is no longer the one that was bundled, by size and time, all are imported as usual.

Layout: 16 bytes of MAGIC; this very module, which ``__main__`` executes to get ``load``; the index, command to offset
and length; and the parts, each a list of Entry. All are in marshal's format, the first two with their length before.
"""

from __future__ import annotations

import marshal
import sys
from posix import stat  # os itself is among the modules that a command may not have yet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import CodeType
    from typing import BinaryIO

    # Name, place below site-packages, size and time (ns) of the source, code.
    Entry = tuple[str, str, int, int, CodeType]

NAME = "hot.bundle"
MAGIC = f"pyouki 3 {sys.implementation.cache_tag}".encode().ljust(16)[:16]
_PACKAGE = "/__init__.py"


def load(file: BinaryIO, packages: str, argv: Sequence[str]) -> None:
    """Load the modules of the command that a command line is about to run.

    The first word that is the name of a hot command is taken for it. A wrong guess costs time and nothing else.

    Args:
        file: the bundle, positioned after this module.
        packages: the directory that holds our packages.
        argv: the command line without the program's name.
    """
    index: Mapping[str, tuple[int, int]] = marshal.loads(_read_part(file))  # lies beside our own code
    command = next((word for word in argv if word in index), None)
    if command is not None:
        offset, length = index[command]
        file.seek(offset, 1)
        _run(packages, marshal.loads(file.read(length)))


def _read_part(file: BinaryIO) -> bytes:
    return file.read(int.from_bytes(file.read(4), "little"))


def _run(packages: str, entries: list[Entry]) -> None:
    modules = sys.modules
    kind = type(sys)
    for _, place, size, changed, _ in entries:
        source = stat(f"{packages}/{place}")
        if source.st_size != size or source.st_mtime_ns != changed:
            return
    if "__future__" not in modules:
        # Every module says ``from __future__ import annotations``, which loads one for nothing.
        modules["__future__"] = future = kind("__future__")
        future.annotations = None  # type: ignore[attr-defined]  # that is all that is asked of it
    # All of them first: a package whose body imports its own modules is run after these.
    for name, place, *_ in entries:
        modules[name] = module = kind(name)
        names = module.__dict__
        names["__file__"] = origin = f"{packages}/{place}"
        if place.endswith(_PACKAGE):
            names["__package__"] = name
            names["__path__"] = [origin[: -len(_PACKAGE)]]
        else:
            names["__package__"] = name.rpartition(".")[0]
    for name, *_, code in entries:
        exec(code, modules[name].__dict__)  # noqa: S102 - our own code
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(modules[parent], child, modules[name])


def write(path: str, parts: Mapping[str, Sequence[tuple[str, str, str]]]) -> None:
    """Write a bundle.

    Args:
        path: the file.
        parts: by command, its modules in the order in which they were loaded: name, place below site-packages, and
            path of the source now.
    """
    index: dict[str, tuple[int, int]] = {}
    blobs: list[bytes] = []
    offset = 0
    for command, modules in parts.items():
        blob = marshal.dumps([_entry(name, place, source) for name, place, source in modules])
        index[command] = (offset, len(blob))
        blobs.append(blob)
        offset += len(blob)
    with open(path, "wb") as file:
        file.write(MAGIC)
        for part in (marshal.dumps(_entry("pyouki.bundle", "pyouki/bundle.py", __file__)[4]), marshal.dumps(index)):
            file.write(len(part).to_bytes(4, "little") + part)
        file.write(b"".join(blobs))


def _entry(name: str, place: str, source: str) -> Entry:
    with open(source, "rb") as file:
        text = file.read()
    found = stat(source)
    return name, place, found.st_size, found.st_mtime_ns, compile(text, place, "exec", dont_inherit=True, optimize=2)
