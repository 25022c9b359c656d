"""All modules of the hot commands in one file, without docstrings: a fifth of the cost of importing them one by one.

A command imports 30 to 80 small modules. The path-based finder spends more on each of them than its code does, and the
docstrings are a sixth of what is read. ``write`` is run when the wheel is built; the file is for the very Python that
wrote it (``MAGIC``), and an entry is used only while its source has the size it had. Whatever does not fit is imported
as usual.

Layout: 16 bytes of MAGIC, 4 bytes length of the index, the index (marshal), then the code objects (marshal). The first
entry is this module, which ``__main__`` executes to get its ``Finder``.
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

    Entry = tuple[str, bool, int, int, int]  # path below site-packages, is a package, source size, offset, length

NAME = "hot.bundle"
MAGIC = f"pyouki {sys.implementation.cache_tag}".encode().ljust(16)[:16]
_LENGTH_SIZE = 4


class Finder:
    """Finds modules in a bundle; for sys.meta_path."""

    def __init__(self, packages: str, index: dict[str, Entry], code: bytes) -> None:
        """Take over the parsed bundle; ``packages`` is the directory that holds our packages."""
        self._packages = packages
        self._index = index
        self._code = code

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> object:
        """Return the spec of a module that is in the bundle and whose source is still the one it was made of."""
        entry = self._index.get(name)
        if entry is None:
            return None
        origin = f"{self._packages}/{entry[0]}"
        try:
            if stat(origin).st_size != entry[2]:
                return None
        except OSError:
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
        _, _, _, offset, length = self._index[module.__name__]
        exec(marshal.loads(self._code[offset : offset + length]), module.__dict__)  # noqa: S102, S302 - our own code


def write(path: str, modules: Iterable[tuple[str, str, str]]) -> int:
    """Write a bundle and return how many modules it holds.

    Args:
        path: the file.
        modules: name, path below site-packages, and path now, of each; this module comes first.
    """
    index: dict[str, Entry] = {}
    parts: list[bytes] = []
    offset = 0
    for name, place, source in modules:
        with open(source, "rb") as file:
            text = file.read()
        code: CodeType = compile(text, place, "exec", dont_inherit=True, optimize=2)
        part = marshal.dumps(code)
        index[name] = (place, place.endswith("/__init__.py"), len(text), offset, len(part))
        parts.append(part)
        offset += len(part)
    head = marshal.dumps(index)
    with open(path, "wb") as file:
        file.write(MAGIC + len(head).to_bytes(_LENGTH_SIZE, "little") + head + b"".join(parts))
    return len(index)
