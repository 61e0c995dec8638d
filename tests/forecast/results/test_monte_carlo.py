import math

import pytest

from ebb.forecast.load.workloads import load
from ebb.forecast.model.outcome import Outcome
from ebb.forecast.results import bill
from ebb.forecast.results.monte_carlo import Forecast, forecast
from tests.forecast.examples import outcome, stack

SCENARIO, LOAD = stack(), load("burst:2", "30s")


def of(*outcomes: Outcome) -> Forecast:
    return forecast(SCENARIO, LOAD, lambda seed: outcomes[seed], runs=len(outcomes), seed=0)


def test_the_same_seed_gives_the_same_forecast_and_each_run_has_its_own_seed() -> None:
    seeds: list[int] = []

    def run(seed: int) -> Outcome:
        seeds.append(seed)
        return outcome(seed=seed, wakes=(100.0 + seed,))

    first = forecast(SCENARIO, LOAD, run, runs=10, seed=7)
    assert seeds == list(range(7, 17))
    assert forecast(SCENARIO, LOAD, run, runs=10, seed=7) == first
    assert first.first.seed == 7


def test_quantiles_of_wake_ups_are_over_all_runs() -> None:
    found = of(*(outcome(wakes=(float(wake),)) for wake in range(1, 101)))
    assert found.wake is not None
    assert (found.wake.p50.value, found.wake.p95.value) == (50.0, 95.0)


def test_an_interval_contains_its_value_and_is_narrower_with_more_runs() -> None:
    few = of(*(outcome(wakes=(float(wake % 10),)) for wake in range(10)))
    many = of(*(outcome(wakes=(float(wake % 10),)) for wake in range(400)))
    assert few.wake is not None
    assert many.wake is not None
    for spread in (few.wake.p50, many.wake.p50):
        assert spread.low <= spread.value <= spread.high
    assert many.wake.p50.high - many.wake.p50.low < few.wake.p50.high - few.wake.p50.low


def test_one_run_has_no_interval() -> None:
    found = of(outcome())
    assert found.latency is not None
    assert found.latency.p50.low == found.latency.p50.value == found.latency.p50.high == 170.0
    assert found.task_hours.low == found.task_hours.high


def test_a_job_that_never_started_has_infinite_times() -> None:
    found = of(outcome(waits=(), latencies=(), wakes=(), drain=None, done=0, left=2))
    for spread in (found.wake, found.wait, found.latency, found.drain):
        assert spread is not None
        assert spread.p50.value == math.inf


def test_two_of_twenty_jobs_that_are_left_change_the_95th_percentile_and_one_does_not() -> None:
    def with_done(done: int) -> float:
        times = tuple(float(second) for second in range(done))
        found = of(outcome(sent=20, done=done, left=20 - done, waits=times, latencies=times))
        assert found.latency is not None
        return found.latency.p95.value

    assert with_done(19) == 18.0
    assert with_done(18) == math.inf


def test_dead_letters_have_no_latency() -> None:
    found = of(outcome(sent=2, done=1, dead=1, waits=(140.0, 170.0), latencies=(170.0,)))
    assert found.latency is not None
    assert found.latency.p95.value == 170.0


def test_a_service_that_is_never_at_zero_tasks_has_no_wake_up() -> None:
    assert of(outcome(wakes=())).wake is None


def test_without_jobs_there_are_no_times() -> None:
    nothing = {"waits": (), "latencies": (), "wakes": (), "drain": 0.0, "done": 0}
    found = of(outcome(sent=0, **nothing))
    assert (found.wake, found.wait, found.latency, found.drain) == (None, None, None, None)


def test_counts_are_means_of_a_run() -> None:
    found = of(outcome(killed=1, task_seconds=3600.0), outcome(killed=2, task_seconds=7200.0))
    assert (found.killed.value, found.task_hours.value) == (1.5, 1.5)


def test_each_part_of_the_bill_is_the_mean_of_the_runs() -> None:
    runs = [outcome(task_seconds=seconds) for seconds in (3600.0, 7200.0)]
    fargate = [
        part.dollars for run in runs for part in bill.monthly(run, SCENARIO, LOAD).load if part.name == "Fargate"
    ]
    found = {part.name: part.dollars for part in of(*runs).bill.load}
    assert found["Fargate"] == pytest.approx(sum(fargate) / 2)
    assert fargate[1] == pytest.approx(2 * fargate[0])


def test_progress_is_reported_after_each_run() -> None:
    calls: list[tuple[int, int]] = []
    forecast(SCENARIO, LOAD, lambda _: outcome(), runs=3, seed=0, progress=lambda done, of: calls.append((done, of)))
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_a_forecast_without_runs_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one run, got 0"):
        of()
