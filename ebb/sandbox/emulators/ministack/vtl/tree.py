"""The tree of a template."""

from dataclasses import dataclass


class TemplateError(Exception):
    """The template has something that is unknown here or wrong; the text names it."""


@dataclass(frozen=True)
class Literal:
    """A text, a number or a boolean."""

    value: str | int | float | bool


@dataclass(frozen=True)
class Interpolated:
    """A text in double quotes: a template in itself."""

    block: "Block"


@dataclass(frozen=True)
class ListOf:
    """`[a, b]`, or a range such as `[1..3]`."""

    items: tuple["Expression", ...]


@dataclass(frozen=True)
class MapOf:
    """`{"a": b}`."""

    items: tuple[tuple["Expression", "Expression"], ...]


@dataclass(frozen=True)
class Not:
    """`!a`."""

    operand: "Expression"


@dataclass(frozen=True)
class Binary:
    """`a == b`, `a && b`, `a + b` and the like."""

    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True)
class Member:
    """`.name`, or `.name(arguments)`."""

    name: str
    arguments: tuple["Expression", ...] | None


@dataclass(frozen=True)
class Index:
    """`[index]`."""

    index: "Expression"


@dataclass(frozen=True)
class Reference:
    """`$name` and what follows; a `quiet` one (`$!name`) prints nothing when it has no value."""

    written: str
    quiet: bool
    name: str
    steps: tuple[Member | Index, ...]


@dataclass(frozen=True)
class Set:
    """`#set($a.b["c"] = value)`."""

    target: Reference
    value: "Expression"


@dataclass(frozen=True)
class If:
    """`#if` with its `#elseif` and `#else`, whose condition is None."""

    branches: tuple[tuple["Expression | None", "Block"], ...]


@dataclass(frozen=True)
class Foreach:
    """`#foreach($name in items)`."""

    name: str
    items: "Expression"
    body: "Block"


@dataclass(frozen=True)
class Stop:
    """`#stop`: the end of the output."""


Expression = Literal | Interpolated | ListOf | MapOf | Not | Binary | Reference
Block = tuple[str | Reference | Set | If | Foreach | Stop, ...]
