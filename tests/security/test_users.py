"""Numbers and names of users, and the capabilities that come with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import mutations

if TYPE_CHECKING:
    from tests.conftest import Inside, MakeBundle
    from tests.support.runtime import Container, Runtime

pytestmark = pytest.mark.root

_TOO_LARGE = [4294967295, 4294967296, 4294967297, -1]


class TestInheritable:
    """A13: capabilities nobody asked for in the inheritable or ambient set (CVE-2022-24769, CVE-2025-27612)."""

    def test_run(self, inside: Inside) -> None:
        assert _inheritable_and_ambient(inside("cat /proc/self/status")) == {0}

    @pytest.mark.parametrize("options", [[], ["--cap", "CAP_NET_ADMIN"]], ids=["plain", "with-cap"])
    def test_exec(self, runtime: Runtime, make_bundle: MakeBundle, options: list[str]) -> None:
        result = runtime.start(make_bundle()).exec("cat", "/proc/self/status", options=options)

        assert _inheritable_and_ambient(result.succeed().stdout) == {0}

    def test_exec_keeps_no_new_privileges(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        result = runtime.start(make_bundle()).exec("grep", "NoNewPrivs", "/proc/self/status")

        assert result.succeed().stdout.split()[1] == "1"


class TestExecUser:
    """A14: what ``exec --user`` makes of its text (CVE-2026-30892)."""

    @pytest.fixture
    def container(self, runtime: Runtime, make_bundle: MakeBundle) -> Container:
        """A running container."""
        return runtime.start(make_bundle())

    @pytest.mark.parametrize(
        ("text", "expected"), [("1", "1 0"), ("1:1", "1 1"), ("1000:46", "1000 46"), ("4294967294", "4294967294 0")]
    )
    def test_is_exact(self, container: Container, text: str, expected: str) -> None:
        result = container.exec("sh", "-c", "echo $(id -u) $(id -g)", options=["--user", text])

        assert result.succeed().stdout == f"{expected}\n"

    @pytest.mark.parametrize(
        "text",
        [":1", "-1", "4294967295", "4294967296", "4294967297", "0x1", "1x", "1:2:3", " 1", "+1", "１", "1:-1", "1:"],
    )
    def test_is_refused(self, container: Container, text: str) -> None:
        container.exec("id", "-u", options=[f"--user={text}"]).fail()


class TestConfigUser:
    """A15: what config.json may say; -1 and its unsigned twin mean "no change" to the kernel, which is root."""

    @pytest.mark.parametrize("value", [*_TOO_LARGE, 1.5, "0", True], ids=repr)
    @pytest.mark.parametrize("key", ["uid", "gid"])
    def test_is_refused(self, runtime: Runtime, make_bundle: MakeBundle, key: str, value: object) -> None:
        user = {"uid": 1000, "gid": 1000, key: value}

        runtime.run(make_bundle("true", mutate=mutations.process(user=user))).fail()

    @pytest.mark.parametrize("value", _TOO_LARGE, ids=repr)
    def test_additional_group_is_refused(self, runtime: Runtime, make_bundle: MakeBundle, value: int) -> None:
        user = {"uid": 1000, "gid": 1000, "additionalGids": [value]}

        runtime.run(make_bundle("true", mutate=mutations.process(user=user))).fail()


def test_digits_are_never_looked_up_as_a_name(runtime: Runtime, make_bundle: MakeBundle) -> None:
    """A16: a passwd entry named 1000 with uid 0 (CVE-2016-3697)."""
    bundle = make_bundle()
    bundle.put("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n1000:x:0:0:trap:/root:/bin/sh\n")

    result = runtime.start(bundle).exec("id", "-u", options=["--user", "1000"])

    assert result.succeed().stdout == "1000\n"


def _inheritable_and_ambient(status: str) -> set[int]:
    return {int(line.split()[1], 16) for line in status.splitlines() if line.startswith(("CapInh", "CapAmb"))}
