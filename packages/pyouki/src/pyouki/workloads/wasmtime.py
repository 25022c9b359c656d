"""Runs WebAssembly modules with Wasmtime and WASI preview 1; the optional extra ``pyouki[wasmtime]``.

Selected as in youki and crun: annotation ``run.oci.handler`` is ``wasm``, or without it ``module.wasm.image/variant``
is ``compat``. The ``-smart`` forms of both take the container only if args[0] names a module, by ``.wasm`` or ``.wat``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn

from libcontainer.errors import ExecutableError, LibcontainerError, SpecError
from pyouki.workloads import small_init

if TYPE_CHECKING:
    from collections.abc import Mapping

    import wasmtime

    from libcontainer.oci.spec import Spec

_SUFFIXES = (".wasm", ".wat")
# Wasmtime's own threads: with fewer it aborts or hangs instead of saying so.
_PIDS_MIN = 8
_TRAPPED = 134  # 128 + SIGABRT, as Wasmtime's own command line ends


class WasmtimeExecutor:
    """An ``Executor`` for modules with a function ``_start``.

    The module sees the container's working directory as ``.``, its arguments, environment and standard streams.
    """

    def __init__(self) -> None:
        """Make an executor; Wasmtime is imported when a workload is for it."""
        self._engine: wasmtime.Engine | None = None
        self._linker: wasmtime.Linker | None = None
        self._module: wasmtime.Module | None = None

    def can_handle(self, spec: Spec) -> bool:
        """Tell whether the annotations ask for WebAssembly.

        Raises:
            LibcontainerError: they do, and Wasmtime is not installed.
            SpecError: they do, and args[0] is no module, or the limit of processes is too low for Wasmtime.
        """
        if not is_asked_for(spec):
            return False
        try:
            import wasmtime
        except ImportError as error:
            raise LibcontainerError(
                f"an annotation asks for WebAssembly, but wasmtime cannot be imported: {error}",
                property="annotations",
                hint="pip install 'pyouki[wasmtime]'",
            ) from error
        _check(spec)
        config = wasmtime.Config()
        # Its thread pool would not survive the fork, and compiling in the container would hang.
        config.parallel_compilation = False
        self._engine = wasmtime.Engine(config)
        self._linker = wasmtime.Linker(self._engine)
        self._linker.define_wasi()
        return True

    def validate(self, spec: Spec) -> None:
        """Compile the module.

        Raises:
            ExecutableError: it is missing, or no module that can be run.
        """
        import wasmtime

        name = _program(spec)
        try:
            with open(name, "rb") as file:
                content = file.read()
        except OSError as error:
            raise _not_executable(name, "open", error.errno) from None
        assert self._engine is not None
        try:
            # The suffix decides nothing: a text cannot begin with the magic number.
            binary = content if content.startswith(b"\0asm") else bytes(wasmtime.wat2wasm(content))
            self._module = wasmtime.Module(self._engine, binary)
        except wasmtime.WasmtimeError as error:
            raise _not_executable(name, str(error).strip().splitlines()[0]) from None
        if not any(export.name == "_start" for export in self._module.exports):
            raise _not_executable(name, "the module exports no function _start")

    def exec(self, spec: Spec, environment: Mapping[str, str]) -> NoReturn:
        """Run the module's ``_start`` and end with its exit status."""
        # As the init of a pid namespace this process would be deaf to every signal but SIGKILL while a module runs.
        if os.getpid() == 1:
            small_init.run(lambda: self._run(spec, environment))
        os._exit(self._run(spec, environment))

    def _run(self, spec: Spec, environment: Mapping[str, str]) -> int:
        import wasmtime

        assert self._engine is not None
        assert self._linker is not None
        assert self._module is not None
        assert spec.process is not None
        store = wasmtime.Store(self._engine)
        wasi = wasmtime.WasiConfig()
        wasi.argv = list(spec.process.args or ())
        wasi.env = list(environment.items())
        wasi.inherit_stdin()
        wasi.inherit_stdout()
        wasi.inherit_stderr()
        wasi.preopen_dir(".", ".")
        store.set_wasi(wasi)
        try:
            start = self._linker.instantiate(store, self._module).exports(store)["_start"]
            assert isinstance(start, wasmtime.Func)
            start(store)
        except wasmtime.ExitTrap as end:
            return int(end.code)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            os.write(2, f"{error}\n".encode(errors="replace"))
            return _TRAPPED
        return 0


def is_asked_for(spec: Spec) -> bool:
    """Tell whether the annotations of a container ask for WebAssembly."""
    handler = spec.annotations.get("run.oci.handler")
    variant = spec.annotations.get("module.wasm.image/variant")
    wanted = handler if handler is not None else {"compat": "wasm", "compat-smart": "wasm-smart"}.get(variant or "")
    return wanted == "wasm" or (wanted == "wasm-smart" and _program(spec).endswith(_SUFFIXES))


def _check(spec: Spec) -> None:
    program = _program(spec)
    if not program.endswith(_SUFFIXES):
        raise SpecError(
            "process.args[0]",
            f"an annotation asks for WebAssembly, but {program!r} ends neither in .wasm nor in .wat",
            hint="name a module, or let the handler be wasm-smart",
        )
    resources = spec.linux.resources
    limit = resources.pids.limit if resources is not None and resources.pids is not None else None
    if limit is not None and 0 < limit < _PIDS_MIN:
        raise SpecError(
            "linux.resources.pids.limit", f"Wasmtime needs {_PIDS_MIN} processes for its threads, got {limit}"
        )


def _program(spec: Spec) -> str:
    args = spec.process.args if spec.process is not None else None
    return args[0] if args else ""


def _not_executable(name: str, reason: str, number: int | None = None) -> ExecutableError:
    return ExecutableError(
        f"run WebAssembly module {name!r}: {reason}", number, step="exec", property="process.args[0]", object=name
    )
