"""The basic statistics of a period, by "CloudWatch statistics definitions"."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.scaling.statistics import STATISTICS, StatisticSet

#: Each sample with how often it was published.
SAMPLES = st.lists(st.tuples(st.integers(-1000, 1000), st.integers(1, 9)), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("name", "expected"), [("SampleCount", 4.0), ("Sum", 14.0), ("Average", 3.5), ("Minimum", 2.0), ("Maximum", 8.0)]
)
def test_each_statistic_covers_all_samples_of_the_period(name: str, expected: float) -> None:
    assert STATISTICS[name]([StatisticSet.of(2, 3), StatisticSet.of(8)]) == expected


def test_a_set_of_different_samples_counts_with_its_sum_and_extremes() -> None:
    sets = [StatisticSet(sample_count=2, total=10, minimum=1, maximum=9), StatisticSet.of(5)]
    found = {name: compute(sets) for name, compute in STATISTICS.items()}
    assert found == {"SampleCount": 3, "Sum": 15, "Average": 5, "Minimum": 1, "Maximum": 9}


@given(SAMPLES)
def test_the_statistics_are_those_of_the_samples_themselves(samples: list[tuple[int, int]]) -> None:
    sets = [StatisticSet.of(value, count) for value, count in samples]
    values = [value for value, count in samples for _ in range(count)]
    expected = {
        "SampleCount": len(values),
        "Sum": sum(values),
        "Average": statistics.fmean(values),
        "Minimum": min(values),
        "Maximum": max(values),
    }
    assert STATISTICS.keys() == expected.keys()
    assert all(math.isclose(compute(sets), expected[name]) for name, compute in STATISTICS.items())
