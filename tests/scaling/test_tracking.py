"""Target tracking, by "Target tracking scaling policies" of the Application Auto Scaling user guide."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.scaling.activities import Invocation, ScalingActivity
from ebb.scaling.alarms import Alarm, Metric, Query, State
from ebb.scaling.targets import Decision, ScalableTarget
from ebb.scaling.tracking import TargetTracking

CPU = Metric(namespace="AWS/ECS", name="CPUUtilization", dimensions=(("ServiceName", "s"),), statistic="Average")
VISIBLE = Metric(namespace="AWS/SQS", name="Visible", dimensions=(), statistic="Maximum")
RUNNING = Metric(namespace="ECS/ContainerInsights", name="RunningTaskCount", dimensions=(), statistic="Average")
NOW = 1000.0


def tracking(**fields: Any) -> TargetTracking:
    given: dict[str, Any] = {"name": "cpu", "target": 50.0, "queries": (Query(id="m", source=CPU),), "watched": "m"}
    return TargetTracking(**{**given, **fields})


def backlog_per_task() -> TargetTracking:
    """The guide's example of metric math: "Create a target tracking scaling policy using metric math"."""
    queries = (
        Query(id="m1", source=VISIBLE),
        Query(id="m2", source=RUNNING),
        Query(id="e1", source="m1 / m2"),
    )
    return tracking(name="backlog", target=100.0, queries=queries, watched="e1")


def invoke(policy: TargetTracking, *points: float) -> Invocation:
    return Invocation(policy=policy, alarm="a", threshold=policy.target, points=points)


def decide(target: ScalableTarget, *invocations: Invocation, tasks: int, now: float = NOW) -> Decision:
    return target.decide(invocations, tasks, tasks, now)


def after(decision: Decision) -> int | None:
    return decision.activity.after if decision.activity else None


def target(**fields: Any) -> ScalableTarget:
    return ScalableTarget(**{"minimum": 0, "maximum": 20, **fields})


def low(policy: TargetTracking) -> Alarm:
    assert policy.low
    return policy.low


def test_the_two_alarms_need_three_minutes_above_the_target_and_fifteen_below_ninety_per_cent() -> None:
    high, below = tracking().alarms
    assert (high.name, high.evaluation_periods, high.datapoints_to_alarm) == ("TargetTracking-cpu-AlarmHigh", 3, 3)
    assert (high.comparison, high.threshold, high.period, high.missing) == ("GreaterThanThreshold", 50, 60, "missing")
    assert (below.name, below.evaluation_periods, below.datapoints_to_alarm) == ("TargetTracking-cpu-AlarmLow", 15, 15)
    assert (below.comparison, below.threshold, below.missing) == ("LessThanThreshold", 45, "missing")


def test_without_scale_in_there_is_one_alarm_and_nothing_is_removed() -> None:
    policy = tracking(scale_in=False)
    assert [alarm.name for alarm in policy.alarms] == ["TargetTracking-cpu-AlarmHigh"]
    assert policy.capacity([1.0], 8) == 8


def test_missing_data_do_not_scale() -> None:
    """ "A target tracking scaling policy does not scale in when the state of the alarm is INSUFFICIENT_DATA"."""
    alarm = low(tracking())
    assert alarm.evaluate((None,) * 20, State.ALARM).state is State.INSUFFICIENT_DATA
    assert tracking().capacity([], 4) == 4
    assert after(decide(target(), invoke(tracking()), tasks=4)) is None


@pytest.mark.parametrize(
    ("value", "tasks", "expected"),
    [
        (60.0, 10, 12),
        (61.0, 10, 13),  # rounded up: "prevents it from adding insufficient capacity"
        (50.5, 1, 2),
        (50.0, 10, 10),
        (45.0, 10, 10),  # "removing capacity only when utilization passes a threshold … more than 10% lower"
        (44.0, 10, 9),
        (44.0, 2, 2),  # "or removing too much capacity": one task would be at 88
        (1.0, 10, 1),
        (0.0, 10, 0),  # "when a metric emits real 0 values …, Application Auto Scaling can scale in to 0"
        (60.0, 0, 1),
        (0.0, 0, 0),
    ],
)
def test_the_capacity_follows_the_metric_in_proportion(value: float, tasks: int, expected: int) -> None:
    assert tracking().capacity([value], tasks) == expected


def test_a_backlog_per_running_task_cannot_leave_zero() -> None:
    """x/0 is dropped, and so is each point while nothing runs: the alarm has no data, however long the queue is."""
    policy = backlog_per_task()
    alarm = policy.high
    stopped = alarm.series({VISIBLE: (500.0,) * alarm.range, RUNNING: (None,) * alarm.range})
    assert stopped == (None,) * alarm.range
    assert alarm.evaluate(stopped, State.OK).state is State.INSUFFICIENT_DATA
    zeros = alarm.series({VISIBLE: (500.0,) * alarm.range, RUNNING: (0.0,) * alarm.range})
    assert alarm.evaluate(zeros, State.OK).state is State.INSUFFICIENT_DATA
    running = alarm.series({VISIBLE: (500.0,) * alarm.range, RUNNING: (2.0,) * alarm.range})
    evaluation = alarm.evaluate(running, State.OK)
    assert (evaluation.state, evaluation.points) == (State.ALARM, (250.0, 250.0, 250.0))
    assert after(decide(target(), invoke(policy, *evaluation.points), tasks=2)) == 5


def test_in_its_scale_out_cooldown_only_a_larger_capacity_acts() -> None:
    policy = tracking(out_cooldown=120.0)
    first = decide(target(), invoke(policy, 75.0), tasks=4)
    cause = "monitor alarm a in state ALARM triggered policy cpu"
    assert first.activity == ScalingActivity(
        time=NOW, before=4, after=6, cause=cause, alarm="a", policy="cpu", base=4, cooldown=120.0
    )
    cooling = first.target.settle(running=6, desired=6, now=NOW)
    same = decide(cooling, invoke(policy, 50.1), tasks=6, now=NOW + 119)
    assert after(same) == 7  # more than was added
    starting = first.target.decide([invoke(policy, 75.0)], 4, 6, NOW + 10)
    assert starting.notes == ("Policy cpu is in its cooldown.",)


def test_a_scale_in_cooldown_holds_the_next_scale_in() -> None:
    policy = tracking(in_cooldown=200.0)
    first = decide(target(), invoke(policy, 25.0), tasks=8)
    assert first.activity
    assert (first.activity.after, first.activity.cooldown) == (4, 200.0)
    cooling = first.target.settle(running=4, desired=4, now=NOW)
    assert decide(cooling, invoke(policy, 25.0), tasks=4, now=NOW + 199).notes == (
        "Scaling in is in the cooldown of policy cpu.",
    )
    assert after(decide(cooling, invoke(policy, 25.0), tasks=4, now=NOW + 200)) == 2


def test_a_scale_in_that_would_scale_out_again_is_anticipated_flapping() -> None:
    decision = decide(target(), invoke(tracking(), 44.0), tasks=2)
    assert [each.reason for each in decision.not_scaled] == ["AutoScalingAnticipatedFlapping"]


def test_several_policies_scale_in_only_together_and_to_the_largest_capacity() -> None:
    """ "Will scale in only if all of the target tracking policies … are ready to scale in"."""
    one, other = tracking(name="one"), tracking(name="other")
    both = target(trackers=frozenset({"one", "other"}))
    assert after(decide(both, invoke(one, 10.0), tasks=10)) is None
    assert after(decide(both, invoke(one, 10.0), invoke(other, 30.0), tasks=10)) == 6
    assert after(decide(both, invoke(one, 10.0), invoke(other, 60.0), tasks=10)) == 12
    assert after(decide(both, invoke(other, 60.0), tasks=10)) == 12


def test_a_target_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="Policy cpu: the target value must be above 0, got 0"):
        tracking(target=0.0)


@given(st.integers(0, 100_000), st.integers(0, 100), st.integers(1, 50_000))
def test_the_new_capacity_is_the_minimum_that_brings_the_metric_to_the_target(
    value: int, tasks: int, goal: int
) -> None:
    policy = tracking(target=goal / 100)
    capacity, direction = policy.capacity([value / 100], tasks), policy.direction([value / 100])
    if direction and tasks:
        assert capacity == -(-value * tasks // goal)
    else:
        assert capacity == tasks + max(direction, 0)
    assert (capacity > tasks) == (direction > 0)
