"""Writes hot.bundle (see ``pyouki.bundle``) beside this module: ``python -m pyouki.write_bundle``.

Run after an installation, not when a wheel is built: a wheel serves every Python from 3.11 on, a bundle just one, and
the packages it is made of are only together in an environment. Without the bundle everything works, a little slower.

``hot_path.txt`` says what is in it: a line ``[command]``, then a line for each module in the order in which they are
loaded: its name, and the functions in it that the command was seen to call. A function that is missing there is cold,
which costs a little when it is called and changes nothing else.
"""

from __future__ import annotations

import ast
import marshal
from pathlib import Path
from types import CodeType

from pyouki import bundle

# Not resolved: in a checkout the packages are links, and this is where they are imported from.
SITE_PACKAGES = Path(__file__).absolute().parent.parent
HOT_PATH = SITE_PACKAGES / "pyouki" / "hot_path.txt"

_CHUNK_SIZE = 100_000
_OPTIMIZED_NEWLOCALS = 0x3  # CO_OPTIMIZED | CO_NEWLOCALS: a function's code, not that of a module or class
_VARARGS, _VARKEYWORDS = 0x4, 0x8
_NOT_PLAIN = 0x20 | 0x80 | 0x200  # generators and coroutines


def main() -> None:
    """Write the bundle beside the installed package, by rename: commands may be running."""
    target = SITE_PACKAGES / "pyouki" / bundle.NAME
    fresh = target.with_suffix(".new")
    fresh.write_bytes(make(read_hot_path(HOT_PATH.read_text())))
    fresh.replace(target)


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
    index: dict[str, object] = {}
    parts: list[bytes] = []
    cold: list[bytes] = []
    size = cold_size = 0
    for command, modules in commands.items():
        first = len(cold)
        entries = [_entry(name, hot, cold, first) for name, hot in modules.items()]
        spans: list[int] = [cold_size]
        for code in cold[first:]:
            cold_size += len(code)
            spans.append(cold_size)
        chunks = [marshal.dumps(spans), *_chunks(entries)]
        index[command] = (size, *(len(chunk) for chunk in chunks))
        size += sum(len(chunk) for chunk in chunks)
        parts += chunks
    index["cold"] = size
    own = _compiled(Path(bundle.__file__), "pyouki/bundle.py")
    heads = [marshal.dumps(_without_lines(own)), marshal.dumps(index)]
    return b"".join((bundle.MAGIC, *(len(head).to_bytes(4, "little") + head for head in heads), *parts, *cold))


def _entry(name: str, hot: frozenset[str], cold: list[bytes], first: int) -> bundle.Entry:
    plain = f"{name.replace('.', '/')}.py"
    place = plain if (SITE_PACKAGES / plain).exists() else f"{name.replace('.', '/')}/__init__.py"
    source = SITE_PACKAGES / place
    found = source.stat()
    return name, place, found.st_size, found.st_mtime_ns, _separate(_compiled(source, place), hot, cold, first)


def _compiled(source: Path, place: str) -> CodeType:
    """Compile a module without what only readers and type checkers look at."""
    tree = _Trim().visit(ast.parse(source.read_bytes()))
    # The docstrings of commands are their help pages.
    optimize = 1 if place.startswith("liboci_cli/") else 2
    return compile(ast.fix_missing_locations(tree), place, "exec", dont_inherit=True, optimize=optimize)


class _Trim(ast.NodeTransformer):
    """Removes imports for type checkers and annotations of functions and variables, not those of classes' fields."""

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
        return self.generic_visit(node)


def _without_annotation(statement: ast.stmt) -> ast.stmt:
    if not isinstance(statement, ast.AnnAssign):
        return statement
    if statement.value is None:
        return ast.Pass()
    return ast.Assign(targets=[statement.target], value=statement.value)


def _chunks(entries: list[bundle.Entry]) -> list[bytes]:
    """Pack the entries into pieces of about the same size: what is in one piece shares its strings."""
    chunks: list[bytes] = []
    present: list[bundle.Entry] = []
    for entry in entries:
        present.append(entry)
        packed = marshal.dumps(present)
        if len(packed) >= _CHUNK_SIZE:
            chunks.append(packed)
            present = []
    return [*chunks, marshal.dumps(present)] if present else chunks


def _separate(code: CodeType, hot: frozenset[str], cold: list[bytes], first: int) -> CodeType:
    """Return the code of a module or class with stubs for its cold functions, whose code is added to ``cold``."""
    consts: list[object] = []
    for const in code.co_consts:
        if not isinstance(const, CodeType):
            consts.append(const)
        elif const.co_flags & _OPTIMIZED_NEWLOCALS != _OPTIMIZED_NEWLOCALS:
            consts.append(_separate(const, hot, cold, first))
        elif const.co_qualname in hot or const.co_freevars or const.co_flags & _NOT_PLAIN or "<" in const.co_name:
            consts.append(_without_lines(const))
        else:
            consts.append(_stub(const, len(cold) - first))
            cold.append(marshal.dumps(const))
    return _without_lines(code.replace(co_consts=tuple(consts)))


def _stub(code: CodeType, number: int) -> CodeType:
    """Return code with the same arguments that passes them on to ``bundle.call_cold``."""
    plain, named = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
    names = code.co_varnames
    signature = [*names[: code.co_posonlyargcount], *(["/"] if code.co_posonlyargcount else [])]
    signature += names[code.co_posonlyargcount : plain]
    values = [f"{name}," for name in names[:plain]]
    keywords = [f"{name!r}: {name}," for name in names[plain:named]]
    rest = list(names[named:])
    if code.co_flags & _VARARGS:
        name = rest.pop(0)
        signature.append(f"*{name}")
        values.append(f"*{name},")
    elif code.co_kwonlyargcount:
        signature.append("*")
    signature += names[plain:named]
    if code.co_flags & _VARKEYWORDS:
        name = rest.pop(0)
        signature.append(f"**{name}")
        keywords.append(f"**{name},")
    call = f"{bundle.COLD}({number}, ({' '.join(values)}), {{{' '.join(keywords)}}})"
    text = f"def f({', '.join(signature)}): return {call}"
    module = compile(text, code.co_filename, "exec", dont_inherit=True, optimize=2)
    stub = next(const for const in module.co_consts if isinstance(const, CodeType))
    return _without_lines(stub.replace(co_name=code.co_name, co_qualname=code.co_qualname))


def _without_lines(code: CodeType) -> CodeType:
    """Return the code without its table of line numbers, a fifth of its size; cold code keeps its own."""
    consts = tuple(_without_lines(const) if isinstance(const, CodeType) else const for const in code.co_consts)
    return code.replace(co_consts=consts, co_linetable=b"")


if __name__ == "__main__":
    main()
