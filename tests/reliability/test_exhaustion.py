"""Full, tiny or read-only file systems, and states lost at every stage."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support import host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeBundle
    from tests.support.guard import Guard
    from tests.support.runtime import Container, Runtime

pytestmark = pytest.mark.root

_GARBAGE = {"empty": b"", "brace": b"{", "null": b"null", "NUL": b"\0" * 64, "missing": None}


@pytest.fixture(
    params=["size=4k", "size=16k", "size=64k", "nr_inodes=3", "nr_inodes=4", "nr_inodes=6"], ids=lambda value: value
)
def small_root(request: pytest.FixtureRequest, runtime: Runtime) -> Iterator[str]:
    """A state root on a tmpfs with next to no room."""
    os.mkdir(runtime.root)
    host.mount("tmpfs", runtime.root, "tmpfs", 0, request.param)
    yield runtime.root
    host.umount(runtime.root)


class TestStateRoot:
    def test_without_room_create_succeeds_or_leaves_nothing(
        self, small_root: str, runtime: Runtime, make_bundle: MakeBundle
    ) -> None:
        result = runtime.try_create(make_bundle())

        if result.returncode == 0:
            runtime("delete", "--force", "c1").succeed()
        assert result.returncode in (0, 1)
        assert os.listdir(small_root) in ([], [".cache"])

    def test_read_only(self, runtime: Runtime, make_bundle: MakeBundle, guard: Guard) -> None:
        os.mkdir(runtime.root)
        host.mount("tmpfs", runtime.root, "tmpfs", host.MS_RDONLY)

        result = runtime.try_create(make_bundle())

        host.umount(runtime.root)
        result.exit_with(1)
        guard.check()


class TestRootfs:
    def test_without_room_for_mount_points(
        self, runtime: Runtime, make_bundle: MakeBundle, work: str, guard: Guard
    ) -> None:
        small = f"{work}/small"
        os.mkdir(small)
        host.mount("tmpfs", small, "tmpfs", 0, "nr_inodes=4")
        bundle = make_bundle("true")
        bundle.config["root"]["path"] = small
        bundle.write()

        result = runtime.try_create(bundle)

        host.umount(small)
        result.exit_with(1)
        guard.check()


class TestLostState:
    @pytest.mark.parametrize("contents", _GARBAGE.values(), ids=_GARBAGE.keys())
    @pytest.mark.parametrize("stage", ["created", "running", "paused", "stopped"])
    def test_delete_by_force_and_create_again(
        self, runtime: Runtime, make_bundle: MakeBundle, guard: Guard, stage: str, contents: bytes | None
    ) -> None:
        container = runtime.create(make_bundle())
        _bring_to(container, stage)
        _spoil(runtime, container.id, contents)

        container.delete("--force").succeed()

        guard.check()
        assert runtime.create(container.bundle).status == "created"


def _bring_to(container: Container, stage: str) -> None:
    if stage != "created":
        container.start()
    if stage == "paused":
        container.command("pause").succeed()
    if stage == "stopped":
        container.stop()


def _spoil(runtime: Runtime, container_id: str, contents: bytes | None) -> None:
    path = os.path.join(runtime.root, container_id, "status" if runtime.name == "crun" else "state.json")
    os.unlink(path)
    if contents is not None:
        with open(path, "wb") as file:
            file.write(contents)
