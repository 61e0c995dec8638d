"""An alarm in operation, by "Alarm actions" of "Using Amazon CloudWatch alarms"."""

from typing import Any

from ebb.scaling.alarm_evaluator import AlarmEvaluator
from ebb.scaling.alarms import Alarm, AlarmChange, Metric, Query, State

METRIC = Metric(namespace="AWS/SQS", name="Visible", dimensions=(), statistic="Maximum")
BAD, GOOD = (1.0,), (0.0,)


def evaluator(**fields: Any) -> AlarmEvaluator:
    given: dict[str, Any] = {
        "name": "a",
        "period": 60,
        "evaluation_periods": 1,
        "datapoints_to_alarm": 1,
        "threshold": 1.0,
        "comparison": "GreaterThanOrEqualToThreshold",
        "missing": "notBreaching",
        "queries": (Query(id="m", source=METRIC),),
        "watched": "m",
    }
    return AlarmEvaluator(Alarm(**{**given, **fields}))


def acts(tested: AlarmEvaluator, start: float, shown: list[tuple[float, ...]]) -> list[int]:
    """The seconds after `start` at which the actions of the state are invoked."""
    found = []
    for index, series in enumerate(shown):
        passed = index * tested.alarm.interval
        tested.evaluate(series, start + passed, start)
        found += [passed] if tested.acts else []
    return found


def test_a_scaling_action_is_invoked_once_per_minute_while_the_state_remains() -> None:
    assert acts(evaluator(), 12.345, [BAD, BAD, BAD, GOOD, GOOD]) == [0, 60, 120, 180, 240]


def test_an_alarm_of_ten_seconds_is_evaluated_every_ten_seconds_and_acts_once_a_minute() -> None:
    tested = evaluator(period=10)
    assert tested.alarm.interval == 10
    assert acts(tested, 12.345, [BAD] * 14) == [0, 60, 120]


def test_a_change_of_state_acts_at_once() -> None:
    assert acts(evaluator(period=10), 5.0, [BAD, BAD, GOOD, BAD, BAD, BAD, BAD, BAD, BAD, BAD]) == [0, 20, 30, 90]


def test_a_change_of_state_has_its_time_and_its_reason() -> None:
    tested = evaluator()
    evaluations = [
        tested.evaluate(series, minute * 60.0 + 30, minute * 60.0) for minute, series in enumerate([GOOD, BAD, BAD])
    ]
    reason = (
        "Threshold Crossed: 1 out of the last 1 datapoints [1.0 (01/01/70 00:00:00)] was greater than or equal to the "
        "threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    assert [evaluation.change(90.0) for evaluation in evaluations[1:]] == [
        AlarmChange(time=90.0, alarm="a", before=State.OK, state=State.ALARM, reason=reason),
        None,
    ]


def test_a_new_alarm_has_insufficient_data_and_stays_so_without_points() -> None:
    tested = evaluator(missing="missing")
    assert tested.state is State.INSUFFICIENT_DATA
    assert tested.evaluate((None,), 0.0, 0.0).change(0.0) is None
    assert tested.state is State.INSUFFICIENT_DATA
