"""The plan with a watcher: its alarms are a fallback. And what is removed by default."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.scaling import expressions
from policy import steps
from policy.plan import Plan, plan
from policy.steps import Adjustment
from settings import Scaling, Settings, Step

WAYS = ({"watch": True}, {"direct": True})
TABLE = (Step(upper=0, change=-1), Step(lower=1, change=1))


def planned(**scaling: object) -> Plan:
    return plan(Settings(scaling=Scaling.model_validate({"seconds_per_job": 60, "tolerated_wait": 300, **scaling})))


def minutes(found: Plan, role: str) -> tuple[int, int]:
    alarm = found.rule(role).alarm
    return alarm.datapoints_to_alarm, alarm.evaluation_periods


@pytest.mark.parametrize("way", WAYS)
def test_one_alarm_of_five_minutes_sets_the_tasks_if_the_watcher_does_not(way: dict[str, object]) -> None:
    found = planned(max_tasks=4, **way)
    assert [rule.role for rule in found.rules] == ["out", "zero", "surplus"]
    out = found.rule("out")
    ladder = "CEIL(FILL(n,0) / 1) + CEIL(3 * FLOOR(v / 5) / 2)"
    assert out.alarm.expression == f"IF(v >= 10, {ladder}, IF(FILL(n,0) > 0, 0 * v, v > 0))"
    assert minutes(found, "out") == (5, 5)
    assert (out.policy.adjustment_type, out.policy.aggregation) == ("ExactCapacity", "Minimum")
    steps_ = (Adjustment(0, 1, 1), Adjustment(1, 2, 2), Adjustment(2, 3, 3), Adjustment(3, None, 4))
    assert out.policy.steps == steps_


@pytest.mark.parametrize("way", WAYS)
def test_all_tasks_are_removed_after_three_minutes_and_the_watcher_counts_delayed_jobs(way: dict[str, object]) -> None:
    found = planned(max_tasks=4, **way)
    assert minutes(found, "zero") == (3, 3)
    assert found.rule("zero").alarm.expression == "IF(FILL(r,REPEAT) > 0, FILL(v + n,REPEAT), 1)"
    assert minutes(planned(max_tasks=4), "zero") == (5, 5)


@pytest.mark.parametrize("way", WAYS)
def test_with_one_task_one_metric_is_enough(way: dict[str, object]) -> None:
    found = planned(max_tasks=1, **way)
    assert [rule.role for rule in found.rules] == ["out", "zero"]
    assert len(found.rule("out").alarm.metrics) == 1
    assert minutes(found, "out") == (5, 5)
    assert minutes(planned(max_tasks=1), "out") == (1, 1)


@pytest.mark.parametrize("way", WAYS)
def test_a_table_of_steps_stays_what_adds_tasks(way: dict[str, object]) -> None:
    found = planned(max_tasks=9, steps=TABLE, **way)
    assert [rule.role for rule in found.rules] == ["start", "out", "in"]
    assert (minutes(found, "start"), minutes(found, "out")) == ((1, 1), (3, 3))


@given(
    visible=st.integers(0, 400), in_flight=st.integers(0, 60), share=st.integers(1, 40), concurrency=st.integers(1, 9)
)
def test_the_fallback_counts_as_the_watcher_where_more_than_the_first_task_is_needed(
    visible: int, in_flight: int, share: int, concurrency: int
) -> None:
    share = max(share, concurrency)
    points = {"v": (float(visible),), "n": (float(in_flight),)}
    (found,) = expressions.parse(steps.need_expression(share, concurrency)).evaluate(points)
    if visible >= 2 * share:
        assert found == math.ceil(in_flight / concurrency) + steps.ladder(visible, share, concurrency)
    else:
        assert found == (1 if visible and not in_flight else 0)


@given(max_tasks=st.integers(1, 5000), value=st.integers(1, 6000))
def test_the_fallback_sets_as_many_tasks_as_are_counted_or_at_least_half_of_them(max_tasks: int, value: int) -> None:
    found = steps.exact(max_tasks)
    assert len(found) <= 20
    (tasks,) = (
        step.change
        for step in found
        if (step.lower or 0) <= value - 1 < (math.inf if step.upper is None else step.upper)
    )
    wanted = min(value, max_tasks)
    assert wanted / 2 <= tasks <= wanted
    if max_tasks <= 20:
        assert tasks == wanted


@pytest.mark.parametrize(
    ("settings", "removes"),
    [
        ({"max_tasks": 2}, False),
        ({"max_tasks": 3}, True),
        ({"max_tasks": 2, "surplus": True}, True),
        ({"max_tasks": 3, "surplus": False}, False),
        ({"max_tasks": 9, "steps": TABLE}, False),
    ],
)
def test_surplus_tasks_are_removed_from_three_tasks_on_unless_the_settings_say_otherwise(
    settings: dict[str, object], removes: bool
) -> None:
    assert ("surplus" in {rule.role for rule in planned(**settings).rules}) == removes
