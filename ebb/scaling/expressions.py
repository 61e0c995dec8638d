"""CloudWatch metric math over the minutes of an alarm's evaluation range.

Source of all rules: "Using metric math" in the CloudWatch user guide (using-metric-math.html).
"""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

import lark

#: One value per period, oldest first; None where the metric has no data point.
Series = tuple[float | None, ...]
#: A number; None after a division by zero.
Scalar = float | None
_Value = Scalar | Series | list[Series] | Literal["REPEAT", "LINEAR"]
_Binary = Callable[[float, float], float | None]

_GRAMMAR = r"""
?start: either
?either: both | either ("OR" | "||") both -> or_
?both: comparison | both ("AND" | "&&") comparison -> and_
?comparison: sum | comparison COMPARE sum -> binary
?sum: product | sum ADD product -> binary
?product: unary | product MULTIPLY unary -> binary
?unary: atom | "-" unary -> negative
?atom: NUMBER -> number
     | ID -> name
     | "[" start ("," start)* "]" -> array
     | FUNCTION "(" [start ("," start)*] ")" -> call
     | KEYWORD -> keyword
     | "(" start ")"
COMPARE: "==" | "!=" | "<=" | ">=" | "<" | ">"
ADD: "+" | "-"
MULTIPLY: "*" | "/"
KEYWORD.2: /(REPEAT|LINEAR)\b/
FUNCTION: /[A-Z][A-Z0-9_]*(?=\s*\()/
ID: /[a-z][A-Za-z0-9_]*/
NUMBER: /\d+(\.\d*)?([eE][+-]?\d+)?|\.\d+/
%ignore /\s+/
"""
_PARSER = lark.Lark(_GRAMMAR, parser="lalr")

_OPERATORS: dict[str, _Binary] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a / b if b else None,
    "==": lambda a, b: float(a == b),
    "!=": lambda a, b: float(a != b),
    "<=": lambda a, b: float(a <= b),
    ">=": lambda a, b: float(a >= b),
    "<": lambda a, b: float(a < b),
    ">": lambda a, b: float(a > b),
    "and": lambda a, b: float(bool(a) and bool(b)),
    "or": lambda a, b: float(bool(a) or bool(b)),
}
#: How many arguments each supported function takes.
_ARGUMENTS = {
    "IF": (2, 3),
    "FILL": (2, 2),
    "CEIL": (1, 1),
    "FLOOR": (1, 1),
    "MIN": (1, 1),
    "MAX": (1, 1),
    "SUM": (1, 1),
    "AVG": (1, 1),
}


class ExpressionError(ValueError):
    """An expression that CloudWatch refuses or this model cannot compute; the text is one sentence."""


@dataclass(frozen=True)
class Expression:
    """A parsed expression; `names` are the ids that it refers to."""

    text: str
    names: frozenset[str]
    _tree: lark.Tree[lark.Token]

    def evaluate(self, values: Mapping[str, Series]) -> Series:
        """One value per period. `values` has a series for each of `names`, all of one length.

        Raises ExpressionError when the result is not one time series ("the final result of any math expression must be
        a single time series", and an alarm watches only one).
        """
        result = _Evaluator(values, self.text).of(self._tree)
        if not isinstance(result, tuple):
            raise ExpressionError(f"The expression {self.text!r} does not give one time series.")
        return result


@lru_cache(maxsize=256)
def parse(text: str) -> Expression:
    """Parse an expression. Raises ExpressionError, which names the place or the function that is not supported."""
    try:
        tree = _PARSER.parse(text)
    except lark.exceptions.UnexpectedInput as error:
        at_end = isinstance(error, lark.exceptions.UnexpectedToken) and error.token.type == "$END"
        where = "its end" if at_end else f"column {error.column}"
        raise ExpressionError(f"The expression {text!r} cannot be read at {where}.") from error
    for call in tree.find_data("call"):
        function, *arguments = call.children
        if str(function) not in _ARGUMENTS:
            raise ExpressionError(f"The function {function} in {text!r} is not supported.")
        least, most = _ARGUMENTS[str(function)]
        if not least <= len([each for each in arguments if each is not None]) <= most:
            wanted = str(least) if least == most else f"{least} or {most}"
            raise ExpressionError(f"The function {function} in {text!r} takes {wanted} arguments.")
    names = frozenset(str(node.children[0]) for node in tree.find_data("name"))
    return Expression(text, names, tree)


class _Evaluator:
    """Walks a tree; one method per kind of node."""

    def __init__(self, values: Mapping[str, Series], text: str) -> None:
        self._values = values
        self._text = text

    def of(self, node: Any) -> _Value:
        return getattr(self, f"_{node.data}".rstrip("_"))(*node.children)  # type: ignore[no-any-return]

    def _number(self, token: lark.Token) -> _Value:
        return float(token)

    def _name(self, token: lark.Token) -> _Value:
        if str(token) not in self._values:
            raise ExpressionError(f"The expression {self._text!r} refers to {token}, which is not defined.")
        return self._values[str(token)]

    def _keyword(self, token: lark.Token) -> _Value:
        return "REPEAT" if token == "REPEAT" else "LINEAR"  # noqa: S105 - a word of the grammar

    def _array(self, *nodes: Any) -> _Value:
        return [self._series(self.of(node), "an array") for node in nodes]

    def _negative(self, node: Any) -> _Value:
        return self._each(lambda value: -value, self.of(node), "-")

    def _binary(self, left: Any, symbol: lark.Token, right: Any) -> _Value:
        return self._combine(_OPERATORS[symbol], self.of(left), self.of(right), str(symbol))

    def _and(self, left: Any, right: Any) -> _Value:
        return self._combine(_OPERATORS["and"], self.of(left), self.of(right), "AND")

    def _or(self, left: Any, right: Any) -> _Value:
        return self._combine(_OPERATORS["or"], self.of(left), self.of(right), "OR")

    def _call(self, function: lark.Token, *nodes: Any) -> _Value:
        arguments = [self.of(node) for node in nodes if node is not None]
        match str(function):
            case "IF":
                return self._choose(*arguments)
            case "FILL":
                return self._fill(*arguments)
            case "CEIL":
                return self._each(lambda value: float(math.ceil(value)), arguments[0], "CEIL")
            case "FLOOR":
                return self._each(lambda value: float(math.floor(value)), arguments[0], "FLOOR")
            case name:
                return self._aggregate(name, arguments[0])

    def _each(self, change: Callable[[float], float], value: _Value, name: str) -> _Value:
        if isinstance(value, list):
            return [_map(change, series) for series in value]
        if isinstance(value, str):
            raise ExpressionError(f"{value} in {self._text!r} can only be the second argument of FILL, not of {name}.")
        return _map(change, value) if isinstance(value, tuple) else None if value is None else change(value)

    def _combine(self, compute: _Binary, left: _Value, right: _Value, name: str) -> _Value:
        """Arithmetic, comparison and logic, point by point.

        "Missing values in a time series are treated as 0. If the value of a data point causes a function to attempt to
        divide by zero, the data point is dropped." A time stamp that no series has is none of the result; with a scalar
        the series alone says which exist (the guide's table `metric1 > 15 AND metric2 > 15`).
        """
        if isinstance(left, list):
            return [self._series(self._combine(compute, each, right, name), name) for each in left]
        if isinstance(right, list):
            return [self._series(self._combine(compute, left, each, name), name) for each in right]
        if isinstance(left, str) or isinstance(right, str):
            raise ExpressionError(f"REPEAT and LINEAR in {self._text!r} can only be the second argument of FILL.")
        if isinstance(left, tuple) and isinstance(right, tuple):
            return tuple(
                None if a is None and b is None else compute(a or 0.0, b or 0.0)
                for a, b in zip(left, right, strict=True)
            )
        if isinstance(left, tuple):
            return tuple(None if a is None or right is None else compute(a, right) for a in left)  # type: ignore[arg-type]
        if isinstance(right, tuple):
            return tuple(None if b is None or left is None else compute(left, b) for b in right)
        return None if left is None or right is None else compute(left, right)

    def _choose(self, condition: _Value, then: _Value, otherwise: _Value = None) -> _Value:
        """IF(condition, trueValue, falseValue).

        "Has the value of 0 if metric1 is TRUE and metric2 has no data point"; dropped if FALSE and metric3 has none or
        is omitted; dropped where the condition has no data point (the guide's three tables).
        """
        if not isinstance(condition, tuple):
            self._scalar(condition, "IF")
            chosen = then if condition else otherwise
            if isinstance(then, tuple) and chosen is None:
                return (None,) * len(then)
            return chosen
        values: list[float | None] = []
        for index, met in enumerate(condition):
            if met is None:
                values.append(None)
            elif met:
                values.append(self._at(then, index) or 0.0)
            else:
                values.append(self._at(otherwise, index))
        return tuple(values)

    def _fill(self, value: _Value, filler: _Value) -> _Value:
        """FILL(series, number | REPEAT | LINEAR | series): REPEAT needs an older point, LINEAR one on each side."""
        if isinstance(value, list):
            return [self._series(self._fill(each, filler), "FILL") for each in value]
        series = self._series(value, "FILL")
        if isinstance(filler, str):
            return _repeat(series) if filler == "REPEAT" else _interpolate(series)
        return tuple(self._at(filler, i) if point is None else point for i, point in enumerate(series))

    def _aggregate(self, name: str, value: _Value) -> _Value:
        """SUM, AVG, MIN, MAX: of a time series a scalar over the range, of an array a time series.

        "Missing values are treated as 0" stands at AVG; a time stamp that no series of an array has gives no point.
        """
        if isinstance(value, list):
            return tuple(_reduce(name, points) for points in zip(*value, strict=True))
        return _reduce(name, self._series(value, name))

    def _series(self, value: _Value, name: str) -> Series:
        if not isinstance(value, tuple):
            raise ExpressionError(f"{name} in {self._text!r} needs a time series.")
        return value

    def _scalar(self, value: _Value, name: str) -> Scalar:
        if isinstance(value, tuple | list | str):
            raise ExpressionError(f"{name} in {self._text!r} needs a number or a time series.")
        return value

    def _at(self, value: _Value, index: int) -> float | None:
        return value[index] if isinstance(value, tuple) else self._scalar(value, "IF or FILL")


def _map(change: Callable[[float], float], series: Series) -> Series:
    return tuple(None if value is None else change(value) for value in series)


def _reduce(name: str, points: Series) -> Scalar:
    real = [point for point in points if point is not None]
    if not real:
        return None
    match name:
        case "SUM":
            return math.fsum(real)
        case "AVG":
            return math.fsum(real) / len(points)
        case "MIN":
            return min(real)
        case _:
            return max(real)


def _repeat(series: Series) -> Series:
    filled: list[float | None] = []
    for value in series:
        filled.append(filled[-1] if value is None and filled else value)
    return tuple(filled)


def _interpolate(series: Series) -> Series:
    filled = list(series)
    known = [index for index, value in enumerate(series) if value is not None]
    for left, right in pairwise(known):
        first, last = series[left], series[right]
        if first is None or last is None:  # pragma: no cover - both are known
            continue
        for index in range(left + 1, right):
            filled[index] = first + (last - first) * (index - left) / (right - left)
    return tuple(filled)
