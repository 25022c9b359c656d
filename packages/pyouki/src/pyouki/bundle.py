"""All modules of the hot commands in one file, without docstrings: a fifth of the cost of importing them one by one.

A command imports 30 to 80 small modules. The path-based finder spends more on each of them than its code does, and the
docstrings are a sixth of what is read. ``pyouki.write_bundle`` writes the file after an installation; it is for the
very Python that wrote it (``MAGIC``), and an entry is used only while its source is the one it was made of, by size and
time. Whatever does not fit is imported as usual.

Layout: 16 bytes of MAGIC, 4 bytes each for the length of the index and of the first part, the index (marshal), then
the code objects (marshal). The first part is what all commands need and is read at once; the rest is read when one of
its modules is wanted. The first entry is this module, which ``__main__`` executes to get its ``Finder``. No descriptor
stays open: it would be taken for one that the caller passes on.
"""

from __future__ import annotations

import marshal
import sys
from posix import stat  # os itself may come later

from _frozen_importlib import ModuleSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import CodeType, ModuleType

    # Path below site-packages, whether it is a package, size and time (ns) of the source, offset and length of the code.
    Entry = tuple[str, bool, int, int, int, int]

NAME = "hot.bundle"
MAGIC = f"pyouki {sys.implementation.cache_tag}".encode().ljust(16)[:16]
HEADER_SIZE = 24


class Finder:
    """Finds modules in a bundle; for sys.meta_path."""

    def __init__(self, packages: str, index: dict[str, Entry], start: int, code: bytes) -> None:
        """Take over the opened bundle.

        Args:
            packages: the directory that holds our packages.
            index: of all modules.
            start: where the code begins in the file.
            code: its first part.
        """
        self._packages = packages
        self._index = index
        self._start = start
        self._code = code

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> object:
        """Return the spec of a module that is in the bundle and whose source is still the one it was made of."""
        entry = self._index.get(name)
        if entry is None:
            return None
        origin = f"{self._packages}/{entry[0]}"
        try:
            source = stat(origin)
        except OSError:
            return None
        if source.st_size != entry[2] or source.st_mtime_ns != entry[3]:
            return None
        spec = ModuleSpec(name, self, origin=origin, is_package=entry[1])
        spec.has_location = True
        if entry[1]:
            spec.submodule_search_locations.append(origin.rpartition("/")[0])
        return spec

    def create_module(self, spec: object) -> None:
        """Leave it to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module's code."""
        *_, offset, length = self._index[module.__name__]
        if offset + length > len(self._code):
            with open(f"{self._packages}/pyouki/{NAME}", "rb", buffering=0) as file:
                file.seek(self._start)
                self._code = file.read()
        exec(marshal.loads(self._code[offset : offset + length]), module.__dict__)  # noqa: S102, S302 - our own code


def write(path: str, modules: Iterable[tuple[str, str, str]], count_of_first: int) -> int:
    """Write a bundle and return how many modules it holds.

    Args:
        path: the file.
        modules: name, path below site-packages, and path now, of each; this module comes first.
        count_of_first: how many of them are the first part.
    """
    index: dict[str, Entry] = {}
    parts: list[bytes] = []
    offset = size_of_first = 0
    for name, place, source in modules:
        with open(source, "rb") as file:
            text = file.read()
        code: CodeType = compile(text, place, "exec", dont_inherit=True, optimize=2)
        part = marshal.dumps(code)
        changed = stat(source).st_mtime_ns
        index[name] = (place, place.endswith("/__init__.py"), len(text), changed, offset, len(part))
        parts.append(part)
        offset += len(part)
        if len(parts) == count_of_first:
            size_of_first = offset
    head = marshal.dumps(index)
    with open(path, "wb") as file:
        file.write(MAGIC + len(head).to_bytes(4, "little") + size_of_first.to_bytes(4, "little") + head)
        file.write(b"".join(parts))
    return len(index)
