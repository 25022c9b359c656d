"""Root file systems whose links and device nodes lead a careless runtime to the host or to the attacker's files.

Every test accepts an error: what counts is that the victim is unchanged and that no protection is faked.
"""

from __future__ import annotations

import os
import shutil
import socket
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import Caller, eventually, read

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.security.conftest import Victim
    from tests.support.bundle import Bundle
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

_ESCAPES = ["absolute", "dots", "proc-root"]


def _replace_by_link(bundle: Bundle, path: str, target: str) -> None:
    if os.path.isdir(bundle.inside(path)):
        shutil.rmtree(bundle.inside(path))
    os.symlink(target, bundle.inside(path))


def _escape(kind: str, directory: str) -> str:
    return {
        "absolute": directory,
        "dots": "../" * 12 + directory.lstrip("/"),
        "proc-root": f"/proc/self/root/../../../..{directory}",
    }[kind]


class TestKernelFileSystems:
    """A02: /proc or /sys of the image is a link, so that writes to them would reach a fake (CVE-2019-16884)."""

    @pytest.mark.parametrize("point", ["proc", "sys"])
    @pytest.mark.parametrize("target", ["/tmp", "/chain", "victim"])
    def test_is_refused(
        self, runtime: Runtime, make_bundle: MakeBundle, victim: Victim, point: str, target: str
    ) -> None:
        bundle = make_bundle("true")
        os.symlink("/tmp", bundle.inside("/chain"))
        _replace_by_link(bundle, f"/{point}", victim.directory if target == "victim" else target)

        runtime.run(bundle).fail()

        assert runtime.ids() == []
        victim.check()


class TestMountDestination:
    """A03: the destination is a link, below one, or has dots (CVE-2019-18837)."""

    @pytest.mark.parametrize("escape", _ESCAPES)
    @pytest.mark.parametrize("below", ["", "/new/directory"])
    def test_tmpfs(self, runtime: Runtime, make_bundle: MakeBundle, victim: Victim, escape: str, below: str) -> None:
        bundle = make_bundle("true", mutate=mutations.mount(f"/vol{below}", "tmpfs", fstype="tmpfs"))
        _replace_by_link(bundle, "/vol", _escape(escape, victim.directory))

        runtime.run(bundle)

        victim.check()

    @pytest.mark.parametrize("escape", _ESCAPES)
    @pytest.mark.parametrize("below", ["", "/new/file"])
    def test_bind_mount_of_a_file(
        self, runtime: Runtime, make_bundle: MakeBundle, victim: Victim, work: str, escape: str, below: str
    ) -> None:
        with open(f"{work}/mine", "w", encoding="ascii") as file:
            file.write("attacker's")
        bundle = make_bundle("true", mutate=mutations.mount(f"/vol{below}", f"{work}/mine", "bind"))
        target = victim.directory if below else victim.secret
        _replace_by_link(bundle, "/vol", _escape(escape, target))

        runtime.run(bundle)

        victim.check()

    def test_dots(self, runtime: Runtime, make_bundle: MakeBundle, victim: Victim) -> None:
        destination = "/" + "../" * 12 + victim.directory.lstrip("/") + "/new"

        runtime.run(make_bundle("true", mutate=mutations.mount(destination, "tmpfs", fstype="tmpfs")))

        victim.check()


class TestMaskSource:
    """A07: masked paths are covered with the container's own /dev/null (CVE-2025-31133)."""

    def test_attackers_null_is_not_used(
        self, runtime: Runtime, make_bundle: MakeBundle, work: str, victim: Victim
    ) -> None:
        os.mkdir(f"{work}/dev")
        os.symlink("/payload", f"{work}/dev/null")
        mutate = mutations.every(
            mutations.without_mount("/dev"),
            mutations.mount("/dev", f"{work}/dev", "rbind"),
            mutations.linux(maskedPaths=["/topsecret"]),
            mutations.writable_root,
        )
        bundle = make_bundle("cat", "/topsecret", mutate=mutate)
        bundle.put("/payload", "PAYLOAD")
        bundle.put("/topsecret", "SECRET")

        result = runtime.run(bundle)

        assert "PAYLOAD" not in result.stdout
        assert "SECRET" not in result.stdout
        victim.check()


class TestStandardStreams:
    """A08: /dev/null of the image is a link to a file, and streams get redirected there (CVE-2026-88265)."""

    def test_stay_the_callers(self, runtime: Runtime, make_bundle: MakeBundle, work: str) -> None:
        mutate = mutations.every(mutations.without_mount("/dev"), mutations.writable_root)
        bundle = make_bundle("sh", "-c", "for n in 0 1 2; do readlink /proc/self/fd/$n; done > /seen", mutate=mutate)
        bundle.put("/payload", "")
        os.symlink("/payload", bundle.inside("/dev/null"))
        os.mkfifo(f"{work}/pipe")
        pipe = os.open(f"{work}/pipe", os.O_RDWR)

        runtime("run", "--detach", "--bundle", bundle.directory, bundle.id, caller=Caller(stdin=pipe))
        os.close(pipe)

        eventually(lambda: runtime.ids() == [] or '"stopped"' in runtime("state", bundle.id).stdout, "the end")
        assert "payload" not in read(bundle.inside("/seen"))


class TestConsole:
    """A09: /dev/console of the image is a link, which is truncated or made (CVE-2025-52565, CVE-2026-88264)."""

    @pytest.mark.parametrize("target", ["inside", "host-file", "host-new"])
    def test_target_is_untouched(
        self, runtime: Runtime, make_bundle: MakeBundle, victim: Victim, work: str, target: str
    ) -> None:
        mutate = mutations.every(
            mutations.without_mount("/dev"), mutations.writable_root, mutations.process(terminal=True)
        )
        bundle = make_bundle("true", mutate=mutate)
        payload = bundle.put("/payload", "PAYLOAD")
        places = {"inside": "/payload", "host-file": victim.secret, "host-new": f"{victim.directory}/new"}
        os.symlink(places[target], bundle.inside("/dev/console"))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{work}/s")
            listener.listen()

            runtime.run(bundle, "--detach", "--console-socket", f"{work}/s")

        assert read(payload) == "PAYLOAD"
        victim.check()


class TestDev:
    """A11: /dev of the image is a link; links, nodes and ptmx are made or removed there (CVE-2026-41579, -47766)."""

    @pytest.mark.parametrize("with_mount", [True, False], ids=["tmpfs", "no-mount"])
    @pytest.mark.parametrize("escape", _ESCAPES)
    def test_victim_is_untouched(
        self, runtime: Runtime, make_bundle: MakeBundle, victim: Victim, escape: str, with_mount: bool
    ) -> None:
        bundle = make_bundle("true", mutate=None if with_mount else mutations.without_mount("/dev"))
        _replace_by_link(bundle, "/dev", _escape(escape, victim.directory))

        runtime.run(bundle)

        victim.check()

    @pytest.mark.parametrize("path", ["/dev/../../../../../../../../../../VICTIM/node", "/link/node"])
    def test_listed_device(self, runtime: Runtime, make_bundle: MakeBundle, victim: Victim, path: str) -> None:
        path = path.replace("/VICTIM", victim.directory)
        device = {"path": path, "type": "c", "major": 1, "minor": 3}
        bundle = make_bundle("true", mutate=mutations.linux(devices=[device]))
        os.symlink(victim.directory, bundle.inside("/link"))

        runtime.run(bundle)

        victim.check()


class TestPasswd:
    """B20: /etc/passwd and /etc/group of the image are read by the runtime."""

    @pytest.mark.parametrize("name", ["passwd", "group"])
    def test_fifo_does_not_hang(self, runtime: Runtime, make_bundle: MakeBundle, name: str) -> None:
        bundle = make_bundle("true")
        os.unlink(bundle.inside(f"/etc/{name}"))
        os.mkfifo(bundle.inside(f"/etc/{name}"))

        runtime.run(bundle, timeout_s=8)

    def test_link_to_the_host_is_not_read(
        self, runtime: Runtime, make_bundle: MakeBundle, victim: Victim, work: str
    ) -> None:
        with open(f"{work}/passwd", "w", encoding="ascii") as file:
            file.write("root:x:0:0:root:/HOSTSECRET:/bin/sh\n")
        bundle = make_bundle("sh", "-c", "echo $HOME")
        os.unlink(bundle.inside("/etc/passwd"))
        os.symlink(f"{work}/passwd", bundle.inside("/etc/passwd"))

        assert "HOSTSECRET" not in runtime.run(bundle).stdout
        victim.check()

    def test_huge_file_is_not_read_whole(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle("true")
        os.truncate(bundle.inside("/etc/passwd"), 2 << 30)

        assert runtime.run(bundle, timeout_s=8).duration_s < 3
