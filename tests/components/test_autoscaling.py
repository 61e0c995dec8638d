"""The scalable target, and the alarms and step policies of the recommended policy."""

from typing import Any

import pytest

from ebb.scaling import expressions
from policy import steps
from tests.components.scaled import HOURS, TARGET, TARGETED, alarm, jobs, policy, queries, roles, scaling, step, waiting


def test_the_target_has_the_minimum_and_maximum_of_the_settings() -> None:
    made = scaling(min_tasks=0, max_tasks=7)
    assert made.one(TARGET).inputs == {**TARGETED, "minCapacity": 0, "maxCapacity": 7}
    assert {found.parent_type for found in made.resources.values() if found.type.startswith("aws:")} == {
        "ebb:index:QueueScaling"
    }


def added(expression: str, label: str, minutes: int) -> dict[str, Any]:
    return {
        "metricQueries": queries(expression, label, {"v": jobs("Visible"), "n": jobs("NotVisible")}),
        "comparisonOperator": "GreaterThanOrEqualToThreshold",
        "threshold": 1,
        "evaluationPeriods": minutes,
        "datapointsToAlarm": minutes,
    }


def test_the_recommended_policy_sets_the_tasks_while_no_job_runs_and_adds_tasks_while_jobs_run() -> None:
    made = scaling(max_tasks=10, seconds_per_job=60, tolerated_wait=300)
    assert roles(made) == {"start", "out", "zero", "surplus"}
    assert alarm(made, "start") == added("IF(FILL(n,0) > 0, 0, v)", "Jobs waiting while none is running", 1)
    assert alarm(made, "out") == added("IF(FILL(n,0) > 0, v, 0 * v)", "Jobs waiting while others are running", 2)
    ladder = [
        step("0", "9", 1),
        step("9", "14", 3),
        step("14", "19", 5),
        step("19", "24", 6),
        step("24", "29", 8),
        step("29", "34", 9),
        step("34", None, 10),
    ]
    assert policy(made, "start") == {
        "adjustmentType": "ExactCapacity",
        "cooldown": 120,
        "metricAggregationType": "Maximum",
        "stepAdjustments": ladder,
    }
    assert policy(made, "out") == {
        "adjustmentType": "ChangeInCapacity",
        "cooldown": 120,
        "metricAggregationType": "Minimum",
        "stepAdjustments": ladder,
    }


def test_one_alarm_is_enough_for_a_maximum_of_one_task() -> None:
    made = scaling(max_tasks=1)
    assert roles(made) == {"out", "zero"}
    assert alarm(made, "out") == waiting(1, "GreaterThanOrEqualToThreshold")
    assert policy(made, "out")["stepAdjustments"] == [step("0", None, 1)]


@pytest.mark.parametrize(
    ("visible", "in_flight", "start", "more"),
    [
        ((3, 3), (0, 0), (3, 3), (0, 0)),
        ((3, 3), (0, 2), (3, 0), (0, 3)),
        ((0, 0), (2, 2), (0, 0), (0, 0)),
        # SQS omits a metric that is 0, and the newest minute is not known yet
        ((3, 3), (None, None), (3, 3), (0, 0)),
        ((3, None), (0, None), (3, None), (0, None)),
        ((3, None), (2, None), (0, None), (3, None)),
    ],
)
def test_waiting_jobs_count_for_one_of_two_alarms(
    visible: tuple[float | None, ...],
    in_flight: tuple[float | None, ...],
    start: tuple[float | None, ...],
    more: tuple[float | None, ...],
) -> None:
    points = {"v": visible, "n": in_flight}
    assert expressions.parse(steps.START_EXPRESSION).evaluate(points) == start
    assert expressions.parse(steps.MORE_EXPRESSION).evaluate(points) == more


@pytest.mark.parametrize("owner", [{"watch": True}, {"direct": True}, {"warm_hours": HOURS}])
def test_a_later_deployment_keeps_a_suspension_and_a_minimum_that_moves(owner: dict[str, Any]) -> None:
    assert scaling().one(TARGET).ignore_changes == ("suspendedState",)
    assert scaling(max_tasks=2, **owner).one(TARGET).ignore_changes == ("suspendedState", "minCapacity")
