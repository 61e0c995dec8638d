"""The forecast agrees with published measurements and documentation of AWS."""

from dataclasses import replace
from random import Random
from statistics import median, quantiles

import pytest

from ebb.forecast.durations import HOUR, MINUTE
from ebb.forecast.load.workloads import load
from ebb.forecast.model.assumptions import Assumptions
from ebb.forecast.model.clock import Clock
from ebb.forecast.model.context import Context
from ebb.forecast.model.metrics import Counts, Metrics, Sample, SampleWindow
from ebb.forecast.model.record import Record
from ebb.forecast.model.simulate import simulate
from ebb.forecast.scenario.scenario import QueueSetup, Scenario, TaskSetup, cpu, tracked
from ebb.scaling.alarm_evaluator import AlarmEvaluator
from ebb.scaling.alarms import Metric, Query, State
from ebb.scaling.policies import Step
from ebb.scaling.statistics import StatisticSet
from ebb.scaling.tracking import TargetTracking
from tests.forecast.scenarios import IN, OUT, PLAIN, bare, recommended, rule

SEEDS = range(200)


def _two_publishes(seed: int) -> float:
    """Seconds until two data points in a row have arrived. LocalStack's test waits for them on AWS."""
    clock, random = Clock(0.0), Random(seed)
    context = Context(Scenario(name="s", rules=(OUT,)), Assumptions(), clock, Record(0.0), random, origin=0)
    metrics = Metrics(context, lambda: Counts(visible=1, in_flight=0, running=0, busy=0, worked=0), lambda: True)
    window = metrics._windows["queue"]
    while len(window._samples) < 2:
        clock.step(10_000)
    return window._samples[1].known_at


def test_two_publishes_of_an_active_queue_can_take_91_seconds() -> None:
    times = sorted(map(_two_publishes, SEEDS))
    assert times[len(times) // 20] < 90.98 < times[-len(times) // 20]


def test_an_alarm_of_one_minute_on_a_fresh_queue_fires_within_200_seconds() -> None:
    fired = [simulate(Scenario(name="s", rules=(OUT,)), load("burst:1"), seed=seed).alarms[0] for seed in SEEDS]
    assert {change.state for change in fired} == {State.ALARM}
    assert max(change.time for change in fired) < 200


@pytest.mark.parametrize(("period", "published"), [(60, 363), (20, 86)])
def test_target_tracking_of_cpu_takes_its_published_time_to_act(period: int, published: float) -> None:
    policy = TargetTracking(
        name="cpu", target=50, queries=(Query(id="m", source=cpu()),), watched="m", period=period, scale_in=False
    )
    busy = Scenario(name="s", minimum=1, maximum=5, rules=tracked(policy), task=TaskSetup(busy_cpu=95), worker=PLAIN)
    long_job = replace(busy, queue=QueueSetup(visibility_timeout=43_200))
    times = []
    for seed in range(60):
        outcome = simulate(long_job, load("burst:1", "1h"), seed=seed, until=1200)
        times.append(outcome.activities[0].time)
    spread = quantiles(times, n=20)
    assert spread[0] <= published <= spread[-1]


def test_a_sparse_alarm_of_one_minute_is_ok_again_seven_minutes_after_its_last_breach() -> None:
    """Stack Overflow 64045238: breaching at 17:18 to 17:20, ALARM at 17:22, OK at 17:27."""
    evaluator = AlarmEvaluator(rule("errors", "GreaterThanOrEqualToThreshold", 1, Step(0, None, 1)).alarm)
    window = SampleWindow(HOUR)
    for at in (18, 19, 20):
        window.add(Sample(at * MINUTE, (at + 4) * MINUTE, (StatisticSet.of(5.0),)))
    states = {}
    for at in range(16, 34):
        now = at * MINUTE + 40
        evaluator.evaluate(window.series(0, "Sum", 60, evaluator.alarm.range, now), now, at * MINUTE)
        states[at] = evaluator.state
    assert [at for at, state in states.items() if state is State.ALARM] == list(range(22, 27))
    assert states[27] is State.OK


def test_one_message_starts_no_task_with_a_target_of_messages_per_task() -> None:
    """copilot-cli#3376: the alarm compares with "above", and one message at zero tasks equals the target."""
    backlog = Metric(namespace="Copilot", name="BacklogPerTask", dimensions=(), statistic="Average")
    policy = TargetTracking(name="backlog", target=1, queries=(Query(id="m", source=backlog),), watched="m")
    copilot = Scenario(name="copilot", maximum=10, rules=tracked(policy))
    one = simulate(copilot, load("burst:1"), seed=1)
    assert (one.wakes, one.left, one.launches) == ((), 1, 0)
    assert simulate(copilot, load("burst:3"), seed=1).done == 3


def test_scaling_in_on_waiting_messages_kills_a_long_job_at_each_delivery() -> None:
    """aws-cdk#9242: the message of a running job does not wait."""
    cdk = Scenario(name="cdk", maximum=2, rules=(OUT, IN), worker=PLAIN, queue=QueueSetup(visibility_timeout=1800))
    outcome = simulate(cdk, load("burst:1", "25m"), seed=3)
    assert (outcome.done, outcome.killed, outcome.dead) == (0, 5, 1)


@pytest.mark.slow
def test_a_dormant_queue_can_take_a_quarter_of_an_hour_to_wake_the_service() -> None:
    """ "Delay of up to 15 minutes" (SQS guide), "sometimes 15+ minutes" (adamtuttle.codes, 2022)."""
    dormant, assumptions = bare(recommended()), Assumptions(idle_before=7 * HOUR)
    wakes = [simulate(dormant, load("burst:1"), seed=seed, assumptions=assumptions).wakes[0] for seed in SEEDS]
    assert max(wakes) > 900
    assert 400 < median(wakes) < 750


@pytest.mark.slow
def test_a_queue_with_keep_alive_wakes_the_service_after_hours_as_at_any_time() -> None:
    assumptions = Assumptions(idle_before=7 * HOUR)
    wakes = [simulate(recommended(), load("burst:1"), seed=seed, assumptions=assumptions).wakes[0] for seed in SEEDS]
    assert max(wakes) < 260
