"""The security suite's own set-up: a victim on the host, and what runc and crun are known to get wrong."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest

from tests.support import differences, runtime


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Expect the failures that differences.py lists for the runtime under test: they prove that the attacks work."""
    differences.apply(items, os.path.dirname(__file__), runtime.kind(os.environ.get("RUNTIME", "pyouki")))


@dataclass(frozen=True)
class Victim:
    """A directory of the host that no container may read or change."""

    directory: str
    secret: str
    before: dict[str, tuple[int, int, str]]

    def check(self) -> None:
        """Fail when it was changed."""
        assert _contents(self.directory) == self.before


@pytest.fixture
def victim(work: str) -> Victim:
    """A victim with two files and a directory."""
    directory = os.path.join(work, "victim")
    os.makedirs(f"{directory}/empty")
    for name in ("secret", "ptmx"):
        with open(f"{directory}/{name}", "w", encoding="ascii") as file:
            file.write("HOSTSECRET")
    return Victim(directory, f"{directory}/secret", _contents(directory))


def _contents(directory: str) -> dict[str, tuple[int, int, str]]:
    """Return owner, mode, and text or device number of everything below a directory."""
    found = {}
    for top, directories, files in os.walk(directory):
        for name in (*directories, *files):
            path = os.path.join(top, name)
            status = os.lstat(path)
            text = runtime.read(path) if os.path.isfile(path) else str(status.st_rdev)
            found[os.path.relpath(path, directory)] = (status.st_uid, status.st_mode, text)
    return found
