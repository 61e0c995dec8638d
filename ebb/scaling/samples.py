"""The statistics of CloudWatch over the raw samples of one period.

Source of all rules: "CloudWatch statistics definitions" (Statistics-definitions.html).
"""

import math
import re
from collections.abc import Callable, Sequence
from functools import lru_cache

#: One value of a period's samples; None where there is no data point.
Statistic = Callable[[Sequence[float]], float | None]
#: The statistics that follow from a period's count, sum and extremes alone.
BASIC: dict[str, Callable[[Sequence[float]], float]] = {
    "SampleCount": lambda values: float(len(values)),
    "Average": lambda values: math.fsum(values) / len(values),
    "Sum": math.fsum,
    "Minimum": min,
    "Maximum": max,
}
#: Namespaces of this project whose metrics are not among those "that support these types of statistics".
WITHOUT_SAMPLES = frozenset({"AWS/SQS", "AWS/ECS"})
#: The lower and the upper bound, and whether they are percentages.
_Bounds = tuple[float | None, float | None, bool]
_BOUND = r"\d+(?:\.\d{1,10})?"
#: "Lowercase letters when specifying only one number": p99.9, tm90.
_SHORT = re.compile(rf"(p|tm|wm|tc|ts)({_BOUND})")
#: "Uppercase letters when specifying a range": TM(10%:90%), PR(:300).
_RANGE = re.compile(rf"(TM|WM|TC|TS|PR)\(({_BOUND})?(%?):(?:({_BOUND})(%?))?\)")


@lru_cache(maxsize=64)
def statistic(name: str) -> Statistic:
    """The statistic of that name in CloudWatch's syntax.

    "Not available for metrics when any of the metric values are negative numbers", other than the basic ones: then
    there is no data point. Raises ValueError, which names it, for any other.
    """
    bounds: _Bounds
    if name in BASIC:
        basic = BASIC[name]
        return lambda values: basic(values) if values else None
    if match := _SHORT.fullmatch(name):
        kind, text = match[1], match[2]
        if float(text) > 100:
            raise ValueError(f"the statistic {name} is not supported: its percentage must be up to 100")
        bounds = (None, float(text), True)
    elif name == "IQM":  # "equivalent to TM(25%:75%)"
        kind, bounds = "tm", (25.0, 75.0, True)
    else:
        kind, bounds = _range(name)
    return lambda values: _compute(kind, bounds, sorted(values)) if values and min(values) >= 0 else None


def _range(name: str) -> tuple[str, _Bounds]:
    match = _RANGE.fullmatch(name)
    if not match or (match[2] is None and match[4] is None):
        raise ValueError(f"the statistic {name} is not supported")
    low, high = (None if text is None else float(text) for text in (match[2], match[4]))
    signs = {sign for bound, sign in ((low, match[3]), (high, match[5])) if bound is not None}
    percent = "%" in signs
    if len(signs) != 1 or (low is not None and high is not None and low >= high):
        raise ValueError(f"the statistic {name} is not supported: its bounds must be rising, of one kind")
    if percent and (match[1] == "PR" or max(low or 0.0, high or 0.0) > 100):
        raise ValueError(f"the statistic {name} is not supported: PR takes values, others up to 100 %")
    return match[1].lower(), (low, high, percent)


def _compute(kind: str, bounds: _Bounds, values: list[float]) -> float | None:
    low, high, percent = bounds
    if percent:
        # the guide does not say what becomes of part of a value: it is kept, and so is one value at the least
        first = min(_share(low or 0.0, len(values), math.floor), len(values) - 1)
        kept = values[first : max(first + 1, _share(100.0 if high is None else high, len(values), math.ceil))]
    else:  # "includes values equal to the higher boundary, but does not include values equal to the lower boundary"
        kept = [value for value in values if (low is None or value > low) and (high is None or value <= high)]
    match kind:
        case "p":  # "the maximum value of the remaining 99%"
            return kept[-1]
        case "tc":
            return float(len(kept))
        case "pr":  # "the percentage of values that meet a fixed threshold"
            return 100 * len(kept) / len(values)
        case "wm":  # values outside "are considered to be equal to the value at the edge of the boundary"
            edges = (kept[0], kept[-1]) if percent else (low, high)
            return math.fsum(_within(value, *edges) for value in values) / len(values)
        case _:
            total = math.fsum(kept)
            return total if kind == "ts" else total / len(kept) if kept else None


def _share(percentage: float, count: int, whole: Callable[[float], int]) -> int:
    """How many of the lowest values are a percentage of them."""
    return whole(round(percentage * count / 100, 9))


def _within(value: float, low: float | None, high: float | None) -> float:
    value = value if low is None else max(value, low)
    return value if high is None else min(value, high)
