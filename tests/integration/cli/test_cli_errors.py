"""Errors as data: one record each, with a stable code, and the property or object that is to blame."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.contest.test_failures import CASES
from tests.support import mutations
from tests.support.runtime import Caller

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.bundle import Json
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

# Of each case of tests/contest/test_failures.py: code, step, property, system call, object.
DETAILS: dict[str, tuple[str, str | None, str | None, str | None, str | None]] = {
    "absolute program missing": ("not-executable", "exec", "process.args[0]", None, "/nope"),
    "program not in path": ("not-executable", "exec", "process.args[0]", None, "sleeep"),
    "program not executable": ("not-executable", "exec", "process.args[0]", None, "/plain"),
    "program a directory": ("not-executable", "exec", "process.args[0]", None, "/etc"),
    "rootfs missing": ("invalid-config", None, "root.path", None, None),
    "bind source missing": ("syscall-failed", "mount", "mounts[7].source", "open_tree", "/no/such"),
    "bogus mount option": ("syscall-failed", "mount", "mounts[7].options", "fsconfig", "/mnt"),
    "bogus file system": ("syscall-failed", "mount", "mounts[7]", "fsopen", "/mnt"),
    "no config": ("invalid-config", None, None, None, None),
    "wrong type": ("invalid-config", None, "hostname", None, None),
    "wrong type deep down": ("invalid-config", None, "process.rlimits[0].soft", None, None),
    "relative cwd": ("invalid-config", None, "process.cwd", None, None),
    "no process": ("invalid-config", None, "process", None, None),
    "empty args": ("invalid-config", None, "process.args", None, None),
    "sysctl of the host": ("invalid-config", None, "linux.sysctl", None, None),
    "duplicate namespace": ("invalid-config", None, "linux.namespaces[1]", None, None),
    "unknown rlimit": ("invalid-config", None, "process.rlimits[0].type", None, None),
    "hook fails": ("hook-failed", "hook createRuntime", "hooks.createRuntime[0]", None, "/bin/sh"),
    "hook over its timeout": ("hook-failed", "hook createRuntime", "hooks.createRuntime[0]", None, "/bin/sleep"),
    "terminal without console socket": ("invalid-argument", None, "process.terminal", None, None),
    "not json": ("invalid-config", None, None, None, None),
    "empty config": ("invalid-config", None, None, None, None),
    "config not utf-8": ("invalid-config", None, None, None, None),
    "deeply nested config": ("invalid-config", None, None, None, None),
    "config a list": ("invalid-config", None, None, None, None),
}
# Which limit is hit first, that of the write or that of init's memory, is the kernel's choice.
ALLOW_ALL = {"defaultAction": "SCMP_ACT_ALLOW"}
UNDECIDED = {"memory limit too low"}


def test_details_are_known_of_every_case() -> None:
    assert {case.name for case in CASES} == DETAILS.keys() | UNDECIDED


@pytest.mark.parametrize("name", DETAILS, ids=lambda name: name.replace(" ", "-"))
def test_record_tells_what_is_to_blame(runtime: Runtime, make_bundle: MakeBundle, name: str) -> None:
    (case,) = [case for case in CASES if case.name == name]
    bundle = make_bundle(mutate=case.mutate)
    case.prepare(bundle)
    bundle.made = frozenset()  # what the case has put there is its own
    bundle.new_entries = list  # type: ignore[method-assign]  # see above

    (record,) = runtime.try_create(bundle).exit_with(1).records

    assert tuple(record.get(key) for key in ("code", "step", "property", "syscall", "object")) == DETAILS[name]


@pytest.mark.parametrize(
    ("mutate", "words"),
    [
        (mutations.top(ociVersion="9.9.9"), "ociVersion: expected a version 1.x.y of the specification, got '9.9.9'"),
        (mutations.top(ociVersion="1.x"), "ociVersion: expected a version 1.x.y of the specification, got '1.x'"),
    ],
)
def test_version_of_another_specification_is_refused(
    runtime: Runtime, make_bundle: MakeBundle, mutate: mutations.Mutation, words: str
) -> None:
    (record,) = runtime.try_create(make_bundle(mutate=mutate)).exit_with(1).records

    assert (record["msg"], record["property"]) == (words, "ociVersion")


@pytest.mark.parametrize(
    ("words", "refusal", "hint"),
    [
        (["ro", "size=64k", "bogus"], "unknown option 'bogus'", "Unknown parameter 'bogus'"),
        (["bogus=3"], "unknown option 'bogus=3'", "Unknown parameter 'bogus'"),
        (["size=much"], "refused option 'size=much'", "Bad value for 'size'"),
    ],
    ids=["word", "word with a value", "wrong value"],
)
def test_message_names_the_mount_option_that_the_file_system_refuses(
    runtime: Runtime, make_bundle: MakeBundle, words: list[str], refusal: str, hint: str
) -> None:
    mutate = mutations.mount("/mnt", "tmpfs", *words, fstype="tmpfs")

    (record,) = runtime.try_create(make_bundle(mutate=mutate)).exit_with(1).records

    assert record["msg"] == f"mounts[7].options: {refusal}: mount tmpfs on /mnt: invalid argument"
    assert record["hint"] == f"the kernel says: tmpfs: {hint}"


@pytest.mark.parametrize(
    "mutate",
    [
        mutations.top(ociVersion="1.9.9-dev"),
        mutations.top(unknownProperty={"a": 1}),
        mutations.linux(seccomp={**ALLOW_ALL, "syscalls": [{"names": ["no_such_call"], "action": "SCMP_ACT_ERRNO"}]}),
        lambda config: config["process"]["capabilities"]["bounding"].append("CAP_NO_SUCH"),
    ],
    ids=["newer version", "unknown property", "unknown system call", "unknown capability"],
)
def test_what_this_runtime_does_not_know_is_no_error(
    runtime: Runtime, make_bundle: MakeBundle, mutate: mutations.Mutation
) -> None:
    result = runtime.run(make_bundle("echo", "ran", mutate=mutate)).succeed()

    assert (result.stdout, result.log) == ("ran\n", "")


def test_all_faults_of_a_configuration_are_told_at_once(runtime: Runtime, make_bundle: MakeBundle) -> None:
    def spoil(config: Json) -> None:
        config["hostname"] = 5
        config["process"]["cwd"] = ["/"]
        config["linux"]["maskedPaths"] = "/proc"

    result = runtime.try_create(make_bundle(mutate=spoil)).exit_with(1)

    (record,) = result.records
    assert [error.partition(":")[0] for error in record["errors"]] == ["process.cwd", "hostname", "linux.maskedPaths"]
    assert "linux.maskedPaths" in result.stderr


class TestAfterStart:
    """What fails only when the program is executed reaches the log of whoever started it."""

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("#!/no/such/interpreter\n", "exec /script: no such file or directory"),
            ("no interpreter line\n", "exec /script: exec format error"),
        ],
        ids=["interpreter missing", "no interpreter line"],
    )
    @pytest.mark.parametrize("command", ["start", "run", "run --detach", "exec"])
    def test_is_one_record_and_the_text(
        self, runtime: Runtime, make_bundle: MakeBundle, text: str, message: str, command: str
    ) -> None:
        bundle = make_bundle("/script")
        bundle.put("/script", text, mode=0o755)
        if command == "exec":
            runtime.create(bundle)
            result = runtime("exec", bundle.id, "/script").exit_with(255)
        elif command == "start":
            result = runtime.create(bundle).command("start").exit_with(1)
        else:
            result = runtime(*command.split(), "--bundle", bundle.directory, bundle.id).exit_with(1)

        (record,) = result.records
        assert message in record["msg"]
        assert record["code"] == "not-executable"
        assert record["msg"] in result.stderr


def test_log_file_holds_one_object_for_podman(runtime: Runtime, make_bundle: MakeBundle) -> None:
    result = runtime.try_create(make_bundle("/nope")).exit_with(1)

    assert json.loads(result.log)["level"] == "error"


def test_usage_error_is_a_record_too(runtime: Runtime) -> None:
    (record,) = runtime("create").exit_with(1).records

    assert (record["msg"], record["code"]) == ('"create" requires exactly 1 argument(s)', "usage")


def test_error_before_everything_else_is_a_record_too(runtime: Runtime, make_bundle: MakeBundle) -> None:
    (record,) = runtime.try_create(make_bundle(), "--preserve-fds", "3").exit_with(1).records

    assert record["msg"].startswith("unable to stat preserved-fd 1 (of 3)")


def test_output_that_nobody_reads_is_an_error_and_no_trace(runtime: Runtime) -> None:
    script = 'mkfifo p; exec 3<>p 4>p 3<&-; exec "$@" >&4'
    into_nowhere = Caller(prefix=["sh", "-c", script, "-"], cwd=runtime.work)

    result = runtime("features", caller=into_nowhere).fail()

    assert "Traceback" not in result.stderr
