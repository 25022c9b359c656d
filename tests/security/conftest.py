"""The security suite's own set-up: a victim on the host, and what runc and crun are known to get wrong."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support import differences, runtime

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Expect the failures that differences.py lists for the runtime under test: they prove that the attacks work."""
    differences.apply(items, os.path.dirname(__file__), runtime.kind(os.environ.get("RUNTIME", "pyouki")))


@dataclass(frozen=True)
class Victim:
    """A directory of the host that no container may read or change."""

    directory: str
    secret: str

    def contents(self) -> dict[str, tuple[int, int, str]]:
        """Return owner, mode and text of everything in it."""
        found = {}
        for top, directories, files in os.walk(self.directory):
            for name in (*directories, *files):
                path = os.path.join(top, name)
                status = os.lstat(path)
                text = runtime.read(path) if os.path.isfile(path) else str(status.st_rdev)
                found[os.path.relpath(path, self.directory)] = (status.st_uid, status.st_mode, text)
        return found


@pytest.fixture
def victim(work: str) -> Iterator[Victim]:
    """A victim that must be the same after the test, whatever the runtime answered."""
    directory = os.path.join(work, "victim")
    os.makedirs(f"{directory}/empty")
    for name in ("secret", "ptmx"):
        with open(f"{directory}/{name}", "w", encoding="ascii") as file:
            file.write("HOSTSECRET")
    target = Victim(directory, f"{directory}/secret")
    before = target.contents()
    yield target
    assert target.contents() == before
