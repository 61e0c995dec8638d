"""The operators and functions of CloudWatch metric math (using-metric-math.html).

Plain loops, because a forecast runs them for each alarm and each minute.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

#: One value per period, oldest first; None where the metric has no data point.
Series = tuple[float | None, ...]
#: A number; None after a division by zero.
Scalar = float | None
Numeric = Callable[[float, float], float | None]


class Kinds(NamedTuple):
    """Variants of a binary operator: two series, series and number, number and series, two numbers."""

    both: Callable[[Series, Series], Series]
    left: Callable[[Series, Scalar], Series]
    right: Callable[[Scalar, Series], Series]
    neither: Callable[[Scalar, Scalar], Scalar]


def arithmetic(compute: Numeric) -> Kinds:
    """An operator, point by point. The result has a point where at least one series has one."""

    def both(left: Series, right: Series) -> Series:
        # "Missing values in a time series are treated as 0"
        return tuple(
            [
                (None if a is None else compute(a, 0.0)) if b is None else compute(0.0 if a is None else a, b)
                for a, b in zip(left, right, strict=True)
            ]
        )

    def with_number(left: Series, b: Scalar) -> Series:
        if b is None:
            return (None,) * len(left)
        return tuple([None if a is None else compute(a, b) for a in left])

    def of_number(a: Scalar, right: Series) -> Series:
        if a is None:
            return (None,) * len(right)
        return tuple([None if b is None else compute(a, b) for b in right])

    def neither(a: Scalar, b: Scalar) -> Scalar:
        return None if a is None or b is None else compute(a, b)

    return Kinds(both, with_number, of_number, neither)


def truths(holds: Callable[[float, float], object]) -> Kinds:
    """A comparison or a logical operator: "each data point is either 0 (false) or 1 (true)"."""

    def compute(a: float, b: float) -> float:
        return 1.0 if holds(a, b) else 0.0

    def with_number(left: Series, b: Scalar) -> Series:
        if b is None:
            return (None,) * len(left)
        return tuple([None if a is None else 1.0 if holds(a, b) else 0.0 for a in left])

    return arithmetic(compute)._replace(left=with_number)


def choose(condition: Series | Scalar, then: Series | Scalar, otherwise: Series | Scalar) -> Series:
    """IF, point by point; at least one argument is a series."""
    length = next(len(part) for part in (condition, then, otherwise) if isinstance(part, tuple))
    yes = then if isinstance(then, tuple) else (then,) * length
    no = otherwise if isinstance(otherwise, tuple) else (otherwise,) * length
    if not isinstance(condition, tuple):
        return (None,) * length if condition is None else yes if condition else no
    # The guide's tables: 0 if the condition is true and `then` has no point. There is no point if the condition has
    # none, or is false and `otherwise` has none.
    return tuple(
        [(a or 0.0) if met else None if met is None else b for met, a, b in zip(condition, yes, no, strict=True)]
    )


def choose_number(condition: Scalar, then: Scalar, otherwise: Scalar) -> Scalar:
    """IF with three numbers."""
    return None if condition is None else then if condition else otherwise


def fill(series: Series, filler: Series | Scalar) -> Series:
    """FILL with a number or another series."""
    if isinstance(filler, tuple):
        return tuple([b if a is None else a for a, b in zip(series, filler, strict=True)])
    return tuple([filler if a is None else a for a in series])


def repeat(series: Series) -> Series:
    """FILL with REPEAT: "the most recent actual value of the metric before the missing value"."""
    if None not in series:
        return series
    filled: list[float | None] = []
    last = None
    for value in series:
        if value is not None:
            last = value
        filled.append(last)
    return tuple(filled)


def interpolate(series: Series) -> Series:
    """FILL with LINEAR: "a linear interpolation between the values at the beginning and the end of the gap"."""
    filled = list(series)
    known = [(index, value) for index, value in enumerate(series) if value is not None]
    for (left, first), (right, last) in pairwise(known):
        for index in range(left + 1, right):
            filled[index] = first + (last - first) * (index - left) / (right - left)
    return tuple(filled)


def power(base: float, exponent: float) -> float | None:
    """^; None if the result is not a number or too large."""
    try:
        return math.pow(base, exponent)
    except (ValueError, OverflowError):
        return None


def ceiling(value: float) -> float:
    """CEIL, "the smallest integer greater than or equal to each value"."""
    return float(math.ceil(value)) if math.isfinite(value) else value


def floor(value: float) -> float:
    """FLOOR, "the largest integer less than or equal to each value"."""
    return float(math.floor(value)) if math.isfinite(value) else value


def _real(points: Sequence[float | None]) -> list[float]:
    return [point for point in points if point is not None]


def _total(points: Sequence[float | None]) -> Scalar:
    real = _real(points)
    return math.fsum(real) if real else None


def _average(points: Sequence[float | None]) -> Scalar:
    """AVG: "Missing values are treated as 0"."""
    total = _total(points)
    return None if total is None else total / len(points)


def _minimum(points: Sequence[float | None]) -> Scalar:
    return min(_real(points), default=None)


def _maximum(points: Sequence[float | None]) -> Scalar:
    return max(_real(points), default=None)


#: Over all points of a series, or over the points of an array's series at one time.
REDUCTIONS: dict[str, Callable[[Sequence[float | None]], Scalar]] = {
    "SUM": _total,
    "AVG": _average,
    "MIN": _minimum,
    "MAX": _maximum,
}
