"""The outcome of a scenario under a load, where the outcome is known."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from ebb.forecast.durations import DAY, HOUR
from ebb.forecast.load.arrivals import Timed, Times
from ebb.forecast.load.workloads import load
from ebb.forecast.model.assumptions import Assumptions, Constant
from ebb.forecast.model.simulate import Simulation, simulate
from ebb.forecast.scenario.scenario import Poller, QueueSetup, Rule, Scenario, TaskSetup, WorkerSetup
from ebb.scaling.alarms import Alarm, Metric, Query
from ebb.scaling.policies import Step
from tests.forecast.scenarios import IN, IN_FLIGHT, OUT, PLAIN, VISIBLE, bare, recommended, rule

SEEDS = range(100)
#: Enough to estimate a 95th percentile within a few seconds.
MANY_SEEDS = range(1000)


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * len(values))]


def _wakes(scenario: Scenario, seeds: range = SEEDS) -> list[float]:
    one, assumptions = load("burst:1", "30s"), Assumptions(idle_before=600)
    return [simulate(scenario, one, seed=seed, until=400, assumptions=assumptions).wakes[0] for seed in seeds]


@pytest.mark.slow
def test_one_message_wakes_the_service_by_metrics_in_time() -> None:
    wakes = _wakes(recommended(), MANY_SEEDS)
    assert _quantile(wakes, 0.5) <= 140
    assert _quantile(wakes, 0.95) <= 185


@pytest.mark.slow
def test_the_watcher_wakes_the_service_in_time() -> None:
    wakes = _wakes(recommended(watch=True), MANY_SEEDS)
    assert _quantile(wakes, 0.5) <= 70
    assert _quantile(wakes, 0.95) <= 100


@pytest.mark.slow
def test_the_api_wakes_the_service_in_time() -> None:
    wakes = _wakes(recommended(direct=True), MANY_SEEDS)
    assert _quantile(wakes, 0.5) <= 40
    assert _quantile(wakes, 0.95) <= 60


def _at(*jobs: tuple[float, float]) -> Times:
    """Jobs at these times, with these seconds."""

    def times(_: Random) -> Iterator[Timed]:
        return ((time, seconds, "") for time, seconds in jobs)

    return times


@pytest.mark.parametrize("minutes", [1, 3, 5, 10, 15])
def test_a_scale_in_to_zero_does_not_stop_a_task_that_starts_soon_after(minutes: int) -> None:
    scenario, one = recommended(watch=True), load("burst:1", "30s")
    for seed in range(20):
        first = simulate(scenario, one, seed=seed)
        emptied = next(activity.time for activity in first.activities if activity.after == 0)
        later = emptied + 60 * minutes
        both = replace(one, times=_at((0.0, 30.0), (later, 1200.0)), span=later)
        outcome = simulate(scenario, both, seed=seed)
        assert outcome.activities[: len(first.activities)] == first.activities
        assert outcome.done == 2
        assert outcome.wakes[1] < 150
        assert [value for time, value in outcome.desired if later < time < later + 1200 and not value] == []


def test_a_long_job_keeps_its_task_until_it_is_done() -> None:
    outcome = simulate(recommended(), load("burst:1", "5h"), seed=1)
    assert (outcome.done, outcome.killed, outcome.launches, outcome.running[-1][1]) == (1, 0, 1, 0)
    assert outcome.work_seconds == pytest.approx(5 * HOUR)
    assert 5 * HOUR < outcome.task_seconds < 5 * HOUR + 900


def test_a_failing_job_is_a_dead_letter_after_its_receives_with_pauses() -> None:
    outcome = simulate(recommended(), load("burst:1", "10s", failing=1.0), seed=1)
    assert (outcome.failed, outcome.dead, outcome.done, outcome.left) == (5, 1, 0, 0)
    assert outcome.drain is None  # no job was done
    assert 50 <= outcome.in_flight[-1][0] - outcome.wakes[0] < 2000


def test_a_group_of_a_fifo_queue_runs_one_job_at_a_time() -> None:
    fifo = replace(recommended(), queue=QueueSetup(fifo=True))
    one = simulate(fifo, load("burst:20", "60s", groups=1), seed=1)
    four = simulate(fifo, load("burst:20", "60s", groups=4), seed=1)
    assert max(value for _, value in one.in_flight) == 1
    assert max(value for _, value in four.in_flight) == 4
    assert (one.drain or 0) > 1200


def test_one_task_runs_as_many_jobs_as_its_concurrency() -> None:
    wide = replace(recommended(), maximum=1, worker=WorkerSetup(concurrency=4))
    outcome = simulate(wide, load("burst:8", "60s"), seed=1)
    assert max(value for _, value in outcome.in_flight) == 4
    assert outcome.launches == 1
    assert (outcome.drain or 0) == pytest.approx(outcome.wakes[0] + 120, abs=2)


def test_a_spot_reclaim_kills_a_job_that_cannot_end_in_time_and_returns_it() -> None:
    spot = replace(recommended(), task=TaskSetup(spot_weight=100))
    outcome = simulate(spot, load("burst:1", "20m"), seed=1, assumptions=Assumptions(spot_life=Constant(300)))
    assert (outcome.done, outcome.killed, outcome.dead) == (0, 5, 1)
    assert outcome.reclaims >= 5
    assert outcome.give_backs == 5
    assert outcome.spot_seconds == outcome.task_seconds > 0


def test_a_poller_starts_tasks_for_its_messages_and_returns_to_zero() -> None:
    keda = Scenario(name="keda", maximum=20, poller=Poller(), worker=PLAIN)
    outcome = simulate(keda, load("burst:50", "30s"), seed=1)
    assert max(value for _, value in outcome.desired) == 10
    assert (outcome.done, outcome.running[-1][1]) == (50, 0)
    assert outcome.wakes[0] < 100


def test_a_queue_that_is_polled_for_hours_does_not_become_dormant() -> None:
    # otherwise alarms on the queue would be up to 15 minutes late
    always = replace(bare(recommended()), minimum=1)
    times = _at((0, 30), *[(12 * HOUR, 3000)] * 30)
    late = replace(load("burst:1"), times=times, span=13 * HOUR, exact=True)
    for seed in range(10):
        first = next(activity for activity in simulate(always, late, seed=seed).activities if activity.time > HOUR)
        assert 12 * HOUR < first.time < 12 * HOUR + 190


def test_a_message_in_flight_for_hours_keeps_the_queue_active() -> None:
    # "CloudWatch considers a queue to be active … if it contains any messages"
    killed = Scenario(name="killed", rules=(OUT, IN), worker=PLAIN, queue=QueueSetup(visibility_timeout=8 * HOUR))
    outcome = simulate(bare(killed), load("burst:1", "5h"), seed=1)
    assert any(8 * HOUR < activity.time < 8 * HOUR + 600 for activity in outcome.activities)
    assert (outcome.dead, outcome.left) == (1, 0)


def test_messages_below_the_threshold_stay_until_they_expire() -> None:
    high = Scenario(name="high", rules=(rule("out", "GreaterThanOrEqualToThreshold", 100, Step(0, None, 1)),))
    outcome = simulate(high, load("burst:99"), seed=1)
    assert (outcome.left, outcome.wake, outcome.drain) == (99, None, None)
    assert simulate(high, load("burst:99"), seed=1, until=5 * DAY).expired == 99


def test_scale_in_kills_jobs_of_unprotected_tasks_only() -> None:
    visible_only = bare(Scenario(name="steps", maximum=5, rules=(OUT, IN), queue=QueueSetup(visibility_timeout=1800)))
    long_jobs = load("burst:3", "20m")
    assert simulate(replace(visible_only, worker=PLAIN), long_jobs, seed=1).killed > 0
    protected = simulate(visible_only, long_jobs, seed=1)
    assert (protected.killed, protected.done) == (0, 3)


def test_a_deployment_replaces_idle_tasks_at_once_and_protected_tasks_later() -> None:
    warm, assumptions = recommended(min_tasks=2), Assumptions(deployments=(300.0,), load_phase=Constant(0))
    outcome = simulate(warm, load("burst:1", "30m"), seed=1, assumptions=assumptions)
    assert (outcome.done, outcome.killed, outcome.give_backs) == (1, 0, 0)
    assert max(value for _, value in outcome.running) == 3  # two new ones and the old one, which works
    assert outcome.running[-1][1] == 2
    assert next(time for time, value in outcome.running if time > 1800 and value == 2) < 1860


def test_if_old_protected_tasks_block_new_ones_a_deployment_uses_up_no_receive() -> None:
    """AWS does not document it. If they block, a new task receives nothing and asks again each minute."""
    one_task, jobs = replace(recommended(), maximum=1), load("burst:2", "1h")
    lenient, strict = (
        simulate(one_task, jobs, seed=1, assumptions=Assumptions(deployments=(600.0,), outgoing_block=blocks))
        for blocks in (False, True)
    )
    assert (lenient.done, lenient.give_backs) == (2, 0)
    assert (strict.done, strict.dead, strict.give_backs, strict.failed) == (2, 0, 0, 0)
    assert 60 <= strict.blocked <= 63  # one request a minute, for the hour of the old job


def test_a_busy_task_lets_a_deployment_through_between_two_jobs() -> None:
    one_task, jobs = replace(recommended(), maximum=1), load("burst:60", "60s")
    assumptions = Assumptions(deployments=(600.0,), outgoing_block=True)
    outcome = simulate(one_task, jobs, seed=1, assumptions=assumptions)
    assert (outcome.done, outcome.dead, outcome.give_backs, outcome.killed) == (60, 0, 0, 0)
    assert 1 <= outcome.blocked <= 12  # one request a minute, for ten minutes and the length of a job


def test_a_deployment_kills_unprotected_jobs_that_take_too_long() -> None:
    bold = replace(recommended(min_tasks=1), worker=WorkerSetup(protection=False))
    outcome = simulate(bold, load("burst:1", "5m"), seed=1, assumptions=Assumptions(deployments=(60.0,)))
    assert (outcome.done, outcome.killed, outcome.give_backs) == (1, 1, 1)


def test_tasks_beyond_the_launch_burst_start_at_the_launch_rate() -> None:
    many = replace(
        recommended(), maximum=400, rules=(rule("out", "GreaterThanOrEqualToThreshold", 1, Step(0, None, 400)),)
    )
    assumptions = Assumptions(starts={"measured": Constant(30)})
    outcome = simulate(many, load("burst:400", "10m"), seed=1, assumptions=assumptions)
    desired_at = outcome.desired[1][0]
    last = next(time for time, value in outcome.running if value == 400)
    assert last - desired_at == pytest.approx(30 + 300 / 20, abs=0.1)


def test_an_unknown_metric_is_an_error_with_its_name() -> None:
    lambdas = Metric(namespace="AWS/Lambda", name="Errors", dimensions=(), statistic="Sum")
    alarm = replace(OUT.alarm, queries=(Query(id="m", source=lambdas),))
    with pytest.raises(ValueError, match=r"^The forecast does not know the metric Errors of AWS/Lambda\.$"):
        simulate(Scenario(name="s", rules=(Rule(alarm=alarm, policy=OUT.policy),)), load("burst:1"))


def test_an_idle_month_takes_few_steps() -> None:
    """The simulator skips most of its 43,200 minutes."""
    simulation = Simulation(recommended(), load("idle"), 1, None, Assumptions())
    steps = 0
    step = simulation.clock.step

    def counted(until: float) -> bool:
        nonlocal steps
        steps += 1
        return step(until)

    simulation.clock.step = counted  # type: ignore[method-assign]
    simulation.run()
    assert steps < 400


def test_the_alarms_of_a_scenario_read_the_deployed_metrics() -> None:
    alarms: dict[str, Alarm] = {each.alarm.name: each.alarm for each in recommended().rules}
    assert alarms["start"].metrics == alarms["out"].metrics == (VISIBLE, IN_FLIGHT)
    assert [metric.statistic for metric in alarms["zero"].metrics] == ["Maximum", "Maximum", "Maximum", "SampleCount"]
