"""Whole-number arithmetic that is written once and used twice: as numbers here, and as JSONata in a workflow.

A function that uses these operations, `+`, `*`, comparisons, `&` and `|` returns a number for numbers. For `variable`s
it returns a value whose text is the expression: `expression(f(variable("a")))`.
"""

from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True, eq=False)
class _Term:
    """An expression in JSONata in the place of a number or of a truth."""

    text: str

    def __add__(self, other: object) -> "_Term":
        return _Term(f"({self.text} + {_text(other)})")

    def __rmul__(self, other: int) -> "_Term":
        return _Term(f"{other} * {self.text}")

    def __lt__(self, other: object) -> "_Term":
        return _Term(f"{self.text} < {_text(other)}")

    def __gt__(self, other: object) -> "_Term":
        return _Term(f"{self.text} > {_text(other)}")

    def __ge__(self, other: object) -> "_Term":
        return _Term(f"{self.text} >= {_text(other)}")

    def __and__(self, other: object) -> "_Term":
        return _Term(f"({self.text} and {_text(other)})")

    def __or__(self, other: object) -> "_Term":
        return _Term(f"({self.text} or {_text(other)})")


def variable(name: str) -> int:
    """The value of a workflow's variable."""
    return cast("int", _Term(f"${name}"))


def expression(value: int) -> str:
    """A value as an expression in JSONata, as a state's fields have it."""
    return f"{{% {_text(value)} %}}"


def ceil_ratio(dividend: int, divisor: int) -> int:
    """The quotient, rounded up. `divisor` is a number; whole numbers below 2**53 are exact in JSONata too."""
    return _ratio("$ceil", dividend, divisor) if _is_term(dividend) else -(-dividend // divisor)


def floor_ratio(dividend: int, divisor: int) -> int:
    """The quotient, rounded down."""
    return _ratio("$floor", dividend, divisor) if _is_term(dividend) else dividend // divisor


def smallest(*values: int) -> int:
    """The smallest value."""
    return _of_all("$min", values) if any(map(_is_term, values)) else min(values)


def largest(*values: int) -> int:
    """The largest value."""
    return _of_all("$max", values) if any(map(_is_term, values)) else max(values)


def choose(condition: bool, then: int, otherwise: int) -> int:
    """`then` if the condition is true, else `otherwise`."""
    if _is_term(condition):
        return cast("int", _Term(f"({_text(condition)} ? {_text(then)} : {_text(otherwise)})"))
    return then if condition else otherwise


def _is_term(value: object) -> bool:
    return isinstance(value, _Term)


def _text(value: object) -> str:
    return value.text if isinstance(value, _Term) else str(value).lower()  # a truth is lower-case in JSONata


def _ratio(rounding: str, dividend: int, divisor: int) -> int:
    return cast("int", _Term(f"{rounding}({_text(dividend)} / {divisor})"))


def _of_all(function: str, values: tuple[int, ...]) -> int:
    return cast("int", _Term(f"{function}([{', '.join(map(_text, values))}])"))
