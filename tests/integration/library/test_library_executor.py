"""Executors written in Python run workloads inside containers: that of the README, and ones that fail."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from libcontainer import Container, LibcontainerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.bundle import Bundle

    MakeBundle = Callable[..., Bundle]
    Create = Callable[..., Container]

pytestmark = [pytest.mark.root, pytest.mark.cgroup1]

README = Path(__file__).parents[3] / "packages" / "libcontainer" / "README.md"

FAULTY = """
import os
from libcontainer.errors import ExecutableError

class Refusing:
    def can_handle(self, spec):
        return True

    def validate(self, spec):
        raise ExecutableError("there is nothing to run")

class Failing(Refusing):
    def validate(self, spec):
        pass

    def exec(self, spec, environment):
        import decimal  # not imported before: what the container has of that name must not be executed
"""


@pytest.fixture
def modules(work: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the modules greeter, which is the README's example, and faulty."""
    example = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)[1]
    Path(work, "greeter.py").write_text(example)
    Path(work, "faulty.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(work)


def test_the_executor_of_the_readme_runs_in_the_container(modules: None, create: Create) -> None:
    container = create("greet", "you", capture_output=True, executors=["greeter:Greeter"])

    container.start()

    assert container.wait(10) == 3
    assert container.stdout == b"hello you from process 1\n"


def test_what_no_executor_can_handle_is_executed(modules: None, create: Create) -> None:
    container = create("sh", "-c", "exit 6", executors=["greeter:Greeter"])

    container.start()

    assert container.wait(10) == 6


def test_the_readmes_executor_refuses_what_it_cannot_read(modules: None, make_bundle: MakeBundle, root: str) -> None:
    bundle = make_bundle("greet", "you")
    Path(bundle.inside("/etc/passwd")).unlink()

    with pytest.raises(LibcontainerError, match="/etc/passwd"):
        Container.create(bundle.directory, root=root, executors=["greeter:Greeter"])


def test_an_executor_that_refuses_fails_create(modules: None, create: Create) -> None:
    with pytest.raises(LibcontainerError, match=r"^there is nothing to run$"):
        create("any", executors=["faulty:Refusing"])


def test_an_executor_that_fails_says_so_on_standard_error(modules: None, make_bundle: MakeBundle, root: str) -> None:
    bundle = make_bundle("any")
    bundle.put("/decimal.py", "import os; os.mkdir('/executed')")

    with Container.create(bundle.directory, root=root, capture_output=True, executors=["faulty:Failing"]) as container:
        container.start()

        assert container.wait(10) == 127
    assert b"decimal" in container.stderr
    assert not Path(bundle.inside("/executed")).exists()


@pytest.mark.parametrize("name", ["absent:Executor", "faulty:Absent", "faulty"])
def test_an_executor_that_does_not_exist_is_an_error(modules: None, create: Create, name: str) -> None:
    with pytest.raises(LibcontainerError, match=rf"^import the executor {name}: "):
        create("any", executors=[name])
