"""What was published of real AWS must be what the forecast finds."""

from dataclasses import replace
from random import Random
from statistics import median, quantiles

import pytest

from ebb.forecast import scenario
from ebb.forecast.model.assumptions import HOUR, World
from ebb.forecast.model.clock import Clock
from ebb.forecast.model.context import Context
from ebb.forecast.model.metrics import Counts, Metrics, Rows, Sample
from ebb.forecast.model.record import Record
from ebb.forecast.model.simulate import simulate
from ebb.forecast.scenario import Setup, Task, cpu, tracked
from ebb.forecast.workloads import load
from ebb.scaling.alarm_evaluator import AlarmEvaluator
from ebb.scaling.alarms import Metric, Query, State
from ebb.scaling.policies import Step
from ebb.scaling.statistics import StatisticSet
from ebb.scaling.tracking import TargetTracking
from tests.forecast.scenarios import IN, OUT, PLAIN, bare, recommended, rule

SEEDS = range(200)


def _two_publishes(seed: int) -> float:
    """Seconds until a data point is there, and then the next: what LocalStack's test waits for on AWS."""
    clock, random = Clock(0.0), Random(seed)
    context = Context(Setup(name="s", rules=(OUT,)), World(), clock, Record(0.0), random)
    metrics = Metrics(context, lambda: Counts(visible=1, in_flight=0, running=0, busy=0, worked=0), lambda: True)
    rows = metrics._rows["queue"]
    while len(rows._samples) < 2:
        clock.step(10_000)
    return rows._samples[1].known_at


def test_two_publishes_of_an_active_queue_in_a_row_take_91_seconds_among_others() -> None:
    times = sorted(map(_two_publishes, SEEDS))
    assert times[len(times) // 20] < 90.98 < times[-len(times) // 20]


def test_an_alarm_of_one_minute_on_a_fresh_queue_fires_within_200_seconds() -> None:
    fired = [simulate(Setup(name="s", rules=(OUT,)), load("burst:1"), seed=seed).alarms[0] for seed in SEEDS]
    assert {change.state for change in fired} == {State.ALARM}
    assert max(change.time for change in fired) < 200


@pytest.mark.parametrize(("period", "published"), [(60, 363), (20, 86)])
def test_target_tracking_of_cpu_takes_its_published_time_to_act(period: int, published: float) -> None:
    policy = TargetTracking(
        name="cpu", target=50, queries=(Query(id="m", source=cpu()),), watched="m", period=period, scale_in=False
    )
    busy = Setup(name="s", minimum=1, maximum=5, rules=tracked(policy), task=Task(busy_cpu=95), worker=PLAIN)
    long_job = replace(busy, queue=scenario.Queue(visibility_timeout=43_200))
    times = []
    for seed in range(60):
        outcome = simulate(long_job, load("burst:1", "1h"), seed=seed, until=1200)
        times.append(outcome.activities[0].time)
    spread = quantiles(times, n=20)
    assert spread[0] <= published <= spread[-1]


def test_a_sparse_alarm_of_one_minute_is_ok_again_seven_minutes_after_its_last_breach() -> None:
    """Stack Overflow 64045238: breaching at 17:18 to 17:20, ALARM at 17:22, OK at 17:27."""
    evaluator, rows, minute = (
        AlarmEvaluator(rule("errors", "GreaterThanOrEqualToThreshold", 1, Step(0, None, 1)).alarm),
        Rows(3600),
        60.0,
    )
    for at in (18, 19, 20):
        rows.add(Sample(at * minute, (at + 4) * minute, (StatisticSet.of(5.0),)))
    states = {}
    for at in range(16, 34):
        now = at * minute + 40
        evaluator.evaluate(rows.series(0, "Sum", 60, evaluator.alarm.range, now), now, at * minute)
        states[at] = evaluator.state
    assert [at for at, state in states.items() if state is State.ALARM] == list(range(22, 27))
    assert states[27] is State.OK


def test_one_message_never_wakes_a_target_of_messages_per_task() -> None:
    """copilot-cli#3376: its alarm is "above", and one message for no task is one."""
    backlog = Metric(namespace="Copilot", name="BacklogPerTask", dimensions=(), statistic="Average")
    policy = TargetTracking(name="backlog", target=1, queries=(Query(id="m", source=backlog),), watched="m")
    copilot = Setup(name="copilot", maximum=10, rules=tracked(policy))
    one = simulate(copilot, load("burst:1"), seed=1)
    assert (one.wakes, one.left, one.launches) == ((), 1, 0)
    assert simulate(copilot, load("burst:3"), seed=1).done == 3


def test_scaling_in_on_waiting_messages_kills_a_long_job_at_each_delivery() -> None:
    """aws-cdk#9242: the message that is being worked on does not wait."""
    recipe = Setup(name="cdk", maximum=2, rules=(OUT, IN), worker=PLAIN, queue=scenario.Queue(visibility_timeout=1800))
    outcome = simulate(recipe, load("burst:1", "25m"), seed=3)
    assert (outcome.done, outcome.killed, outcome.dead) == (0, 5, 1)


def test_a_queue_that_was_idle_for_hours_may_take_a_quarter_of_an_hour_to_wake() -> None:
    """ "Delay of up to 15 minutes" (SQS guide), "sometimes 15+ minutes" (adamtuttle.codes, 2022)."""
    asleep, world = bare(recommended()), World(idle_before=7 * HOUR)
    wakes = [simulate(asleep, load("burst:1"), seed=seed, world=world).wakes[0] for seed in SEEDS]
    assert max(wakes) > 900
    assert 400 < median(wakes) < 750


def test_a_queue_that_is_kept_alive_wakes_after_hours_as_at_any_time() -> None:
    world = World(idle_before=7 * HOUR)
    assert max(simulate(recommended(), load("burst:1"), seed=seed, world=world).wakes[0] for seed in SEEDS) < 260
