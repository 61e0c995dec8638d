"""A table of steps in the settings becomes alarms and step policies."""

from settings import Step
from tests.components.scaled import alarm, policy, roles, scaling, step, waiting

TABLE = (Step(upper=0, change=-1), Step(lower=1, change=1))


def test_a_table_becomes_an_alarm_to_scale_out_and_an_alarm_to_scale_in() -> None:
    made = scaling(steps=TABLE, cooldown=240)
    assert roles(made) == {"out", "in"}
    assert alarm(made, "out") == waiting(1, "GreaterThanOrEqualToThreshold")
    assert alarm(made, "in") == waiting(0, "LessThanOrEqualToThreshold")
    shared = {"adjustmentType": "ChangeInCapacity", "cooldown": 240, "metricAggregationType": "Maximum"}
    assert policy(made, "out") == {**shared, "stepAdjustments": [step("0", None, 1)]}
    assert policy(made, "in") == {**shared, "stepAdjustments": [step(None, "0", -1)]}


def test_fractions_of_a_message_keep_their_digits() -> None:
    table = (Step(lower=1, upper=2.5, change=1), Step(lower=1_234_567, change=2))
    assert policy(scaling(steps=table, max_tasks=2), "out")["stepAdjustments"] == [
        step("0", "1.5", 1),
        step("1.5", "1234566", 0),
        step("1234566", None, 2),
    ]


def test_a_table_sets_the_tasks_above_the_minimum_while_no_job_runs() -> None:
    table = (Step(lower=1, upper=2.5, change=1), Step(lower=10, change=3))
    made = scaling(steps=table, min_tasks=2, max_tasks=7, cooldown=240)
    assert policy(made, "start") == {
        "adjustmentType": "ExactCapacity",
        "cooldown": 240,
        "metricAggregationType": "Maximum",
        "stepAdjustments": [step("0", "9", 3), step("9", None, 5)],  # between the rows, the lower one
    }
