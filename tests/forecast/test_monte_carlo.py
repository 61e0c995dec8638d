import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.forecast import bill
from ebb.forecast.model.outcome import Outcome
from ebb.forecast.monte_carlo import KEPT, Forecast, forecast, jobs_of
from ebb.forecast.workloads import load
from tests.forecast.examples import outcome, stack

SETUP, LOAD = stack(), load("burst:2", "30s")


def of(*outcomes: Outcome) -> Forecast:
    return forecast(SETUP, LOAD, lambda seed: outcomes[seed], runs=len(outcomes), seed=0)


def test_the_same_seed_gives_the_same_forecast_and_each_run_has_a_seed_of_its_own() -> None:
    seeds: list[int] = []

    def run(seed: int) -> Outcome:
        seeds.append(seed)
        return outcome(seed=seed, wakes=(100.0 + seed,))

    first = forecast(SETUP, LOAD, run, runs=10, seed=7)
    assert seeds == list(range(7, 17))
    assert forecast(SETUP, LOAD, run, runs=10, seed=7) == first
    assert first.first.seed == 7


def test_quantiles_of_wakes_are_over_all_runs() -> None:
    found = of(*(outcome(wakes=(float(wake),)) for wake in range(1, 101)))
    assert found.wake is not None
    assert (found.wake.p50.value, found.wake.p95.value) == (50.0, 95.0)


def test_an_interval_holds_its_value_and_narrows_with_more_runs() -> None:
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


def test_a_job_that_never_started_never_wakes_and_never_ends() -> None:
    found = of(outcome(waits=(), latencies=(), wakes=(), drain=None, done=0, left=2))
    for spread in (found.wake, found.wait, found.latency, found.drain):
        assert spread is not None
        assert spread.p50.value == math.inf


def test_one_job_of_twenty_that_is_left_does_not_move_the_95th_percentile_but_two_do() -> None:
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


def test_a_service_that_never_sleeps_has_no_wake_up() -> None:
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
    fargate = [part.dollars for run in runs for part in bill.monthly(run, SETUP, LOAD).load if part.name == "Fargate"]
    found = {part.name: part.dollars for part in of(*runs).bill.load}
    assert found["Fargate"] == pytest.approx(sum(fargate) / 2)
    assert fargate[1] == pytest.approx(2 * fargate[0])


def test_progress_is_told_after_each_run() -> None:
    told: list[tuple[int, int]] = []
    forecast(SETUP, LOAD, lambda _: outcome(), runs=3, seed=0, progress=lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_forecast_without_runs_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one run, got 0"):
        of()


@given(st.lists(st.floats(0, 1e6), min_size=KEPT + 1, max_size=3 * KEPT))
def test_of_many_jobs_so_many_are_kept_that_quantiles_stay_within_a_hundredth(times: list[float]) -> None:
    found = of(outcome(sent=len(times), done=len(times), waits=tuple(times), latencies=tuple(times)))
    assert found.wait is not None
    ordered = sorted(times)
    for share, value in ((0.5, found.wait.p50.value), (0.95, found.wait.p95.value)):
        place = share * len(ordered)
        low = ordered[max(0, math.floor(place - 0.01 * len(ordered)) - 1)]
        high = ordered[min(len(ordered) - 1, math.ceil(place + 0.01 * len(ordered)))]
        assert low <= value <= high


def test_a_loads_jobs_are_known_by_what_it_draws() -> None:
    tail = jobs_of(load("tail:100", "10s"), 1)
    assert (tail.typical, tail.longest, tail.groups) == (10.0, 200.0, 1)
    spread = jobs_of(load("burst:500", "lognormal:60s,0.5", groups=3), 1)
    assert spread.typical == pytest.approx(60, rel=0.1)
    assert spread.longest > 150
    assert spread.groups == 3
    idle = jobs_of(load("idle", "40s"), 1)
    assert (idle.typical, idle.longest, idle.groups) == (40.0, 40.0, None)
