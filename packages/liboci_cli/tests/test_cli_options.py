"""Commands as values."""

from __future__ import annotations

from typing import assert_type

import pytest

from liboci_cli.create import Create
from liboci_cli.options import Command, Parameter, arg, flag, opt, rest
from liboci_cli.run import Run


class Greet(Command, name="greet"):
    """Greet a container."""

    times: int = opt("--times", "-n", metavar="N", default=1, help="how often")
    words: tuple[str, ...] = opt("--word", metavar="WORD", default=(), help="what to say")
    loud: bool = flag("--loud", help="shout")
    container_id: str = arg("ID", help="whom")
    others: tuple[str, ...] = rest("OTHER", help="and whom else")


def test_the_annotation_decides_how_a_value_is_read() -> None:
    kinds = [(p.attribute, p.is_number, p.is_multi, p.is_flag, p.is_rest) for p in Greet.parameters]

    assert kinds == [
        ("times", True, False, False, False),
        ("words", False, True, False, False),
        ("loud", False, False, True, False),
        ("container_id", False, False, False, False),
        ("others", False, True, False, True),
    ]


def test_an_attribute_is_a_parameter_on_the_class_and_a_value_on_an_instance() -> None:
    assert isinstance(Greet.__dict__["times"], Parameter)
    assert Greet(container_id="web", times=3).times == 3
    assert Greet(container_id="web").as_dict() == {
        "times": 1,
        "words": (),
        "loud": False,
        "container_id": "web",
        "others": (),
    }


def test_type_checkers_see_plain_types() -> None:
    greet = Greet(container_id="web", words=("hi",))

    assert_type(greet.times, int)
    assert_type(greet.words, tuple[str, ...])
    assert_type(greet.loud, bool)
    assert_type(greet.container_id, str)
    assert_type(Create(container_id="web").pid_file, str | None)


def test_instances_are_equal_when_their_values_are() -> None:
    assert Greet(container_id="web") == Greet(container_id="web", times=1)
    assert hash(Greet(container_id="web")) == hash(Greet(container_id="web", loud=False))
    assert Greet(container_id="web") != Greet(container_id="db")
    assert Create(container_id="web") != Run(container_id="web")


def test_instances_are_immutable() -> None:
    with pytest.raises(AttributeError, match=r"^Greet is immutable: cannot set 'times'$"):
        Greet(container_id="web").times = 2


@pytest.mark.parametrize(
    ("values", "message"),
    [({}, "Greet misses container_id"), ({"container_id": "web", "name": "x"}, "Greet has no name")],
)
def test_values_must_fit_the_command(values: dict[str, object], message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}$"):
        Greet(**values)


def test_a_command_inherits_the_parameters_of_its_base() -> None:
    assert [p.attribute for p in Run.parameters] == [*[p.attribute for p in Create.parameters], "detach", "keep"]
