"""Containers made by the library, under the guard: nothing of them may survive a test."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import pytest

from libcontainer import Container, ContainerNotFoundError, StateFileError
from libcontainer.container import store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.bundle import Bundle

    MakeBundle = Callable[..., Bundle]
    Create = Callable[..., Container]


@pytest.fixture
def root(work: str) -> Iterator[str]:
    """A directory of containers; it must be empty after the test."""
    place = os.path.join(work, "containers")
    yield place
    assert store.list_ids(place) == []


@pytest.fixture
def create(root: str, make_bundle: MakeBundle) -> Iterator[Create]:
    """A function that creates a container: ``create("sh", "-c", "…", capture_output=True)``; all are deleted."""
    made: list[Container] = []

    def make(*args: str, mutate: object = None, **settings: object) -> Container:
        bundle = make_bundle(*args, mutate=mutate)
        container = Container.create(bundle.directory, id=bundle.id, root=root, **settings)  # type: ignore[arg-type]
        made.append(container)
        return container

    yield make
    for container in made:
        with contextlib.suppress(ContainerNotFoundError, StateFileError):
            container.delete(force=True)
        container.close()
