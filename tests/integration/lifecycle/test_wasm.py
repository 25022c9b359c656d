"""WebAssembly modules run as containers, with Wasmtime inside them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.bundle import Bundle, Json
    from tests.support.runtime import Runtime

    MakeBundle = Callable[..., Bundle]

pytestmark = [
    pytest.mark.root,
    pytest.mark.cgroup1,
    pytest.mark.skipif(os.environ.get("RUNTIME", "pyouki") != "pyouki", reason="others need a build with an engine"),
]
pytest.importorskip("wasmtime", reason="the extra pyouki[wasmtime] is not installed")

MODULE = """
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (drop (call $args (i32.const 64) (i32.const 1024)))
    (i32.store (i32.const 16) (i32.const 1024))
    (i32.store (i32.const 20) (i32.load (i32.const 4)))
    (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 32)))
    BODY))
"""
EXITS = MODULE.replace("BODY", "(call $exit (i32.const 42))")
SPINS = MODULE.replace("BODY", "(loop $again (br $again))")
TRAPS = MODULE.replace("BODY", "unreachable")


@pytest.fixture
def wasm_bundle(make_bundle: MakeBundle) -> MakeBundle:
    """A function that makes a bundle with a module: ``wasm_bundle(EXITS, mutate=…)``."""

    def make(text: str, mutate: Callable[[Json], object] | None = None) -> Bundle:
        def prepare(config: Json) -> None:
            config["annotations"] = {"run.oci.handler": "wasm"}
            if mutate is not None:
                mutate(config)

        bundle = make_bundle("/module.wat", "an argument", mutate=prepare)
        bundle.put("/module.wat", text)
        return bundle

    return make


def test_a_module_gets_its_arguments_and_its_status_is_the_containers(
    runtime: Runtime, wasm_bundle: MakeBundle
) -> None:
    result = runtime.run(wasm_bundle(EXITS))

    assert result.exit_with(42).stdout == "/module.wat\0an argument\0"


def test_a_module_runs_as_another_user_without_capabilities_and_below_a_filter(
    runtime: Runtime, wasm_bundle: MakeBundle
) -> None:
    runtime.run(wasm_bundle(EXITS, mutate=_confine)).exit_with(42)


def test_a_module_that_computes_is_stopped_by_a_signal(runtime: Runtime, wasm_bundle: MakeBundle) -> None:
    container = runtime.start(wasm_bundle(SPINS))
    eventually(lambda: "argument" in container.output(), "the module to run")

    container.kill("TERM").succeed()

    container.wait(10)
    assert container.status == "stopped"
    container.delete().succeed()


def test_a_trap_is_told_on_standard_error(runtime: Runtime, wasm_bundle: MakeBundle) -> None:
    result = runtime.run(wasm_bundle(TRAPS)).exit_with(134)

    assert "unreachable" in result.stderr


@pytest.mark.parametrize(
    ("text", "reason"),
    [("(module", "expected `)`"), ("(module)", "the module exports no function _start")],
    ids=["syntax", "start"],
)
def test_a_module_that_cannot_be_run_fails_create(
    text: str, reason: str, runtime: Runtime, wasm_bundle: MakeBundle
) -> None:
    result = runtime.try_create(wasm_bundle(text)).fail()

    assert "run webassembly module '/module.wat'" in result.message
    assert reason in result.message


def test_a_module_that_is_missing_fails_create(runtime: Runtime, wasm_bundle: MakeBundle) -> None:
    bundle = wasm_bundle(EXITS)
    os.unlink(bundle.inside("/module.wat"))

    assert "no such file or directory" in runtime.try_create(bundle).fail().message


def _confine(config: Json) -> None:
    config["process"]["user"] = {"uid": 1000, "gid": 1000}
    config["process"]["capabilities"] = {}
    config["process"]["noNewPrivileges"] = True
    config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "ptrace"], "action": "SCMP_ACT_ERRNO"}],
    }
