"""Everything that ``features`` lists works, or the kernel's reason is told: generated over what it prints."""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.spec.mount_words import CASES
from tests.integration.spec.proofs import BOOLEANS, MEMORY_FLAGS, MEMORY_MODES, SPECIAL_MOUNT_WORDS
from tests.support import host, mutations
from tests.support.runtime import REPOSITORY, read

if TYPE_CHECKING:
    from tests.conftest import Inside, MakeBundle
    from tests.support.bundle import Json
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

_NAMESPACE_FILES = {"mount": "mnt", "network": "net"}
_GETPPID = 110
_x86_64_only = pytest.mark.skipif(platform.machine() != "x86_64", reason="system call numbers are x86_64's")


@pytest.fixture
def features(runtime: Runtime) -> Json:
    printed: Json = json.loads(runtime("features").succeed().stdout)
    return printed


def exists(test: str) -> bool:
    """Tell whether a test is there: ``PATH::NAME`` or ``PATH::CLASS::NAME``, relative to the repository."""
    path, *names = test.split("::")
    text = read(os.path.join(REPOSITORY, path))
    return bool(text) and all(re.search(rf"^ *(class|def) {name}\b", text, re.MULTILINE) for name in names)


def test_versions_at_both_ends_are_taken(inside: Inside, features: Json) -> None:
    for version in (features["ociVersionMin"], features["ociVersionMax"]):
        assert inside("echo ok", mutations.top(ociVersion=version)) == "ok\n"


def test_every_hook_runs(runtime: Runtime, make_bundle: MakeBundle, features: Json, work: str) -> None:
    out = os.path.join(work, "hooks")
    mutate = mutations.every(
        mutations.mount(work, work, "rbind"),
        mutations.top(
            hooks={
                kind: [{"path": "/bin/sh", "args": ["sh", "-c", f"echo {kind} >> {out}"]}] for kind in features["hooks"]
            }
        ),
    )

    runtime.run(make_bundle("true", mutate=mutate)).succeed()

    assert read(out).split() == features["hooks"]


def test_every_mount_option_has_a_proof(features: Json) -> None:
    listed = set(features["mountOptions"])

    assert listed == set(CASES) | set(SPECIAL_MOUNT_WORDS)
    assert {word: test for word, test in SPECIAL_MOUNT_WORDS.items() if not exists(test)} == {}


def test_every_namespace_is_new(inside: Inside, features: Json) -> None:
    host.require("userns")
    kinds = features["linux"]["namespaces"]
    files = [_NAMESPACE_FILES.get(kind, kind) for kind in kinds]
    new = [mutations.namespace(kind) for kind in kinds]

    mutate = mutations.every(*new, mutations.user_namespace())
    found = inside(f"cd /proc/self/ns; for file in {' '.join(files)}; do readlink $file; done", mutate).split()

    assert [link for link in found if link in {os.readlink(f"/proc/self/ns/{file}") for file in files}] == []
    assert len(found) == len(kinds)


def test_every_capability_of_the_kernel_is_given(inside: Inside, features: Json) -> None:
    names = features["linux"]["capabilities"]
    mutate = mutations.capabilities(*names, sets=mutations.CAPABILITY_SETS)
    last = int(read("/proc/sys/kernel/cap_last_cap"))
    held = int(next(line.split()[1] for line in read("/proc/self/status").splitlines() if "CapPrm" in line), 16)

    found = dict(line.split(":\t") for line in inside("grep ^Cap /proc/self/status", mutate).splitlines())

    # What the caller itself does not hold cannot be given: a warning, as the specification wants.
    assert last < len(names)
    assert {int(found[kind], 16) for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {held}


@pytest.mark.seccomp
@_x86_64_only
class TestSeccomp:
    ACTIONS = {
        "SCMP_ACT_KILL": (128 + signal.SIGSYS, ""),
        "SCMP_ACT_KILL_PROCESS": (128 + signal.SIGSYS, ""),
        "SCMP_ACT_KILL_THREAD": (128 + signal.SIGSYS, ""),
        "SCMP_ACT_TRAP": (128 + signal.SIGSYS, ""),
        "SCMP_ACT_ERRNO": (1, f"{_GETPPID}: 1 EPERM\n"),
        "SCMP_ACT_TRACE": (1, f"{_GETPPID}: 38 ENOSYS\n"),
        "SCMP_ACT_LOG": (0, f"{_GETPPID}: ok\n"),
        "SCMP_ACT_ALLOW": (0, f"{_GETPPID}: ok\n"),
    }
    """SCMP_ACT_NOTIFY needs an agent: test_spec_seccomp.py."""

    OPERATORS = {
        "SCMP_CMP_NE": (110, 5, 4, 5),
        "SCMP_CMP_LT": (111, 5, 4, 5),
        "SCMP_CMP_LE": (102, 5, 5, 6),
        "SCMP_CMP_EQ": (104, 5, 5, 6),
        "SCMP_CMP_GE": (107, 5, 5, 4),
        "SCMP_CMP_GT": (108, 5, 6, 5),
        "SCMP_CMP_MASKED_EQ": (24, 0xF0, 0x3F, 0x4F),
    }
    """Number of a system call without arguments, the value compared with, one that matches, one that does not."""

    NAMES = {
        110: "getppid",
        111: "getpgrp",
        102: "getuid",
        104: "getgid",
        107: "geteuid",
        108: "getegid",
        24: "sched_yield",
    }

    @pytest.mark.parametrize("action", ACTIONS)
    def test_action(self, runtime: Runtime, make_bundle: MakeBundle, features: Json, action: str) -> None:
        host.require("gcc")
        rules = [{"names": ["getppid"], "action": action}]
        mutate = mutations.linux(seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules})

        result = runtime.run(make_bundle("probe", "syscall", str(_GETPPID), mutate=mutate))

        assert (result.returncode, result.stdout) == self.ACTIONS[action]
        assert set(features["linux"]["seccomp"]["actions"]) == {*self.ACTIONS, "SCMP_ACT_NOTIFY"}

    def test_every_operator(self, inside: Inside, features: Json) -> None:
        host.require("gcc")
        rules, script = [], ""
        for operator in features["linux"]["seccomp"]["operators"]:
            number, value, matches, differs = self.OPERATORS[operator]
            argument = {"index": 0, "value": value, "op": operator}
            if operator == "SCMP_CMP_MASKED_EQ":
                argument["valueTwo"] = 0x30
            rules.append(
                {"names": [self.NAMES[number]], "action": "SCMP_ACT_ERRNO", "errnoRet": 13, "args": [argument]}
            )
            script += f"echo {operator}; probe syscall {number} {matches}; probe syscall {number} {differs};"
        mutate = mutations.linux(seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules})

        words = inside(f"{script} true", mutate).split()

        expected: list[str] = []
        for operator in features["linux"]["seccomp"]["operators"]:
            number = self.OPERATORS[operator][0]
            expected += [operator, f"{number}:", "13", "EACCES", f"{number}:", "ok"]
        assert words == expected

    def test_every_architecture(self, runtime: Runtime, make_bundle: MakeBundle, features: Json) -> None:
        """One filter for all whose byte order is this machine's; libseccomp refuses the others, and so do we."""
        same = [name for name in features["linux"]["seccomp"]["archs"] if name not in _BIG_ENDIAN]
        others = [name for name in features["linux"]["seccomp"]["archs"] if name in _BIG_ENDIAN]
        assert sys.byteorder == "little"

        runtime.run(make_bundle("true", mutate=_architectures(*same))).succeed()

        for name in others:
            result = runtime.try_create(make_bundle("true", mutate=_architectures(name))).exit_with(1)
            assert result.records[-1]["property"] == "linux.seccomp.architectures[0]", name

    def test_every_supported_flag(self, runtime: Runtime, make_bundle: MakeBundle, features: Json) -> None:
        seccomp = features["linux"]["seccomp"]
        for flag in seccomp["knownFlags"]:
            rules = [{"names": ["getppid"], "action": "SCMP_ACT_ERRNO"}]
            profile = {"defaultAction": "SCMP_ACT_ALLOW", "flags": [flag], "syscalls": rules}
            result = runtime.run(make_bundle("true", mutate=mutations.linux(seccomp=profile)))
            assert (result.returncode == 0) == (flag in seccomp["supportedFlags"]), flag


_BIG_ENDIAN = {
    f"SCMP_ARCH_{name}"
    for name in ("MIPS", "MIPS64", "MIPS64N32", "PARISC", "PARISC64", "PPC", "PPC64", "S390", "S390X", "M68K", "SHEB")
}


def _architectures(*names: str) -> mutations.Mutation:
    return mutations.linux(
        seccomp={
            "defaultAction": "SCMP_ACT_ALLOW",
            "architectures": list(names),
            "syscalls": [{"names": ["getppid"], "action": "SCMP_ACT_ERRNO"}],
        }
    )


def test_every_memory_policy_has_a_proof(features: Json) -> None:
    policies = features["linux"]["memoryPolicy"]

    assert (set(policies["modes"]), set(policies["flags"])) == (set(MEMORY_MODES), set(MEMORY_FLAGS))


def test_everything_that_is_said_to_be_enabled_has_a_proof(features: Json) -> None:
    enabled = {path for path, value in _leaves(features["linux"], "linux") if value is True}

    assert enabled == set(BOOLEANS)
    assert {path: test for path, test in BOOLEANS.items() if not exists(test)} == {}


def _leaves(value: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [leaf for name, inner in value.items() for leaf in _leaves(inner, f"{path}.{name}")]
    return [(path, value)]


def test_annotations_that_an_image_must_not_set_are_known(features: Json) -> None:
    assert features["potentiallyUnsafeConfigAnnotations"] == [
        "org.systemd.property.",
        "org.criu.config",
        "run.oci.keep_original_groups",
        "run.oci.seccomp.receiver",
        "run.oci.pidfd_receiver",
        "run.oci.hooks.stdout",
        "run.oci.hooks.stderr",
    ]
