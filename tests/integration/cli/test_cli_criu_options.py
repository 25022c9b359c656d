"""Each option of checkpoint and restore reaches CRIU; a stand-in writes down what it is asked.

Whether CRIU then does it is in test_checkpoint.py, with a real one. Field numbers are those of CRIU's rpc.proto.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import Caller, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conftest import MakeBundle
    from tests.support.bundle import Bundle
    from tests.support.runtime import Result, Runtime

    Fields = dict[int, list[int | bytes]]

pytestmark = pytest.mark.root

# Options as they are given, each with the field that it fills.
OF_BOTH: list[tuple[list[str], int, int | bytes]] = [
    (["--tcp-established"], 5, 1),
    (["--ext-unix-sk"], 4, 1),
    (["--shell-job"], 7, 1),
    (["--file-locks"], 8, 1),
    (["--auto-dedup"], 16, 1),
    (["--lazy-pages"], 48, 1),
    (["--empty-ns", "network"], 38, 1 << 30),
]
OF_CHECKPOINT: list[tuple[list[str], int, int | bytes]] = [
    *OF_BOTH,
    (["--leave-running"], 3, 1),
    (["--tcp-skip-in-flight"], 46, 1),
    (["--link-remap"], 18, 1),
    (["--parent-path", "../images"], 14, b"../images"),
    (["--pre-dump"], 15, 1),
    (["--page-server", "127.0.0.1:27"], 11, b"\x0a\x09127.0.0.1\x10\x1b"),
    (["--status-fd", "3"], 49, 3),
]
OF_RESTORE: list[tuple[list[str], int, int | bytes]] = [
    *OF_BOTH,
    (["--tcp-close"], 52, 1),
    (["--lsm-profile", "apparmor:web"], 53, b"apparmor:web"),
    (["--lsm-mount-context", "u:r:t:s0"], 63, b"u:r:t:s0"),
]
MODES = [("ignore", 0, "iptables", 1), ("soft", 3, "nftables", 2), ("full", 4, "skip", 3), ("strict", 5, "skip", 3)]


def option_of(value: object) -> str | None:
    return "=".join(value).lstrip("-") if isinstance(value, list) and isinstance(value[0], str) else ""


@pytest.fixture
def criu(work: str) -> Caller:
    """The environment of a caller whose criu is the stand-in."""
    os.mkdir(f"{work}/criu")
    source = read(os.path.join(os.path.dirname(__file__), "stand_in_criu.py"))
    with open(f"{work}/criu/criu", "w", encoding="utf-8") as file:
        file.write(f"#!{sys.executable}\n{source}")
    os.chmod(f"{work}/criu/criu", 0o755)
    # Descriptor 3 is there for --status-fd.
    return Caller(env={"PATH": f"{work}/criu:/usr/bin:/bin"}, prefix=["sh", "-c", f'exec "$@" 3>{work}/status', "-"])


@pytest.fixture
def images(work: str) -> str:
    """A directory that restore takes for a checkpoint."""
    os.mkdir(f"{work}/images")
    with open(f"{work}/images/descriptors.json", "w", encoding="ascii") as file:
        json.dump(["/dev/null"] * 3, file)
    return f"{work}/images"


@pytest.fixture
def bundle(runtime: Runtime, make_bundle: MakeBundle) -> Bundle:
    """The bundle of a running container."""
    made = make_bundle()
    runtime.start(made)
    return made


def checkpoint(runtime: Runtime, criu: Caller, images: str, bundle: Bundle, options: Sequence[str]) -> Result:
    return runtime("checkpoint", "--image-path", images, *options, bundle.id, caller=criu)


def restore(runtime: Runtime, criu: Caller, images: str, bundle: Bundle, options: Sequence[str]) -> Result:
    return runtime("restore", "--image-path", images, "--bundle", bundle.directory, *options, bundle.id, caller=criu)


def asked(criu: Caller) -> Fields:
    """Return the fields of criu_opts in what the stand-in was asked."""
    with open(f"{criu.env['PATH'].partition(':')[0]}/request", "rb") as file:
        (options,) = fields_of(file.read())[2]
    assert isinstance(options, bytes)
    return fields_of(options)


def fields_of(message: bytes) -> Fields:
    """Read protocol buffers: varints as integers, everything with a length as bytes."""
    found: Fields = {}
    rest = message
    while rest:
        key, rest = varint(rest)
        value, rest = varint(rest)
        if key & 7 == 2:
            found.setdefault(key >> 3, []).append(rest[:value])
            rest = rest[value:]
        else:
            found.setdefault(key >> 3, []).append(value)
    return found


def varint(data: bytes) -> tuple[int, bytes]:
    """Split a varint from what follows it."""
    size = next(index for index, byte in enumerate(data) if byte < 0x80) + 1
    return sum((byte & 0x7F) << 7 * index for index, byte in enumerate(data[:size])), data[size:]


def test_every_option_of_checkpoint_reaches_criu(runtime: Runtime, criu: Caller, images: str, bundle: Bundle) -> None:
    options = [word for words, _, _ in OF_CHECKPOINT for word in words]

    checkpoint(runtime, criu, images, bundle, options).exit_with(1)

    found = asked(criu)
    assert {field: found.get(field) for _, field, _ in OF_CHECKPOINT} == {
        field: [value] for _, field, value in OF_CHECKPOINT
    }
    assert '"running"' in runtime("state", bundle.id).stdout


def test_every_option_of_restore_reaches_criu(
    runtime: Runtime, criu: Caller, images: str, make_bundle: MakeBundle
) -> None:
    options = [word for words, _, _ in OF_RESTORE for word in words]

    restore(runtime, criu, images, make_bundle(), options).exit_with(1)

    found = asked(criu)
    assert {field: found.get(field) for _, field, _ in OF_RESTORE} == {field: [value] for _, field, value in OF_RESTORE}
    assert runtime.ids() == []


@pytest.mark.parametrize(("mode", "mode_number", "lock", "lock_number"), MODES, ids=[mode[0] for mode in MODES])
def test_modes_reach_criu_by_their_numbers(
    runtime: Runtime,
    criu: Caller,
    images: str,
    make_bundle: MakeBundle,
    mode: str,
    mode_number: int,
    lock: str,
    lock_number: int,
) -> None:
    options = ["--manage-cgroups-mode", mode, f"--network-lock={lock}"]

    restore(runtime, criu, images, make_bundle(), options).exit_with(1)

    found = asked(criu)
    assert (found[34], found[64]) == ([mode_number], [lock_number])


def test_work_path_of_restore_is_where_criu_writes_its_log(
    runtime: Runtime, criu: Caller, images: str, make_bundle: MakeBundle, work: str
) -> None:
    (record,) = restore(runtime, criu, images, make_bundle(), ["--work-path", f"{work}/logs"]).exit_with(1).records

    assert record["hint"] == f"see {work}/logs/restore.log"


def test_what_is_not_asked_for_is_not_set(runtime: Runtime, criu: Caller, images: str, bundle: Bundle) -> None:
    checkpoint(runtime, criu, images, bundle, []).exit_with(1)

    found = asked(criu)
    assert found[34] == [3]  # --manage-cgroups-mode soft
    assert {64, *(field for _, field, _ in OF_CHECKPOINT)} & found.keys() == set()


def test_failure_tells_why_and_where_criu_wrote_more(
    runtime: Runtime, criu: Caller, images: str, bundle: Bundle, work: str
) -> None:
    result = checkpoint(runtime, criu, images, bundle, ["--work-path", f"{work}/logs"]).exit_with(1)

    (record,) = result.records
    assert record["msg"] == "criu dump failed: refused as always"
    assert record["code"] == "criu-failed"
    assert record["hint"] == f"see {work}/logs/dump.log"
    shutil.rmtree(f"{work}/logs")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--page-server", "here"], "use --page-server ADDRESS:PORT to specify page server"),
        (["--parent-path", "/abs"], "invalid parent path '/abs': not an existing directory relative to the image path"),
        (["--status-fd", "9"], "--status-fd 9: bad file descriptor"),
        (["--manage-cgroups-mode", "hard"], "invalid manage-cgroups-mode: hard"),
        (["--network-lock", "nft"], "invalid network-lock: nft"),
        (["--empty-ns", "pid"], "namespace pid is not supported"),
    ],
    ids=option_of,
)
def test_wrong_option_is_refused_before_criu_is_asked(
    runtime: Runtime, criu: Caller, images: str, bundle: Bundle, options: list[str], message: str
) -> None:
    (record,) = checkpoint(runtime, criu, images, bundle, options).exit_with(1).records

    assert record["msg"] == message
    assert record["code"] in ("invalid-argument", "usage")


def test_restore_takes_the_options_of_create(
    runtime: Runtime, criu: Caller, images: str, make_bundle: MakeBundle, work: str
) -> None:
    # conmon passes --no-pivot and --no-new-keyring to restore as well.
    options = ["--detach", "--pid-file", f"{work}/pid", "--no-pivot", "--no-subreaper", "--no-new-keyring"]

    result = restore(runtime, criu, images, make_bundle(), [*options, "--preserve-fds", "0"]).exit_with(1)

    assert "criu restore failed: refused as always" in result.message
    assert not os.path.exists(f"{work}/pid")


def test_restore_refuses_descriptors_that_it_cannot_pass_on(
    runtime: Runtime, criu: Caller, images: str, make_bundle: MakeBundle
) -> None:
    (record,) = restore(runtime, criu, images, make_bundle(), ["--preserve-fds", "1"]).exit_with(1).records

    message = "cannot use --preserve-fds with restore: the descriptors of the container are those of its checkpoint"
    assert (record["msg"], record["code"], record["object"]) == (message, "invalid-argument", "--preserve-fds")
    assert runtime.ids() == []


def test_what_create_takes_from_an_annotation_restore_takes_too(
    runtime: Runtime, criu: Caller, images: str, make_bundle: MakeBundle
) -> None:
    rules = [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]
    mutate = mutations.every(
        mutations.linux(seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules}),
        mutations.top(annotations={"run.oci.seccomp.receiver": "/run/agent.sock"}),
    )

    result = restore(runtime, criu, images, make_bundle(mutate=mutate), []).exit_with(1)

    assert "criu restore failed: refused as always" in result.message
