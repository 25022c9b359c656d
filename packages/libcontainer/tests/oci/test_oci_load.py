"""Reading documents from files that anybody may have made."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from libcgroups.resources import LinuxPids, LinuxResources
from libcontainer.errors import SpecError
from libcontainer.oci import load, spec

if TYPE_CHECKING:
    import pathlib

MINIMAL = b'{"ociVersion": "1.3.0", "root": {"path": "rootfs"}}'


def test_bundle_and_path_of_its_config_give_the_same(tmp_path: pathlib.Path) -> None:
    (tmp_path / "config.json").write_bytes(MINIMAL)

    expected = spec.Spec("1.3.0", spec.Root("rootfs"))
    assert load.load(tmp_path) == expected
    assert load.load(str(tmp_path / "config.json")) == expected


def test_missing_config_is_told_in_the_sentence_clients_know(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SpecError, match=r"^JSON specification file config\.json not found$") as caught:
        load.load(tmp_path)

    assert caught.value.hint is not None
    assert str(tmp_path) in caught.value.hint


def test_missing_bundle_is_told_as_such(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SpecError, match=r"^open .*/nowhere: no such file or directory$"):
        load.load(tmp_path / "nowhere")


@pytest.mark.timeout(10)
def test_fifo_does_not_hang_the_runtime(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "config.json")

    with pytest.raises(SpecError, match=r"^read .*/config\.json: not a regular file$"):
        load.load(tmp_path)


@pytest.mark.parametrize("path", ["/dev/zero", "/proc"])
def test_only_regular_files_are_read(path: str) -> None:
    with pytest.raises(SpecError, match=r"^read .*: not a regular file$"):
        load.load_process(path)


def test_endless_documents_are_not_read(tmp_path: pathlib.Path) -> None:
    with open(tmp_path / "config.json", "wb") as file:
        file.truncate(load.MAX_SIZE + 1)

    with pytest.raises(SpecError, match=r"^read .*/config\.json: larger than 67108864 bytes$"):
        load.load(tmp_path)


def test_bad_json_names_the_file(tmp_path: pathlib.Path) -> None:
    (tmp_path / "process.json").write_text('{"cwd": ')

    with pytest.raises(SpecError, match=r"^read .*/process\.json: expected a value at line 1 column 9$"):
        load.load_process(tmp_path / "process.json")


def test_process_and_resources_are_read_from_bytes() -> None:
    assert load.load_process(b'{"cwd": "/", "args": ["true"]}') == spec.Process("/", ("true",))
    assert load.load_resources(b'{"pids": {"limit": 5}}') == LinuxResources(pids=LinuxPids(5))


def test_no_descriptor_is_left_open(tmp_path: pathlib.Path) -> None:
    (tmp_path / "config.json").write_bytes(MINIMAL)
    before = os.listdir("/proc/self/fd")

    load.load(tmp_path)
    with pytest.raises(SpecError):
        load.read("/dev/null")

    assert os.listdir("/proc/self/fd") == before


def test_all_faults_of_a_document_are_told_at_once() -> None:
    document = b'{"ociVersion": 1, "root": {}, "linux": {"devices": [{"type": "x", "path": "/dev/x", "uid": -1}]}}'

    with pytest.raises(SpecError, match=r"^ociVersion: expected a string, got 1$") as caught:
        load.parse(document)

    assert caught.value.errors == (
        "ociVersion: expected a string, got 1",
        "root.path: required property is missing",
        "linux.devices[0].type: expected one of c, b, u, p, got 'x'",
        "linux.devices[0].uid: expected at least 0, got -1",
    )
    assert caught.value.hint == "also wrong: " + "; ".join(caught.value.errors[1:])


NOTIFY = spec.LinuxSeccomp("SCMP_ACT_ALLOW", syscalls=(spec.LinuxSyscall(("mkdir",), "SCMP_ACT_NOTIFY"),))


def test_receiver_of_an_annotation_is_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUN_OCI_SECCOMP_RECEIVER", "/from/environment")
    config = spec.Spec(
        "1.3.0",
        spec.Root("rootfs"),
        annotations={"run.oci.seccomp.receiver": "/from/annotation"},
        linux=spec.Linux(seccomp=NOTIFY),
    )

    filled = load.complete(config)

    assert filled.linux.seccomp == NOTIFY.replace(listener_path="/from/annotation")


@pytest.mark.parametrize(
    "seccomp",
    [None, spec.LinuxSeccomp("SCMP_ACT_ALLOW"), NOTIFY.replace(listener_path="/own")],
    ids=["no filter", "nothing to ask", "path of its own"],
)
def test_what_lacks_nothing_is_returned_as_it_is(
    seccomp: spec.LinuxSeccomp | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUN_OCI_SECCOMP_RECEIVER", "/from/environment")
    config = spec.Spec("1.3.0", spec.Root("rootfs"), linux=spec.Linux(seccomp=seccomp))

    assert load.complete(config) is config
