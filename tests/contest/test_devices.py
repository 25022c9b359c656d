"""Device nodes in /dev and the device cgroup."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations

if TYPE_CHECKING:
    from tests.conftest import Inside, MakeBundle
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

_FUSE = {"type": "c", "major": 10, "minor": 229}


@pytest.mark.parametrize("name", ["null", "zero", "full", "random", "urandom", "tty"])
def test_default_device(inside: Inside, name: str) -> None:
    device = os.stat(f"/dev/{name}").st_rdev

    found = inside(f"stat -c '%F %a %u %g %t %T' /dev/{name}").split()

    assert found == ["character", "special", "file", "666", "0", "0", f"{os.major(device):x}", f"{os.minor(device):x}"]


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ],
)
def test_default_link(inside: Inside, name: str, target: str) -> None:
    assert inside(f"readlink /dev/{name}") == f"{target}\n"


def test_nothing_else_is_in_dev(inside: Inside) -> None:
    assert set(inside("ls /dev").split()) - {"core"} == set(
        "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero".split()
    )


def test_null_zero_and_random_work(inside: Inside) -> None:
    script = (
        "cat /dev/null | wc -c; head -c 3 /dev/zero | od -An -tx1; head -c 9 /dev/urandom | wc -c; echo > /dev/null"
    )

    assert inside(script).split() == ["0", "00", "00", "00", "9"]


class TestListed:
    def test_character_device(self, inside: Inside) -> None:
        device = {"path": "/dev/my", **_FUSE, "fileMode": 0o640, "uid": 5, "gid": 6}

        found = inside("stat -c '%F %a %u %g %t %T' /dev/my", mutations.linux(devices=[device])).split()

        assert found == ["character", "special", "file", "640", "5", "6", "a", "e5"]

    def test_block_device(self, inside: Inside) -> None:
        device = {"path": "/dev/disk", "type": "b", "major": 7, "minor": 3}

        assert inside("stat -c '%F %t %T' /dev/disk", mutations.linux(devices=[device])) == "block special file 7 3\n"

    def test_fifo(self, inside: Inside) -> None:
        device = {"path": "/dev/pipe", "type": "p"}

        assert inside("stat -c %F /dev/pipe", mutations.linux(devices=[device])) == "fifo\n"

    def test_in_a_directory_to_be_made(self, inside: Inside) -> None:
        device = {"path": "/dev/net/tun", "type": "c", "major": 10, "minor": 200}

        assert inside("stat -c %t:%T /dev/net/tun", mutations.linux(devices=[device])) == "a:c8\n"

    def test_outside_of_dev(self, inside: Inside) -> None:
        device = {"path": "/opt/my", **_FUSE}
        mutate = mutations.every(mutations.linux(devices=[device]), mutations.writable_root)

        assert inside("stat -c %t:%T /opt/my", mutate) == "a:e5\n"

    def test_unknown_type_is_refused(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        device = {"path": "/dev/my", "type": "x", "major": 1, "minor": 3}

        runtime.try_create(make_bundle(mutate=mutations.linux(devices=[device]))).exit_with(1)


@pytest.mark.cgroup1
class TestCgroup:
    """The program has CAP_MKNOD, so only the cgroup stops it."""

    def test_default_device_may_be_opened(self, inside: Inside) -> None:
        assert _open(inside, 1, 3) == "ok\n"

    def test_other_device_may_not_be_opened(self, inside: Inside) -> None:
        assert _open(inside, 10, 229) == "/tmp/node: 1 EPERM\n"

    def test_kernel_log_may_not_be_opened(self, inside: Inside) -> None:
        assert _open(inside, 1, 11) == "/tmp/node: 1 EPERM\n"

    def test_allowed_device_may_be_opened(self, inside: Inside) -> None:
        rules = [{"allow": False, "access": "rwm"}, {"allow": True, **_FUSE, "access": "rwm"}]

        assert _open(inside, 10, 229, mutations.resources(devices=rules)) == "ok\n"

    def test_listed_device_needs_a_rule_too(self, inside: Inside) -> None:
        device = {"path": "/dev/fuse", **_FUSE}

        assert inside("probe open r /dev/fuse || true", mutations.linux(devices=[device])).strip().endswith("EPERM")

    def test_last_matching_rule_wins(self, inside: Inside) -> None:
        rules = [
            {"allow": False, "access": "rwm"},
            {"allow": True, **_FUSE, "access": "rwm"},
            {"allow": False, **_FUSE, "access": "rwm"},
        ]

        assert _open(inside, 10, 229, mutations.resources(devices=rules)) == "/tmp/node: 1 EPERM\n"

    def test_everything_allowed(self, inside: Inside) -> None:
        rules = [{"allow": True, "access": "rwm"}]

        assert _open(inside, 10, 229, mutations.resources(devices=rules)) == "ok\n"


def _open(inside: Inside, major: int, minor: int, mutate: mutations.Mutation | None = None) -> str:
    changes = [mutations.capabilities("CAP_MKNOD"), mutations.mount("/tmp", "tmpfs", fstype="tmpfs")]
    script = f"mknod /tmp/node c {major} {minor} && probe open r /tmp/node || true"
    return inside(script, mutations.every(*changes, *([mutate] if mutate else [])))
