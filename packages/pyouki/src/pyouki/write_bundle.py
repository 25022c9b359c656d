"""Writes hot.bundle (see ``pyouki.bundle``) beside this module, and a home: ``python -m pyouki.write_bundle``.

Run after an installation, not when a wheel is built: a wheel serves every Python from 3.11 on, a bundle just one, and
the packages it is made of are only together in an environment. Without the bundle everything works, a little slower.

``hot_path.txt`` says what is in it: a line ``[command]``, then a line for each module in the order in which they are
loaded: its name, and the functions in it that the command was seen to call. ``[command group]`` has those that only
some containers or machines need, loaded with the first of them. A function that is missing there is cold, which costs
a little when it is called and changes nothing else. Modules that are not in our Python are the interpreter's own or
machine code.
"""

from __future__ import annotations
import __future__

import _imp
import ast
import errno
import importlib.util
import inspect
import marshal
import sys
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

from pyouki import bundle, write_home
from pyouki.__main__ import MAGIC

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    # A module in a part: name, place below site-packages, size and time (ns) of the source, code.
    _Entry = tuple[str, str, int, int, CodeType]

# Not resolved: in a checkout the packages are links, and this is where they are imported from.
SITE_PACKAGES = Path(__file__).absolute().parent.parent
HOT_PATH = SITE_PACKAGES / "pyouki" / "hot_path.txt"

_CHUNK_SIZE = 50_000
_NO_ASSERTIONS, _NO_DOCSTRINGS = 1, 2  # levels of compile()
_IN_C = ("stat", "struct")
_WITHOUT_HELP = ("liboci_cli/__init__.py", "liboci_cli/options.py", "liboci_cli/parse.py")
# Methods that become static or class methods by their names alone, if they are functions.
_FUNCTIONS_BY_NAME = ("__new__", "__init_subclass__", "__class_getitem__")


def main() -> None:
    """Write the bundle beside the installed package, by rename: commands may be running."""
    target = SITE_PACKAGES / "pyouki" / bundle.NAME
    fresh = target.with_suffix(".new")
    fresh.write_bytes(make(read_hot_path(HOT_PATH.read_text())))
    fresh.replace(target)
    write_home.write(SITE_PACKAGES)


def read_hot_path(text: str) -> dict[str, dict[str, frozenset[str]]]:
    """Parse hot_path.txt: by command, the modules in order with their hot functions."""
    commands: dict[str, dict[str, frozenset[str]]] = {}
    modules: dict[str, frozenset[str]] = {}
    for line in text.splitlines():
        if line.startswith("["):
            commands[line.strip("[]")] = modules = {}
        elif line:
            name, *functions = line.split()
            modules[name] = frozenset(functions)
    return commands


def make(commands: dict[str, dict[str, frozenset[str]]]) -> bytes:
    """Return the content of a bundle for these commands."""
    places: dict[str, tuple[bundle.Span, bundle.Span, dict[str, bundle.Span]]] = {}
    parts = _Pieces()
    cold: list[bytes] = []
    cold_size = 0
    natives = {name: native for modules in commands.values() for name in modules if (native := _native(name))}
    for command, modules in commands.items():
        if " " in command:
            continue
        first = len(cold)
        part = _add_group(parts, modules, natives, cold, first)
        later: dict[str, bundle.Span] = {}
        for group in (modules for name, modules in commands.items() if name.startswith(f"{command} ")):
            place = _add_group(parts, group, natives, cold, first)
            later.update((name, place) for name in group if name not in natives)
        spans: list[int] = [cold_size]
        for code in cold[first:]:
            cold_size += len(code)
            spans.append(cold_size)
        places[command] = parts.add(spans), part, later
    ours = {name for modules in commands.values() for name in modules if name not in natives}
    packages = sorted({name.partition(".")[0] for name in ours})
    table, modules_one_by_one = _all_modules(packages, parts.size + cold_size)
    table_offset = parts.size + cold_size + sum(len(code) for code in modules_one_by_one)
    index = {
        "commands": places,
        "cold": parts.size,
        "extensions": {name: origin for name, (kind, origin) in natives.items() if kind == bundle.EXTENSION},
        "packages": tuple(packages),
        "table": (table_offset, len(table)),
    }
    own = _compiled(_tree(Path(bundle.__file__)), "pyouki/bundle.py", _NO_DOCSTRINGS)
    heads = [marshal.dumps(_lean(own)), marshal.dumps(index)]
    heads = [len(head).to_bytes(4, "little") + head for head in heads]
    return b"".join((MAGIC, *heads, *parts.pieces, *cold, *modules_one_by_one, table))


class _Pieces:
    """What is written one after the other, and how much it is."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.size = 0

    def add(self, value: object) -> bundle.Span:
        """Add a value in marshal's format, and return where it is."""
        return self.add_packed(marshal.dumps(value))  # type: ignore[arg-type]  # lists and tuples of plain values

    def add_packed(self, packed: bytes) -> bundle.Span:
        """Add what is in that format."""
        self.pieces.append(packed)
        self.size += len(packed)
        return self.size - len(packed), len(packed)


def _add_group(
    parts: _Pieces,
    modules: Mapping[str, frozenset[str]],
    natives: Mapping[str, tuple[int, str]],
    cold: list[bytes],
    first: int,
) -> bundle.Span:
    """Add a ``bundle.Group``, and return where it is; ``first`` is the number of the part's first cold function."""
    entries = [_entry(name, hot, cold, first) for name, hot in modules.items() if name not in natives]
    chunks = [parts.add_packed(chunk) for chunk in _chunks(entries)]
    return parts.add((_with_positions(modules, natives), [entry[:-1] for entry in entries], chunks))


def _all_modules(packages: Sequence[str], offset: int) -> tuple[bytes, list[bytes]]:
    """Return every module of the packages as it is, and the table that says where each will be."""
    table: dict[str, bundle.Place] = {}
    codes: list[bytes] = []
    for source in (path for package in packages for path in sorted((SITE_PACKAGES / package).rglob("*.py"))):
        place = str(source.relative_to(SITE_PACKAGES))
        name = place.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        found = source.stat()
        tree = _WithoutFuture().visit(ast.parse(source.read_bytes()))
        codes.append(marshal.dumps(_compiled(tree, place, 0)))
        table[name] = (place, found.st_size, found.st_mtime_ns, offset, len(codes[-1]))
        offset += len(codes[-1])
    return marshal.dumps(table), codes


def _entry(name: str, hot: frozenset[str], cold: list[bytes], first: int) -> _Entry:
    plain = f"{name.replace('.', '/')}.py"
    place = plain if (SITE_PACKAGES / plain).exists() else f"{name.replace('.', '/')}/__init__.py"
    source = SITE_PACKAGES / place
    found = source.stat()
    tree = _tree(source)
    # But for those of commands: they are their help pages.
    is_help = place.startswith("liboci_cli/") and place not in _WITHOUT_HELP
    optimize = _NO_ASSERTIONS if is_help else _NO_DOCSTRINGS
    chill = _Chill(_compiled(tree, place, optimize), hot, len(cold) - first)
    code = _compiled(chill.visit(tree), place, optimize)
    cold += [marshal.dumps(function) for function in chill.cold]
    return name, place, found.st_size, found.st_mtime_ns, _lean(code)


def _native(name: str) -> tuple[int, str] | None:
    """Return kind and file of a module that is not ours, or is machine code; None if it is a file of Python."""
    if name in sys.builtin_module_names:
        return bundle.BUILTIN, ""
    if _imp.is_frozen(name):
        return bundle.FROZEN, ""
    try:
        spec = importlib.util.find_spec(name)
    except ImportError:
        return None
    return (bundle.EXTENSION, spec.origin) if spec and spec.origin and not spec.origin.endswith(".py") else None


def _with_positions(modules: Iterable[str], natives: Mapping[str, tuple[int, str]]) -> list[bundle.Native]:
    """Return the natives among the modules with the number of those before them that are none."""
    found: list[bundle.Native] = []
    position = 0
    for name in modules:
        if name in natives:
            found.append((position, name, *natives[name]))
        else:
            position += 1
    return found


def _tree(source: Path) -> ast.Module:
    """Parse a module and leave out what only type checkers look at, and what is known before it runs."""
    tree: ast.Module = _Trim().visit(ast.parse(source.read_bytes()))
    return tree


def _compiled(tree: ast.Module, place: str, optimize: int) -> CodeType:
    """Compile a module of which ``_WithoutFuture`` has taken the statement that says how."""
    code: CodeType = compile(
        ast.fix_missing_locations(tree),
        place,
        "exec",
        flags=__future__.annotations.compiler_flag,
        dont_inherit=True,
        optimize=optimize,
    )
    return code


class _WithoutFuture(ast.NodeTransformer):
    """Removes ``from __future__ import annotations``, which every module has: loading that module is for nothing."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module == "__future__" else node


class _Trim(_WithoutFuture):
    """Removes imports for type checkers and annotations of functions and variables, not those of classes' fields.

    Numbers of errors are written in place of their names: making that module takes as long as making ten functions.
    So does making those of _IN_C, and all they have is in the module of that name that is written in C.
    """

    def visit_Import(self, node: ast.Import) -> ast.AST:
        for alias in node.names:
            if alias.name in _IN_C and alias.asname is None:
                alias.name, alias.asname = f"_{alias.name}", alias.name
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = [ast.Pass()]
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        for argument in ast.walk(node.args):
            if isinstance(argument, ast.arg):
                argument.annotation = None
        return self.generic_visit(node)

    def visit_Module(self, node: ast.Module) -> ast.AST:
        node.body = [_without_annotation(statement) for statement in node.body]
        self.generic_visit(node)
        if not any(isinstance(each, ast.Name) and each.id == "errno" for each in ast.walk(node)):
            node.body = [statement for statement in node.body if not _imports(statement, "errno")]
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        number = getattr(errno, node.attr, None)
        if isinstance(node.value, ast.Name) and node.value.id == "errno" and isinstance(number, int):
            return ast.copy_location(ast.Constant(number), node)
        return self.generic_visit(node)


def _imports(statement: ast.stmt, name: str) -> bool:
    """Tell whether a statement imports the module and nothing else, by its own name."""
    return isinstance(statement, ast.Import) and [(each.name, each.asname) for each in statement.names] == [
        (name, None)
    ]


def _without_annotation(statement: ast.stmt) -> ast.stmt:
    if not isinstance(statement, ast.AnnAssign):
        return statement
    if statement.value is None:
        return ast.Pass()
    return ast.Assign(targets=[statement.target], value=statement.value)


def _chunks(entries: list[_Entry]) -> list[bytes]:
    """Pack the code into pieces of about the same size: what is in one piece shares its strings."""
    chunks: list[bytes] = []
    present: list[CodeType] = []
    for *_, code in entries:
        present.append(code)
        packed = marshal.dumps(present)
        if len(packed) >= _CHUNK_SIZE:
            chunks.append(packed)
            present = []
    return [*chunks, marshal.dumps(present)] if present else chunks


class _Chill(ast.NodeTransformer):
    """Replaces the definitions of cold functions, in modules and classes, by ``NAME = Cold((number, …))``.

    A function stays as it is when it closes over names around it, or when only a function gets its meaning by its name.
    """

    def __init__(self, code: CodeType, hot: frozenset[str], first: int) -> None:
        self.cold: list[CodeType] = []
        self._hot = hot
        self._first = first
        self._codes = dict(_definitions(code))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        line = node.decorator_list[0].lineno if node.decorator_list else node.lineno
        code = self._codes.get((node.name, line))
        if code is None or code.co_qualname in self._hot or code.co_freevars or node.name in _FUNCTIONS_BY_NAME:
            return node
        value = _cold_call(self._first + len(self.cold), node.args)
        self.cold.append(code)
        for decorator in reversed(node.decorator_list):
            value = ast.Call(decorator, [value], [])
        return ast.copy_location(ast.Assign([ast.Name(node.name, ast.Store())], value), node)


def _definitions(code: CodeType) -> Iterator[tuple[tuple[str, int], CodeType]]:
    """Yield the functions of a module and its classes, not those inside functions, by name and line."""
    for const in code.co_consts:
        if isinstance(const, CodeType) and not const.co_name.startswith("<"):
            if const.co_flags & inspect.CO_OPTIMIZED:
                yield (const.co_name, const.co_firstlineno), const
            else:
                yield from _definitions(const)


def _cold_call(number: int, arguments: ast.arguments) -> ast.expr:
    """Return the expression that makes a ``bundle.Cold``: defaults are worked out where they stand."""
    named = [
        (ast.Constant(argument.arg), default)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is not None
    ]
    none = ast.Constant(None)
    parts: list[ast.expr] = [
        ast.Constant(number),
        ast.Name(bundle.NAMES, ast.Load()),
        ast.Tuple(arguments.defaults, ast.Load()) if arguments.defaults else none,
        ast.Dict([name for name, _ in named], [default for _, default in named]) if named else none,
    ]
    return ast.Call(ast.Name(bundle.COLD, ast.Load()), [ast.Tuple(parts, ast.Load())], [])


def _lean(code: CodeType) -> CodeType:
    """Return the code without its line numbers, a fifth of its size, and with its plain name for the qualified one.

    Cold code keeps both.
    """
    consts = tuple(_lean(const) if isinstance(const, CodeType) else const for const in code.co_consts)
    return code.replace(co_consts=consts, co_linetable=b"", co_qualname=code.co_name)


if __name__ == "__main__":
    main()
