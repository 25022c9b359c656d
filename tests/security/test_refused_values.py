"""Values of config.json that must be an error, never ignored, and files in its place."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

_UNKNOWN = {
    "seccomp-action": mutations.linux(seccomp={"defaultAction": "SCMP_ACT_BOGUS"}),
    "namespace": mutations.namespace("bogus"),
    "rlimit": mutations.process(rlimits=[{"type": "RLIMIT_BOGUS", "soft": 1, "hard": 1}]),
    "mount-option": mutations.mount("/mnt", "proc", "bogusopt", fstype="proc"),
    "propagation": mutations.linux(rootfsPropagation="bogus"),
    "device-type": mutations.linux(devices=[{"path": "/dev/x", "type": "q", "major": 1, "minor": 3}]),
}

_SYSCTLS = [
    "net/../kernel/panic",
    "net.ipv4.../../../kernel/panic",
    "kernel.msg/../panic",
    "../kernel/panic",
    "/kernel/panic",
    "kernel.panic",
    "kernel.hostname",
    "vm.overcommit_memory",
    "fs.file-max",
    "kernel.core_pattern",
    "user.max_user_namespaces",
    "net",
    "",
    ".",
]


@pytest.mark.parametrize("mutate", _UNKNOWN.values(), ids=_UNKNOWN.keys())
def test_unknown_value(runtime: Runtime, make_bundle: MakeBundle, mutate: mutations.Mutation) -> None:
    """B10."""
    runtime.try_create(make_bundle(mutate=mutate)).exit_with(1)

    assert runtime.ids() == []


@pytest.mark.parametrize("key", _SYSCTLS, ids=repr)
def test_sysctl_of_the_host(runtime: Runtime, make_bundle: MakeBundle, key: str) -> None:
    """B11: only keys of namespaces that are new, whatever way they are written."""
    before = _panic()

    result = runtime.try_create(make_bundle(mutate=mutations.linux(sysctl={key: "7"})))

    assert _panic() == before
    result.exit_with(1)


@pytest.mark.parametrize(("space", "key"), [("network", "net.ipv4.ip_forward"), ("ipc", "kernel.shmmax")])
def test_sysctl_of_a_namespace_shared_with_the_host(
    runtime: Runtime, make_bundle: MakeBundle, space: str, key: str
) -> None:
    """B11: the same keys belong to the host when the namespace does."""
    mutate = mutations.every(mutations.without_namespace(space), mutations.linux(sysctl={key: "1"}))

    runtime.try_create(make_bundle(mutate=mutate)).exit_with(1)


class TestConfigFile:
    """B26: config.json is not a regular file."""

    def test_fifo(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle()
        os.unlink(f"{bundle.directory}/config.json")
        os.mkfifo(f"{bundle.directory}/config.json")

        runtime("create", "--bundle", bundle.directory, "c1", timeout_s=5).exit_with(1)

    def test_link_to_an_endless_device(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle()
        os.unlink(f"{bundle.directory}/config.json")
        os.symlink("/dev/zero", f"{bundle.directory}/config.json")

        runtime("create", "--bundle", bundle.directory, "c1", timeout_s=5).exit_with(1)


class TestJson:
    """B25: JSON that two readers understand differently is an error."""

    @pytest.mark.parametrize(
        "change",
        [
            ('"ociVersion"', '"process": {}, "ociVersion"'),
            ('"terminal": false', '"terminal": NaN'),
            ('"sleep"', '"sl\\u0000eep"'),
        ],
        ids=["duplicate-key", "not-a-number", "nul"],
    )
    def test_is_refused(self, runtime: Runtime, make_bundle: MakeBundle, change: tuple[str, str]) -> None:
        bundle = make_bundle()
        with open(f"{bundle.directory}/config.json", "r+", encoding="utf-8") as file:
            text = file.read().replace(*change, 1)
            file.seek(0)
            file.write(text)

        runtime.try_create(bundle).exit_with(1)

    @pytest.mark.parametrize("tail", ["}", " {}", "x"], ids=["brace", "object", "letter"])
    def test_trailing_text_is_refused(self, runtime: Runtime, make_bundle: MakeBundle, tail: str) -> None:
        bundle = make_bundle()
        with open(f"{bundle.directory}/config.json", "a", encoding="utf-8") as file:
            file.write(tail)

        runtime.try_create(bundle).exit_with(1)


def _panic() -> str:
    with open("/proc/sys/kernel/panic", encoding="ascii") as file:
        return file.read()
