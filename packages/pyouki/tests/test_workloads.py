"""Who runs workloads that are no programs of the kernel's."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from libcgroups import LinuxPids, LinuxResources
from libcontainer.errors import LibcontainerError, SpecError
from libcontainer.oci.spec import Linux, Process, Root, Spec
from pyouki import workloads
from pyouki.commands import create
from pyouki.workloads import wasmtime

if TYPE_CHECKING:
    from pathlib import Path

HANDLER, VARIANT = "run.oci.handler", "module.wasm.image/variant"


def _spec(program: str, **annotations: str) -> Spec:
    return Spec(
        oci_version="1.0.2",
        root=Root("rootfs"),
        process=Process(cwd="/", args=(program,)),
        annotations=annotations,
    )


@pytest.mark.parametrize(
    ("annotations", "program", "asked"),
    [
        ({}, "/a.wasm", False),
        ({HANDLER: "wasm"}, "/a.wasm", True),
        ({HANDLER: "wasm"}, "/a", True),
        ({HANDLER: "krun"}, "/a.wasm", False),
        ({HANDLER: "wasm-smart"}, "/a.wat", True),
        ({HANDLER: "wasm-smart"}, "/bin/sh", False),
        ({VARIANT: "compat"}, "/a.wasm", True),
        ({VARIANT: "compat-smart"}, "/bin/sh", False),
        ({VARIANT: "compat-smart"}, "/a.wasm", True),
        ({VARIANT: "other"}, "/a.wasm", False),
        ({HANDLER: "krun", VARIANT: "compat"}, "/a.wasm", False),
    ],
)
def test_the_annotations_choose(annotations: dict[str, str], program: str, asked: bool) -> None:
    assert wasmtime.is_asked_for(_spec(program, **annotations)) is asked


def test_nobody_is_looked_for_without_an_annotation() -> None:
    assert list(create._executors({})) == []
    assert list(create._executors({"org.example": "wasm"})) == []


def test_a_program_that_is_no_module_is_refused() -> None:
    pytest.importorskip("wasmtime")

    with pytest.raises(SpecError, match=r"^process\.args\[0\]: an annotation asks for WebAssembly, but '/bin/sh' ends"):
        wasmtime.WasmtimeExecutor().can_handle(_spec("/bin/sh", **{HANDLER: "wasm"}))


def test_a_limit_that_wasmtime_would_hang_at_is_refused() -> None:
    pytest.importorskip("wasmtime")
    spec = _spec("/a.wasm", **{HANDLER: "wasm"}).replace(linux=Linux(resources=LinuxResources(pids=LinuxPids(3))))

    with pytest.raises(SpecError, match=r"^linux\.resources\.pids\.limit: Wasmtime needs 8 processes .*, got 3$"):
        wasmtime.WasmtimeExecutor().can_handle(spec)


def test_a_missing_wasmtime_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wasmtime", None)

    with pytest.raises(LibcontainerError, match=r"^an annotation asks for WebAssembly, but wasmtime cannot") as caught:
        wasmtime.WasmtimeExecutor().can_handle(_spec("/a.wasm", **{HANDLER: "wasm"}))

    assert caught.value.hint == "pip install 'pyouki[wasmtime]'"


def _distribution(directory: Path, entry: str) -> None:
    info = directory / "other_executor-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-executor\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[{workloads.GROUP}]\nother = {entry}\n")
    (directory / "other_executor.py").write_text(
        "class Other:\n    def can_handle(self, spec):\n        return spec.process.args[0] == 'other'\n"
    )


def test_an_installed_executor_is_asked_before_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _distribution(tmp_path, "other_executor:Other")
    monkeypatch.syspath_prepend(tmp_path)

    found = create._executors({HANDLER: "other"})

    assert [type(each).__name__ for each in found] == ["Other", "WasmtimeExecutor"]
    assert found[0].can_handle(_spec("other"))


def test_an_executor_that_cannot_be_imported_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _distribution(tmp_path, "other_executor:Missing")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(LibcontainerError, match=r"^load executor other \(other_executor:Missing\): AttributeError: "):
        workloads.installed()
