"""Statistics of raw samples, by "CloudWatch statistics definitions"."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.scaling.samples import statistic

#: 1 to 100: a percentage of them is that many.
HUNDRED = [float(n) for n in range(100, 0, -1)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SampleCount", 100),
        ("Sum", 5050),
        ("Average", 50.5),
        ("Minimum", 1),
        ("Maximum", 100),
        ("p95", 95),
        ("p99.9", 100),
        ("p100", 100),
        ("p0.1", 1),
        ("tm90", 45.5),  # "the average after removing the 10% of data points with the highest values"
        ("TM(:90%)", 45.5),  # "tm99 … is the same as TM(:99%)"
        ("TM(2%:98%)", 50.5),  # "removing the 2% lowest data points and the 2% highest"
        ("TM(150:1000)", None),
        ("TM(10:20)", 15.5),  # "lower than or equal to 10, or higher than 20" are removed
        ("IQM", 50.5),
        ("TM(25%:75%)", 50.5),
        ("wm98", 50.47),  # "the 2% of the highest values to be equal to the value at the 98th percentile"
        ("WM(10%:90%)", 50.5),
        ("WM(10:90)", 50.4),
        ("PR(:30)", 30),  # "the percentage of data points that have a value of 30 or less"
        ("PR(10:30)", 20),
        ("PR(90:)", 10),
        ("tc90", 90),
        ("TC(10:20)", 10),
        ("TC(:0.5)", 0),
        ("ts90", 4095),
        ("TS(80%:)", 1810),  # "not including any data points with values in the lowest 80%"
        ("TS(:500)", 5050),
    ],
)
def test_each_statistic_is_what_the_guide_defines(name: str, expected: float | None) -> None:
    assert statistic(name)(HUNDRED) == (expected if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("name", ["p50", "tm1", "wm1", "TM(99%:)", "IQM", "Average", "Sum", "WM(50%:60%)"])
def test_one_sample_is_its_own_statistic(name: str) -> None:
    assert statistic(name)([7.0]) == 7.0


@pytest.mark.parametrize("name", ["SampleCount", "Average", "p99", "TM(10%:90%)"])
def test_without_samples_there_is_no_point(name: str) -> None:
    assert statistic(name)([]) is None


def test_statistics_of_ranks_are_not_available_for_negative_values() -> None:
    assert statistic("p99")([-1.0, 2.0]) is None
    assert statistic("Minimum")([-1.0, 2.0]) == -1.0


@pytest.mark.parametrize(
    "name",
    ["", "average", "Median", "p", "p101", "pp9", "TM", "TM(10%:20)", "TM(:)", "TM(20%:10%)", "PR(:5%)", "TS(:101%)"],
)
def test_another_statistic_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=r"^the statistic .*is not supported") as error:
        statistic(name)
    assert name in str(error.value)


SAMPLES = st.lists(st.integers(0, 10_000).map(float), min_size=1, max_size=60)


@given(SAMPLES, st.integers(1, 100))
def test_that_many_per_cent_of_the_samples_are_no_higher_than_a_percentile(values: list[float], p: int) -> None:
    found = statistic(f"p{p}")(values)
    assert found in values
    assert found is not None
    assert sum(value <= found for value in values) * 100 >= p * len(values)
    assert sum(value < found for value in values) * 100 < p * len(values)


@given(SAMPLES, st.integers(0, 49), st.integers(51, 100))
def test_a_trimmed_sum_is_trimmed_mean_times_trimmed_count(values: list[float], low: int, high: int) -> None:
    """The guide: "it is equivalent to (Trimmed Mean) * (Trimmed count)"."""
    mean, count, total = (statistic(f"{kind}({low}%:{high}%)")(values) for kind in ("TM", "TC", "TS"))
    assert mean is not None
    assert count is not None
    assert total == pytest.approx(mean * count)
    assert min(values) <= mean <= max(values)


@given(SAMPLES)
def test_a_winsorized_mean_of_everything_is_the_mean(values: list[float]) -> None:
    found = statistic("WM(0%:100%)")(values)
    assert found is not None
    assert math.isclose(found, statistics.fmean(values), abs_tol=1e-9)
