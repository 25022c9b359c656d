"""Masked and read-only paths."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import read

if TYPE_CHECKING:
    from tests.conftest import Inside, MakeBundle
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root


class TestMasked:
    def test_file_is_empty(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle("cat", "/secret", mutate=mutations.linux(maskedPaths=["/secret"]))
        bundle.put("/secret", "secret")

        assert runtime.run(bundle).succeed().stdout == ""

    def test_directory_is_empty_and_read_only(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        mutate = mutations.every(mutations.linux(maskedPaths=["/secrets"]), mutations.writable_root)
        bundle = make_bundle("sh", "-c", "ls -A /secrets; ! touch /secrets/x", mutate=mutate)
        bundle.put("/secrets/one", "secret")

        assert runtime.run(bundle).succeed().stdout == ""

    def test_missing_path_is_ignored(self, inside: Inside) -> None:
        assert inside("echo ok", mutations.linux(maskedPaths=["/no/such/path"])) == "ok\n"

    @pytest.mark.parametrize("path", ["/proc/keys", "/proc/timer_list"])
    def test_file_of_the_default_config(self, inside: Inside, path: str) -> None:
        assert inside(f"cat {path}") == ""

    @pytest.mark.parametrize("path", ["/proc/acpi", "/sys/firmware"])
    def test_directory_of_the_default_config(self, inside: Inside, path: str) -> None:
        assert inside(f"[ ! -e {path} ] || ls -A {path}") == ""

    def test_host_keeps_its_file(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle("true", mutate=mutations.linux(maskedPaths=["/secret"]))
        path = bundle.put("/secret", "secret")

        runtime.run(bundle).succeed()

        assert read(path) == "secret"

    def test_symbolic_link_masks_its_target(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle("cat", "/target", mutate=mutations.linux(maskedPaths=["/link"]))
        bundle.put("/target", "secret")
        os.symlink("target", bundle.inside("/link"))

        assert runtime.run(bundle).succeed().stdout == ""


class TestReadonly:
    def test_directory_cannot_be_written(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        mutate = mutations.every(mutations.linux(readonlyPaths=["/kept"]), mutations.writable_root)
        bundle = make_bundle("sh", "-c", "! touch /kept/x; touch /other", mutate=mutate)
        bundle.put("/kept/file", "")

        runtime.run(bundle).succeed()

    def test_file_cannot_be_written(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        mutate = mutations.every(mutations.linux(readonlyPaths=["/kept"]), mutations.writable_root)
        bundle = make_bundle("sh", "-c", "! echo x > /kept; cat /kept", mutate=mutate)
        bundle.put("/kept", "kept")

        assert runtime.run(bundle).succeed().stdout == "kept"

    def test_missing_path_is_ignored(self, inside: Inside) -> None:
        assert inside("echo ok", mutations.linux(readonlyPaths=["/no/such/path"])) == "ok\n"

    @pytest.mark.parametrize("path", ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"])
    def test_path_of_the_default_config(self, inside: Inside, path: str) -> None:
        script = f"[ ! -e {path} ] || grep ' {path} ' /proc/self/mountinfo | cut -d' ' -f6"

        assert inside(script).strip().partition(",")[0] in ("ro", "")

    def test_sysctl_cannot_be_written(self, inside: Inside) -> None:
        inside("! echo x > /proc/sys/kernel/domainname", mutations.capabilities("CAP_SYS_ADMIN"))
