"""When jobs are sent: the API's token bucket, and the second of the minute. How fast tasks start."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.forecast.load.workloads import Arrival, load
from ebb.forecast.model.assumptions import Assumptions, Constant
from ebb.forecast.model.overrides import overridden
from ebb.forecast.model.record import Record
from ebb.forecast.model.sending import sent
from ebb.forecast.model.simulate import simulate
from ebb.forecast.scenario.image_pull import Pull
from ebb.forecast.scenario.scenario import ApiSetup, WakeSetup
from ebb.scaling.policies import Step
from ebb.scaling.schedules import Schedule
from tests.forecast.scenarios import recommended, rule


def accepted(times: list[float], rate: float, burst: float, later: float = 0.0) -> tuple[list[float], int]:
    record = Record(0.0)
    arrivals = (Arrival(time, 1.0, "0", False) for time in times)
    return [each.time for each in sent(arrivals, later, ApiSetup(rate=rate, burst=burst), record)], record.refused


def test_the_api_accepts_a_burst_and_then_its_rate() -> None:
    assert accepted([0.0] * 5, rate=2, burst=3) == ([0.0, 0.0, 0.0, 0.5, 1.0], 2)
    assert accepted([0.0, 0.0, 10.0], rate=1, burst=2) == ([0.0, 0.0, 10.0], 0)


def test_an_api_without_a_limit_accepts_all_at_once() -> None:
    assert accepted([0.0] * 500, rate=float("inf"), burst=float("inf"), later=7.0) == ([7.0] * 500, 0)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=80), st.floats(0.1, 50), st.integers(1, 20))
def test_no_time_has_more_than_the_burst_and_the_rate(gaps: list[float], rate: float, burst: int) -> None:
    times = sorted(gaps)
    found, refused = accepted(times, rate, burst)
    assert all(after >= before for before, after in zip(times, found, strict=True))
    assert found == sorted(found)
    assert refused == sum(after > before for before, after in zip(times, found, strict=True))
    for first in range(len(found)):
        for last in range(first + burst, len(found)):
            assert last - first + 1 <= burst + (found[last] - found[first]) * rate + 1e-6


def test_a_burst_falls_on_any_second_of_the_minute_and_a_night_on_its_own() -> None:
    first = [simulate(recommended(), load("burst:1"), seed=seed, until=70).visible[1][0] for seed in range(40)]
    assert min(first) < 10
    assert max(first) > 50
    assert all(0 <= time < 60 for time in first)
    night = simulate(recommended(), load("nightly:1"), seed=3, until=7300)
    assert night.visible[1][0] == 7200


def test_a_service_starts_500_tasks_a_minute() -> None:
    many = replace(
        recommended(), maximum=1200, rules=(rule("out", "GreaterThanOrEqualToThreshold", 1, Step(0, None, 1200)),)
    )
    assumptions = Assumptions(starts={"measured": Constant(30)}, launch_burst=5000)
    outcome = simulate(many, load("burst:1", "10m"), seed=1, until=400, assumptions=assumptions)
    desired_at = outcome.desired[1][0]
    running = [(time - desired_at - 30, value) for time, value in outcome.running[1:]]
    assert [(round(time), value) for time, value in running] == [(0, 500), (60, 1000), (120, 1200)]


def test_a_start_time_replaces_the_measured_one() -> None:
    def wake(text: str | None, seed: int = 1) -> float:
        return simulate(recommended(), load("burst:1"), seed=seed, assumptions=overridden(text, ())).wakes[0]

    # with the other delays of the seed unchanged
    assert wake("300s") - wake("100s") == pytest.approx(200, abs=1)
    spread = {round(wake("lognormal:100s,0.5", seed) - wake("100s", seed)) for seed in range(6)}
    assert len(spread) > 3


def test_each_task_pulls_its_image_through_its_own_path() -> None:
    one = Pull(megabytes=2000)
    assert one.seconds == 64

    def last_start(shared: bool) -> float:
        own = recommended(min_tasks=4)
        task = replace(own.task, pull=one.seconds, shared_path=shared)
        assumptions = Assumptions(starts={"measured": Constant(30)}, idle_before=0)
        outcome = simulate(replace(own, task=task), load("idle:1h"), seed=1, assumptions=assumptions)
        return next(time for time, value in outcome.running if value == 4)

    assert last_start(shared=False) == pytest.approx(30 + 64)
    assert last_start(shared=True) == pytest.approx(30 + 4 * 64)


def test_a_deployment_after_the_load_is_simulated_too() -> None:
    warm = recommended(min_tasks=1)
    quiet, deployed = (simulate(warm, load("burst:1"), assumptions=overridden(None, each)) for each in ((), ("3h",)))
    assert (quiet.launches, deployed.launches) == (0, 1)
    assert quiet.until < 2 * 3600 < 3 * 3600 < deployed.until


def test_recurring_jobs_are_sent_by_their_schedules_and_not_by_the_api() -> None:
    nightly = Schedule(expression="cron(0 3 * * ? *)", timezone="Europe/Berlin")
    schedules = (nightly, Schedule(expression="rate(2 days)"))
    scenario = replace(recommended(), recurring=schedules, wake=WakeSetup(keep_alive=False))
    found = simulate(scenario, load("idle:4d", "10m"))
    assert (found.sent, found.done, found.requests.api) == (4 + 2, 4 + 2, 0)
    assert found.requests.schedules == 6
    assert found.work_seconds >= 6 * 600
