"""The statistics of CloudWatch over the samples of one period (Statistics-definitions.html, API_StatisticSet)."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple


class StatisticSet(NamedTuple):
    """A summary of samples. Percentiles cannot be computed from it."""

    sample_count: float
    total: float
    minimum: float
    maximum: float

    @classmethod
    def of(cls, value: float, count: int = 1) -> "StatisticSet":
        """`count` samples of one value."""
        return cls(float(count), float(value * count), float(value), float(value))


#: By CloudWatch's name. Each takes all sets of a period, at least one.
STATISTICS: dict[str, Callable[[Sequence[StatisticSet]], float]] = {
    "SampleCount": lambda sets: math.fsum([each.sample_count for each in sets]),
    "Sum": lambda sets: math.fsum([each.total for each in sets]),
    "Average": lambda sets: math.fsum([each.total for each in sets]) / math.fsum([each.sample_count for each in sets]),
    "Minimum": lambda sets: min([each.minimum for each in sets]),
    "Maximum": lambda sets: max([each.maximum for each in sets]),
}
