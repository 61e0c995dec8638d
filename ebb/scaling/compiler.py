"""Compiles the tree of a metric math expression to functions. Types are checked once, when it is compiled."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import lark

from ebb.scaling import functions
from ebb.scaling.functions import Numeric, Scalar, Series

Values = Mapping[str, Series]
Compute = Callable[[Values], Series]
Keyword = Literal["REPEAT", "LINEAR"]

#: None: the operation has no result.
_ARITHMETIC: dict[str, Numeric] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a / b if b else None,
    "^": functions.power,
}
_TRUTHS: dict[str, Callable[[float, float], object]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "AND": lambda a, b: a and b,
    "OR": lambda a, b: a or b,
}
_EACH: dict[str, Callable[[float], float]] = {"ABS": abs, "CEIL": functions.ceiling, "FLOOR": functions.floor}
#: Minimum and maximum number of arguments.
_ARGUMENTS = {
    "IF": (2, 3),
    "FILL": (2, 2),
    **dict.fromkeys(("ABS", "CEIL", "FLOOR", "MIN", "MAX", "SUM", "AVG"), (1, 1)),
}


class ExpressionError(ValueError):
    """CloudWatch refuses the expression, or this model does not support it; the text is one sentence."""


class _Number(NamedTuple):
    """S, "a scalar number"."""

    compute: Callable[[Values], Scalar]


class _TimeSeries(NamedTuple):
    """TS, "a time series"."""

    compute: Compute


#: A list is TS[], "an array of time series".
_Node = _Number | _TimeSeries | list[_TimeSeries] | Keyword


def compile_tree(tree: Any, text: str) -> Compute:
    """The function of an expression's tree. Raises ExpressionError, which quotes `text`."""
    node = _Compiler(text).of(tree)
    if not isinstance(node, _TimeSeries):
        raise ExpressionError(f"The expression {text!r} does not give one time series.")
    return node.compute


class _Compiler:
    """One method per kind of node."""

    def __init__(self, text: str) -> None:
        self._text = text

    def of(self, tree: Any) -> _Node:
        return getattr(self, f"_{tree.data}".rstrip("_"))(*tree.children)  # type: ignore[no-any-return]

    def _number(self, token: lark.Token) -> _Node:
        value = float(token)
        return _Number(lambda _: value)

    def _name(self, token: lark.Token) -> _Node:
        return _TimeSeries(operator.itemgetter(str(token)))

    def _keyword(self, token: lark.Token) -> _Node:
        return "REPEAT" if token == "REPEAT" else "LINEAR"  # noqa: S105 - a word of the grammar

    def _array(self, *trees: Any) -> _Node:
        found: list[_TimeSeries] = []
        for tree in trees:
            node = self.of(tree)
            found += node if isinstance(node, list) else [self._series(node, "an array")]
        return found

    def _negative(self, tree: Any) -> _Node:
        return self._each(operator.neg, self.of(tree), "-")

    def _binary(self, left: Any, symbol: lark.Token, right: Any) -> _Node:
        return self._combine(str(symbol), self.of(left), self.of(right))

    def _and(self, left: Any, right: Any) -> _Node:
        return self._combine("AND", self.of(left), self.of(right))

    def _or(self, left: Any, right: Any) -> _Node:
        return self._combine("OR", self.of(left), self.of(right))

    def _call(self, function: lark.Token, *trees: Any) -> _Node:
        name, given = str(function), [tree for tree in trees if tree is not None]
        if name not in _ARGUMENTS:
            raise ExpressionError(f"The function {name} in {self._text!r} is not supported.")
        minimum, maximum = _ARGUMENTS[name]
        if not minimum <= len(given) <= maximum:
            wanted = str(minimum) if minimum == maximum else f"{minimum} or {maximum}"
            raise ExpressionError(
                f"The function {name} in {self._text!r} takes {wanted} argument{'' if wanted == '1' else 's'}."
            )
        arguments = [self.of(tree) for tree in given]
        if name == "IF":
            return self._choose(*arguments)
        if name == "FILL":
            return self._fill(*arguments)
        if name in _EACH:
            return self._each(_EACH[name], arguments[0], name)
        return self._aggregate(name, arguments[0])

    def _each(self, change: Callable[[float], float], node: _Node, name: str) -> _Node:
        if isinstance(node, list):
            return [self._series(self._each(change, each, name), name) for each in node]
        compute = self._plain(node, name).compute
        if isinstance(node, _TimeSeries):
            series = node.compute
            return _TimeSeries(lambda values: tuple([None if a is None else change(a) for a in series(values)]))
        number: Callable[[Values], Any] = compute
        return _Number(lambda values: None if (a := number(values)) is None else change(a))

    def _combine(self, symbol: str, left: _Node, right: _Node) -> _Node:
        if isinstance(left, list) and isinstance(right, list):
            if len(left) != len(right):
                raise ExpressionError(f"The two arrays of {symbol} in {self._text!r} differ in length.")
            return [self._series(self._combine(symbol, a, b), symbol) for a, b in zip(left, right, strict=True)]
        if isinstance(left, list):
            return [self._series(self._combine(symbol, each, right), symbol) for each in left]
        if isinstance(right, list):
            return [self._series(self._combine(symbol, left, each), symbol) for each in right]
        a, b = self._plain(left, symbol), self._plain(right, symbol)
        truth = _TRUTHS.get(symbol)
        kinds = functions.truths(truth) if truth else functions.arithmetic(_ARITHMETIC[symbol])
        return _bind(kinds, a, b)

    def _choose(self, condition: _Node, then: _Node, otherwise: _Node | None = None) -> _Node:
        """IF(condition, trueValue, falseValue): a time series if one of the three is one."""
        parts = [self._plain(node, "IF") for node in (condition, then)]
        last = _Number(_nothing) if otherwise is None else self._plain(otherwise, "IF")
        a, b, c = (part.compute for part in (*parts, last))
        if any(isinstance(part, _TimeSeries) for part in (*parts, last)):
            return _TimeSeries(lambda values: functions.choose(a(values), b(values), c(values)))
        number: Callable[..., Scalar] = functions.choose_number
        return _Number(lambda values: number(a(values), b(values), c(values)))

    def _fill(self, node: _Node, filler: _Node) -> _Node:
        """FILL(TS | TS[], TS | S | REPEAT | LINEAR)."""
        if isinstance(node, list):
            return [self._series(self._fill(each, filler), "FILL") for each in node]
        series = self._series(node, "FILL").compute
        if isinstance(filler, str):
            fill = functions.repeat if filler == "REPEAT" else functions.interpolate
            return _TimeSeries(lambda values: fill(series(values)))
        other = self._plain(filler, "FILL").compute
        return _TimeSeries(lambda values: functions.fill(series(values), other(values)))

    def _aggregate(self, name: str, node: _Node) -> _Node:
        """SUM, AVG, MIN, MAX: a number from a time series, a time series from an array."""
        reduce = functions.REDUCTIONS[name]
        if isinstance(node, list):
            members = [each.compute for each in node]
            return _TimeSeries(lambda values: tuple(map(reduce, zip(*[each(values) for each in members], strict=True))))
        series = self._series(node, name).compute
        return _Number(lambda values: reduce(series(values)))

    def _series(self, node: _Node, name: str) -> _TimeSeries:
        if not isinstance(node, _TimeSeries):
            raise ExpressionError(f"{name} in {self._text!r} needs a time series.")
        return node

    def _plain(self, node: _Node, name: str) -> _Number | _TimeSeries:
        if isinstance(node, str):
            raise ExpressionError(f"{node} in {self._text!r} can only be the second argument of FILL, not of {name}.")
        if isinstance(node, list):
            raise ExpressionError(f"{name} in {self._text!r} needs a number or a time series.")
        return node


def _nothing(_: Values) -> None:
    return None


def _bind(kinds: functions.Kinds, a: _Number | _TimeSeries, b: _Number | _TimeSeries) -> _Node:
    """The variant of an operator for the types of its two sides."""
    if isinstance(a, _TimeSeries):
        left = a.compute
        if isinstance(b, _TimeSeries):
            right, both = b.compute, kinds.both
            return _TimeSeries(lambda values: both(left(values), right(values)))
        scalar, with_number = b.compute, kinds.left
        return _TimeSeries(lambda values: with_number(left(values), scalar(values)))
    number = a.compute
    if isinstance(b, _TimeSeries):
        right, of_number = b.compute, kinds.right
        return _TimeSeries(lambda values: of_number(number(values), right(values)))
    scalar, neither = b.compute, kinds.neither
    return _Number(lambda values: neither(number(values), scalar(values)))
