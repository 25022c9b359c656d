"""Describe a command line as data: descriptors and the class of all commands; not a parser (see parse, typer_app).

A command is a class whose annotated attributes are descriptors. The annotation is the type of the parsed value, for
people, for type checkers and for the parsers alike; the docstring is the help page, with a section of examples::

    class Greet(Command, name="greet"):
        times: int = opt("--times", "-n", metavar="N", default=1, help="how often")
        loud: bool = flag("--loud", help="shout")
        container_id: str = arg("ID", help="name of the container")

On the class, ``Greet.times`` is the :class:`Parameter`; on a parsed instance it is the value, or the default.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar, Self, TypeVar

    T = TypeVar("T")

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
INT32_MAX = 2**31 - 1
UINT16_MAX = 2**16 - 1
UINT32_MAX = 2**32 - 1
UINT64_MAX = 2**64 - 1

REQUIRED = object()
"""The default of an argument that must be given."""


class Parameter:
    """One option, flag or argument of a command.

    Attributes:
        names: spellings with their dashes, long first; empty for an argument.
        metavar: what help and errors call the value; for an argument, its name.
        default: value when it is not given; REQUIRED if it must be.
        help: one or more sentences for people.
        hidden: accepted, but neither shown in help nor completed.
        minimum, maximum: range of an integer, both inclusive.
        choices: the only texts allowed; empty allows all.
        complaint: what an error says of a text outside of choices, before the list of them; ``{}`` is the text.
        attribute: name on the class.
        is_option, is_flag, is_number, is_multi, is_rest: set by its kind and by the annotation of the attribute.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        metavar: str,
        default: object,
        help: str,
        hidden: bool = False,
        minimum: int = INT64_MIN,
        maximum: int = INT64_MAX,
        choices: tuple[str, ...] = (),
        complaint: str = "",
        is_flag: bool = False,
        is_rest: bool = False,
    ) -> None:
        self.names = names
        self.metavar = metavar
        self.default = default
        self.help = help
        self.hidden = hidden
        self.minimum = minimum
        self.maximum = maximum
        self.choices = choices
        self.complaint = complaint
        self.is_option = bool(names)
        self.is_flag = is_flag
        self.is_rest = is_rest
        self.is_number = self.is_multi = False
        self.attribute = ""

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.attribute = attribute
        annotation = str(owner.__annotations__.get(attribute, ""))
        self.is_number = "int" in annotation
        self.is_multi = annotation.startswith("tuple[")

    def __get__(self, instance: object | None, owner: type) -> object:
        # A parsed value is in the instance's __dict__ and never comes here: this is no data descriptor.
        return self if instance is None else self.default

    def __repr__(self) -> str:
        return f"Parameter({', '.join(self.names) or self.metavar})"


def opt(
    *names: str,
    metavar: str,
    default: T,
    help: str,
    hidden: bool = False,
    minimum: int = INT64_MIN,
    maximum: int = INT64_MAX,
    choices: tuple[str, ...] = (),
    complaint: str = "",
) -> T:
    """Describe an option with a value; an attribute annotated as ``tuple[...]`` makes it repeatable.

    See Parameter for the arguments. The return type is that of the parsed value, which is what type checkers need.
    """
    return Parameter(names, metavar, default, help, hidden, minimum, maximum, choices, complaint)  # type: ignore[return-value]  # a descriptor


def flag(*names: str, help: str, hidden: bool = False) -> bool:
    """Describe an option without a value; ``--name=false`` takes it back, as with Go's flags."""
    return Parameter(names, "", False, help, hidden, is_flag=True)  # type: ignore[return-value]  # a descriptor


def arg(metavar: str, *, help: str, default: object = REQUIRED, choices: tuple[str, ...] = ()) -> str:
    """Describe an argument; without a default it must be given."""
    return Parameter((), metavar, default, help, choices=choices)  # type: ignore[return-value]  # a descriptor


def rest(metavar: str, *, help: str) -> tuple[str, ...]:
    """Describe the words after the last argument, which are passed on untouched, even those that look like options."""
    return Parameter((), metavar, (), help, is_rest=True)  # type: ignore[return-value]  # a descriptor


class Command:
    """Base of all commands; its instances are parsed command lines, immutable and equal when their values are.

    Attributes:
        command_name: the word that selects it.
        is_hidden: works, but help does not list it.
        parameters: everything described in the class and its bases, in order.
        options: options by their names without dashes: Go's flags take one dash or two for either kind of name.
        arguments: the arguments in order, the rest (if any) last.
    """

    command_name: ClassVar[str] = ""
    is_hidden: ClassVar[bool] = False
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    options: ClassVar[dict[str, Parameter]] = {}
    arguments: ClassVar[tuple[Parameter, ...]] = ()

    def __init_subclass__(cls, *, name: str = "", hidden: bool = False) -> None:
        """Collect the descriptors: options of the class itself come after those of its base, as do arguments."""
        cls.command_name = name
        cls.is_hidden = hidden
        own = tuple(value for value in cls.__dict__.values() if isinstance(value, Parameter))
        cls.parameters = cls.parameters + own
        cls.options = {name.lstrip("-"): parameter for parameter in cls.parameters for name in parameter.names}
        cls.arguments = tuple(parameter for parameter in cls.parameters if not parameter.is_option)

    def __init__(self, **values: object) -> None:
        """Make a command line by hand, for tests and library users; what is left out has its default.

        Raises:
            TypeError: a name is unknown or a required argument is missing.
        """
        known = {parameter.attribute for parameter in self.parameters}
        if not values.keys() <= known:
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(values.keys() - known))}")
        for parameter in self.arguments:
            if parameter.default is REQUIRED and parameter.attribute not in values:
                raise TypeError(f"{type(self).__name__} misses {parameter.attribute}")
        self.__dict__.update(values)

    @classmethod
    def of(cls, values: dict[str, object]) -> Self:
        """Make an instance from values that a parser has checked."""
        made = cls.__new__(cls)
        made.__dict__.update(values)
        return made

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable: cannot set {name!r}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Command) and type(self) is type(other) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash((type(self), *self.as_dict().values()))

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({given})"

    def as_dict(self) -> dict[str, object]:
        """Return all values, the defaults too, by attribute name."""
        return {parameter.attribute: getattr(self, parameter.attribute) for parameter in self.parameters}
