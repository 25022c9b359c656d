"""What a hot command imports, in one piece: a third of the cost of importing 30 to 90 small modules one by one.

``pyouki.write_bundle`` writes the file after an installation. It holds one part for each hot command: its modules in
the order in which their bodies run, without docstrings. ``load`` runs them without asking the import system, which
costs more than most of the bodies do; every ``import`` in them then finds its module loaded. If the source of one of
them is no longer the one that was bundled, by size and time, all are imported as usual.

Functions that the command was not seen to call are cold: in their place stands a ``Cold`` that fetches the code from
the end of the file when it is called after all. For a process that will lose sight of the file, ``hold`` keeps it open,
and ``take_into_memory`` reads it.

What else is imported is not searched for either: all other modules of ours are in the bundle too, one by one, and where
machine code was when it was written is noted.

Layout: MAGIC of ``__main__``; this very module, which ``__main__`` executes to get ``load``; the index; the parts; the
cold code; the modules one by one; a table of these. A part has a list of where its cold code is and one or two Groups,
each after the lists of its code; the second is loaded when one of its modules is imported, as for a configuration with
a filter. All but MAGIC are in marshal's format, the first two with their length before.
"""

from __future__ import annotations

import marshal
import posix  # os itself is among the modules that a command may not have yet
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _frozen_importlib import ModuleSpec
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import CodeType, ModuleType
    from typing import Any, BinaryIO

    # Name, place below site-packages, size and time (ns) of the source.
    Entry = tuple[str, str, int, int]
    # Of a module that is not ours or machine code: how many Entries come before it, name, kind, file.
    Native = tuple[int, str, int, str]
    # Where something is and how long.
    Span = tuple[int, int]
    # What modules need to be loaded together, and where the lists of their code are.
    Group = tuple[list[Native], list[Entry], list[Span]]
    # Of a module that is not in a part: the same without the name, and where its code is.
    Place = tuple[str, int, int, int, int]

NAME = "hot.bundle"
BUILTIN, FROZEN, EXTENSION = range(3)
COLD, NAMES = "__cold__", "__names__"
"""The names by which a module's body makes its cold functions: the class ``Cold``, and the module's own names."""
_PACKAGE = "/__init__.py"
_Function: Any = type(lambda: None)


class Cold(tuple):  # type: ignore[type-arg]  # number, module's names, defaults, defaults of keywords
    """A function whose code is on the disk; a tuple because nothing is made faster, and there are hundreds."""

    path = ""
    start = 0
    spans: Sequence[int] = ()  # the end of one is the start of the next
    code: bytes | None = None
    descriptor = -1
    functions: dict[int, Callable[..., Any]] = {}  # filled as they are called

    __hash__ = object.__hash__
    __eq__ = object.__eq__

    def __call__(self, *positional: object, **named: object) -> object:
        """Call the function as if it had been there."""
        number, names, defaults, named_defaults = self
        function = Cold.functions.get(number)
        if function is None:
            code = marshal.loads(_cold_code(number))
            function = Cold.functions[number] = _Function(code, names, code.co_name, defaults)
            function.__kwdefaults__ = named_defaults
        return function(*positional, **named)

    def __get__(self, instance: object, owner: type | None = None) -> Callable[..., object]:
        """Bind to an instance, as a function that is looked up on one does."""
        return self if instance is None else _Method(self, instance)


class _Finder:
    """Finds modules that are not loaded with the part, and machine code, without looking through directories."""

    def __init__(self, packages: str, index: Mapping[str, Any], start: int, later: Mapping[str, Any]) -> None:
        self._packages = packages
        self._index = index
        self._start = start
        self._later = later
        self._table: Mapping[str, Place] | None = None

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return the specification of a module that is still what it was when the bundle was written."""
        group = self._later.get(name)
        if group is not None:
            self._later = {other: place for other, place in self._later.items() if place != group}
            with open(Cold.path, "rb", buffering=0) as file:
                if _load_group(file, self._start, group, self._packages):
                    return _spec(name, _Loaded, sys.modules[name].__file__ or "")
        extension = self._index["extensions"].get(name)
        try:
            if extension is not None:
                posix.stat(extension)
                return _extension_spec(name, extension)
            if name.partition(".")[0] in self._index["packages"]:
                return self._own(name)
        except OSError:
            pass
        return None

    def _own(self, name: str) -> ModuleSpec | None:
        if self._table is None:
            offset, length = self._index["table"]
            table: Mapping[str, Place] = marshal.loads(_read_at(self._start + offset, length))
            self._table = table
        if name not in self._table:
            return None
        place, size, changed, offset, length = self._table[name]
        origin = f"{self._packages}/{place}"
        if not _is_unchanged(origin, size, changed):
            return None
        return _spec(name, _Loader(self._start + offset, length), origin)


class _Loader:
    """Executes a module of the bundle."""

    def __init__(self, offset: int, length: int) -> None:
        self._offset = offset
        self._length = length

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave that to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Read its code and run it."""
        exec(marshal.loads(_read_at(self._offset, self._length)), module.__dict__)  # noqa: S102 - our own code


class _Loaded:
    """Leaves a module that is loaded as it is."""

    @staticmethod
    def create_module(spec: ModuleSpec) -> ModuleType:
        """Return the module."""
        return sys.modules[spec.name]

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        """Do nothing."""


_Method: Any = type(_Loader(0, 0).create_module)


def _spec(name: str, loader: object, origin: str) -> ModuleSpec:
    spec: ModuleSpec = sys.modules["_frozen_importlib"].ModuleSpec(name, loader, origin=origin)
    spec.has_location = True
    if origin.endswith(_PACKAGE):
        spec.submodule_search_locations = [origin[: -len(_PACKAGE)]]
    return spec


def load(file: BinaryIO, packages: str, argv: Sequence[str]) -> None:
    """Load the modules of the command that a command line is about to run.

    The first word that is the name of a hot command is taken for it. A wrong guess costs time and nothing else.

    Args:
        file: the bundle, positioned after this module.
        packages: the directory that holds our packages.
        argv: the command line without the program's name.
    """
    index: Mapping[str, Any] = marshal.loads(_read_part(file))  # lies beside our own code
    commands = index["commands"]
    command = next((word for word in argv if word in commands), None)
    if command is None:
        return
    start = file.tell()
    spans, group, later = commands[command]
    Cold.path, Cold.start = f"{packages}/pyouki/{NAME}", start + index["cold"]
    Cold.spans = _read_marshalled(file, start, spans)
    sys.meta_path.insert(0, _Finder(packages, index, start, later))
    if _load_group(file, start, group, packages):
        sys.modules["pyouki.bundle"] = module = type(sys)("pyouki.bundle")
        module.__dict__.update(globals())
        sys.modules["pyouki"].bundle = module  # type: ignore[attr-defined]  # as if it had been imported


def _load_group(file: BinaryIO, start: int, place: Span, packages: str) -> bool:
    natives: list[Native]
    entries: list[Entry]
    natives, entries, chunks = _read_marshalled(file, start, place)
    if not _are_current(packages, entries):
        return False
    _run(packages, natives, entries, (_read_marshalled(file, start, chunk) for chunk in chunks))
    return True


def _read_marshalled(file: BinaryIO, start: int, place: Span) -> Any:
    offset, length = place
    file.seek(start + offset)
    return marshal.loads(file.read(length))


def _read_part(file: BinaryIO) -> bytes:
    return file.read(int.from_bytes(file.read(4), "little"))


def _load_native(name: str, kind: int, origin: str) -> None:
    """Load what the next module of the part will import, as the import system does, but for its locks and search."""
    modules = sys.modules
    if name in modules:
        return
    imp, machinery = modules["_imp"], modules["_frozen_importlib"]
    if kind == FROZEN:
        modules[name] = module = type(sys)(name)
        module.__spec__ = machinery.ModuleSpec(name, machinery.FrozenImporter, origin="frozen")
        exec(imp.get_frozen_object(name), module.__dict__)  # noqa: S102 - the interpreter's own code
    elif kind == BUILTIN:
        spec = machinery.ModuleSpec(name, machinery.BuiltinImporter, origin="built-in")
        modules[name] = module = imp.create_builtin(spec)
        imp.exec_builtin(module)
        module.__spec__ = spec
    else:
        try:
            spec = _extension_spec(name, origin)
            modules[name] = module = imp.create_dynamic(spec)
            imp.exec_dynamic(module)
            module.__spec__ = spec
        except ImportError:
            # It is not there any more: whoever imports it will hear of it.
            modules.pop(name, None)


def _extension_spec(name: str, path: str) -> ModuleSpec:
    return _spec(name, sys.modules["_frozen_importlib_external"].ExtensionFileLoader(name, path), path)


def _run(packages: str, natives: list[Native], entries: list[Entry], chunks: Iterable[list[CodeType]]) -> None:
    modules = sys.modules
    kind = type(sys)
    # All of them first: a package whose body imports its own modules is run after these.
    for name, place, *_ in entries:
        modules[name] = module = kind(name)
        names = module.__dict__
        names[COLD], names[NAMES] = Cold, names
        names["__file__"] = origin = f"{packages}/{place}"
        if place.endswith(_PACKAGE):
            names["__package__"] = name
            names["__path__"] = [origin[: -len(_PACKAGE)]]
        else:
            names["__package__"] = name.rpartition(".")[0]
    position = 0
    natives.reverse()
    # In chunks: text and code of modules' bodies are the largest things in memory, and not needed when they have run.
    for codes in chunks:
        codes.reverse()
        while codes:
            while natives and natives[-1][0] == position:
                _load_native(*natives.pop()[1:])
            name = entries[position][0]
            position += 1
            exec(codes.pop(), modules[name].__dict__)  # noqa: S102 - our own code
            parent, _, child = name.rpartition(".")
            if parent:
                setattr(modules[parent], child, modules[name])


def _are_current(packages: str, entries: list[Entry]) -> bool:
    """Tell whether the sources are those that were bundled; looked up from their package, which is a shorter way."""
    directories: dict[str, int] = {}
    try:
        for _, place, size, changed in entries:
            package, _, rest = place.partition("/")
            if package not in directories:
                directories[package] = posix.open(f"{packages}/{package}", posix.O_PATH | posix.O_CLOEXEC)
            if not _is_unchanged(rest, size, changed, directories[package]):
                return False
    finally:
        for fd in directories.values():
            posix.close(fd)
    return True


def _is_unchanged(source: str, size: int, changed: int, directory: int | None = None) -> bool:
    status = posix.stat(source, dir_fd=directory)
    return status.st_size == size and status.st_mtime_ns == changed


def _cold_code(number: int) -> bytes:
    start, end = Cold.spans[number : number + 2]
    if Cold.code is not None:
        first = Cold.spans[0]
        return Cold.code[start - first : end - first]
    if Cold.descriptor >= 0:
        return posix.pread(Cold.descriptor, end - start, Cold.start + start)
    return _read_at(Cold.start + start, end - start)


def hold() -> int:
    """Keep the file open that a ``Cold`` may have to read when it is out of sight; returns the descriptor.

    -1 if it is in memory: the path may lead elsewhere by now.
    """
    if Cold.code is None and Cold.descriptor < 0:
        Cold.descriptor = posix.open(Cold.path, posix.O_RDONLY | posix.O_CLOEXEC)
    return Cold.descriptor


def take_into_memory() -> None:
    """Read all that a ``Cold`` may fetch, and close the file."""
    if Cold.code is not None:
        return
    Cold.code = posix.pread(hold(), Cold.spans[-1] - Cold.spans[0], Cold.start + Cold.spans[0])
    posix.close(Cold.descriptor)
    Cold.descriptor = -1


def _read_at(offset: int, length: int) -> bytes:
    with open(Cold.path, "rb", buffering=0) as file:
        file.seek(offset)
        return file.read(length)
