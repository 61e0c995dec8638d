"""An alarm in operation, by "Alarm actions" of "Using Amazon CloudWatch alarms"."""

from typing import Any

from ebb.scaling.alarms import Alarm, Metric, Query, State
from ebb.scaling.watch import Change, Watch

METRIC = Metric(namespace="AWS/SQS", name="Visible", dimensions=(), statistic="Maximum")
BAD, GOOD = (1.0,), (0.0,)


def watch(**fields: Any) -> Watch:
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
    return Watch(Alarm(**{**given, **fields}))


def acts(tested: Watch, start: float, shown: list[tuple[float, ...]]) -> list[int]:
    """The seconds after `start` at which the actions of the state are invoked."""
    found = []
    for index, series in enumerate(shown):
        passed = index * tested.alarm.interval
        tested.evaluate(series, start + passed, start)
        found += [passed] if tested.acts else []
    return found


def test_a_scaling_action_is_invoked_once_per_minute_while_the_state_remains() -> None:
    assert acts(watch(), 12.345, [BAD, BAD, BAD, GOOD, GOOD]) == [0, 60, 120, 180, 240]


def test_an_alarm_of_ten_seconds_is_evaluated_six_times_a_minute_and_acts_once() -> None:
    tested = watch(period=10)
    assert tested.alarm.interval == 10
    assert acts(tested, 12.345, [BAD] * 14) == [0, 60, 120]


def test_a_change_of_state_acts_at_once() -> None:
    assert acts(watch(period=10), 5.0, [BAD, BAD, GOOD, BAD, BAD, BAD, BAD, BAD, BAD, BAD]) == [0, 20, 30, 90]


def test_the_history_has_each_change_with_its_reason() -> None:
    tested = watch()
    for minute, series in enumerate([GOOD, BAD, BAD, GOOD]):
        tested.evaluate(series, minute * 60.0 + 30, minute * 60.0)
    assert [(each.time, each.summary) for each in tested.history] == [
        (30.0, "Alarm updated from INSUFFICIENT_DATA to OK"),
        (90.0, "Alarm updated from OK to ALARM"),
        (210.0, "Alarm updated from ALARM to OK"),
    ]
    assert tested.history[1].reason == (
        "Threshold Crossed: 1 out of the last 1 datapoints [1.0 (01/01/70 00:00:00)] was greater than or equal to the "
        "threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )


def test_a_new_alarm_lacks_data_until_it_is_evaluated() -> None:
    tested = watch(missing="missing")
    assert tested.state is State.INSUFFICIENT_DATA
    tested.evaluate((None,), 0.0, 0.0)
    assert (tested.state, tested.history) == (State.INSUFFICIENT_DATA, [])


def test_a_state_that_was_set_acts_at_once_and_is_corrected_by_the_next_evaluation() -> None:
    """SetAlarmState: "the metric alarm returns to its actual state quickly, often within seconds"."""
    tested = watch()
    tested.evaluate(GOOD, 0.0, 0.0)
    tested.set(State.ALARM, "a test", 10.0)
    assert (tested.acts, tested.history[-1]) == (True, Change(10.0, State.OK, State.ALARM, "a test"))
    tested.set(State.ALARM, "again", 11.0)
    assert (tested.acts, len(tested.history)) == (False, 2)
    tested.evaluate(GOOD, 60.0, 60.0)
    assert (tested.state, tested.acts) == (State.OK, True)
