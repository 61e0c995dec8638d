import math
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.forecast.load.workloads import load
from ebb.forecast.model import histogram, record
from ebb.forecast.model.histogram import SHORTEST, WIDTH, Histogram
from ebb.forecast.model.simulate import simulate
from ebb.forecast.scenario.scenario import ApiSetup
from tests.forecast.scenarios import recommended

TIMES = st.lists(st.one_of(st.floats(0, 1e8), st.sampled_from([0.0, 30.0, 30.01, 86_400.0])), min_size=1, max_size=200)


@given(TIMES, st.floats(0.01, 1))
def test_a_quantile_differs_from_the_exact_one_by_at_most_a_bin(times: list[float], share: float) -> None:
    exact = sorted(times)[math.ceil(share * len(times) * (1 - 1e-12)) - 1]
    assert Histogram.of(times).quantile(share) == pytest.approx(exact, rel=WIDTH, abs=SHORTEST)


@given(TIMES, TIMES)
def test_a_sum_has_the_times_of_both(times: list[float], more: list[float]) -> None:
    both, all_ = Histogram.of(times) + Histogram.of(more), Histogram.of([*times, *more])
    assert both.count == all_.count == len(times) + len(more)
    assert [each for pair in both.bins() for each in pair] == pytest.approx(
        [each for pair in all_.bins() for each in pair]
    )


def test_times_of_days_and_of_milliseconds_need_few_bins() -> None:
    found = Histogram.of(0.001 * 1.0002**number for number in range(100_000))
    assert found.count == 100_000
    assert len(found.bins()) < 21_000


def test_without_times_a_quantile_is_infinite() -> None:
    assert Histogram().quantile(0.5) == math.inf


def test_a_waiting_job_takes_few_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """All jobs wait at once: 16 bytes each, twice while an array grows. All else has a maximum, here a low one."""
    monkeypatch.setattr(record, "MAX_POINTS", 200)
    monkeypatch.setattr(histogram, "_LOG_WIDTH", 0.1)

    def peak(jobs: int) -> int:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        scenario = replace(recommended(max_tasks=50), api=ApiSetup())  # which accepts all at once
        found = simulate(scenario, load(f"burst:{jobs}", "lognormal:30s,0.5"), seed=1)
        assert found.done == jobs
        return tracemalloc.get_traced_memory()[1] - before

    tracemalloc.start()
    try:
        peak(10)  # what is computed once
        assert peak(6000) - peak(1000) < 5000 * 60
    finally:
        tracemalloc.stop()
