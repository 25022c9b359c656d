"""The example of the README runs as it is printed."""

from __future__ import annotations

from pathlib import Path

import liboci_cli

README = Path(__file__).parent.parent / "README.md"


def test_the_example_of_the_readme_runs() -> None:
    example = README.read_text().partition("```python\n")[2].partition("```")[0]

    assert len([line for line in example.splitlines() if line]) <= 12
    exec(compile("from __future__ import annotations\n" + example, str(README), "exec"), {})


def test_every_public_name_is_there() -> None:
    assert [name for name in liboci_cli.__all__ if not hasattr(liboci_cli, name)] == []
    modules = {path.stem for path in Path(liboci_cli.__file__).parent.glob("*.py")}
    assert modules & set(liboci_cli.__all__) == set()
    assert [*liboci_cli.StandardCmd] == ["create", "start", "state", "kill", "delete"]
    assert "exec" in liboci_cli.CommonCmd
    assert liboci_cli.GlobalOpts is liboci_cli.GlobalOptions
