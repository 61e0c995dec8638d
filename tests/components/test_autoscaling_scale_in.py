"""What removes tasks: an idle queue, surplus tasks, idle CPU."""

import pytest

from ebb.scaling import expressions
from settings import Step
from tests.components.scaled import RUNNING, SERVICE, alarm, jobs, policy, queries, roles, scaling, step


@pytest.mark.parametrize("minimum", [0, 2])
def test_the_recommended_policy_goes_to_the_minimum_when_there_is_no_job(minimum: int) -> None:
    made = scaling(min_tasks=minimum, max_tasks=4)
    assert alarm(made, "zero") == {
        "metricQueries": queries(
            f"IF(FILL(r,REPEAT) > {minimum}, FILL(v + n + d,REPEAT), 1)",
            "Jobs while tasks run",
            {"v": jobs("Visible"), "n": jobs("NotVisible"), "d": jobs("Delayed"), "r": RUNNING},
        ),
        "comparisonOperator": "LessThanOrEqualToThreshold",
        "threshold": 0,
        "evaluationPeriods": 5,
        "datapointsToAlarm": 5,
    }
    assert policy(made, "zero") == {
        "adjustmentType": "ExactCapacity",
        "cooldown": 60,
        "metricAggregationType": "Maximum",
        "stepAdjustments": [step(None, "0", minimum)],
    }


def test_removing_surplus_tasks_is_optional() -> None:
    made = scaling(max_tasks=10, seconds_per_job=60, tolerated_wait=300, surplus=True)
    assert roles(made) == {"start", "out", "zero", "surplus"}
    assert alarm(made, "surplus") == {
        "metricQueries": queries(
            "IF(r > 0, IF(n + v > 0, r - CEIL(n + v / 5), 0))",
            "Surplus tasks",
            {"v": jobs("Visible"), "n": jobs("NotVisible"), "r": RUNNING},
        ),
        "comparisonOperator": "GreaterThanOrEqualToThreshold",
        "threshold": 2,
        "evaluationPeriods": 3,
        "datapointsToAlarm": 3,
    }
    assert policy(made, "surplus") == {
        "adjustmentType": "ChangeInCapacity",
        "cooldown": 300,
        "metricAggregationType": "Minimum",
        "stepAdjustments": [
            *(step(str(count - 1), str(count), -count) for count in range(1, 9)),
            step("8", None, -9),
        ],
    }


@pytest.mark.parametrize(
    ("running", "visible", "in_flight", "delayed", "expected"),
    [
        ((2, 2), (0, 0), (0, 0), (0, 0), (0, 0)),
        ((2, 2), (0, 1), (1, 0), (0, 0), (1, 1)),
        ((2, 2), (0, 0), (0, 0), (0, 3), (0, 3)),
        ((0, 0), (0, 0), (0, 0), (0, 0), (1, 1)),
        ((None, None), (0, 0), (0, 0), (0, 0), (1, 1)),
        ((2, None), (0, 0), (0, 0), (0, 0), (0, 0)),
        # SQS sends nothing for a minute while a job runs, or omits metrics that are 0
        ((2, 2), (0, None), (1, None), (0, None), (1, 1)),
        ((2, 2), (0, 0), (1, None), (None, None), (1, 0)),
    ],
)
def test_the_idle_expression_is_zero_only_while_tasks_run_without_jobs(
    running: tuple[float | None, ...],
    visible: tuple[float, ...],
    in_flight: tuple[float, ...],
    delayed: tuple[float, ...],
    expected: tuple[float, ...],
) -> None:
    (first, *_) = alarm(scaling(), "zero")["metricQueries"]
    points = {"r": running, "v": visible, "n": in_flight, "d": delayed}
    computed = expressions.parse(first["expression"]).evaluate(points)
    assert tuple(1 if value is None else value for value in computed) == expected


@pytest.mark.parametrize(
    ("running", "visible", "in_flight", "expected"),
    [
        ((10, 10), (0, 11), (2, 7), (8, 0)),
        ((10, None), (0, 0), (2, 2), (8, None)),  # the number of tasks is not known yet, or it is 0
        ((10, 10), (0, 0), (0, 0), (0, 0)),  # idle: another alarm acts
        ((10, 10), (0, None), (2, None), (8, 0)),
    ],
)
def test_surplus_tasks_are_counted_only_with_jobs_and_a_known_number_of_tasks(
    running: tuple[float | None, ...],
    visible: tuple[float, ...],
    in_flight: tuple[float, ...],
    expected: tuple[float | None, ...],
) -> None:
    (first, *_) = alarm(scaling(max_tasks=10, seconds_per_job=60, surplus=True), "surplus")["metricQueries"]
    points = {"r": running, "v": visible, "n": in_flight}
    assert expressions.parse(first["expression"]).evaluate(points) == expected


def test_without_negative_steps_an_empty_queue_removes_the_tasks() -> None:
    made = scaling(steps=(Step(upper=0, change=0), Step(lower=1, change=1)))
    assert roles(made) == {"out", "zero"}
    assert policy(made, "out")["cooldown"] == 300


@pytest.mark.parametrize("steps", [(), (Step(upper=0, change=0), Step(lower=1, change=1))])
def test_idle_cpu_over_one_long_period_goes_to_the_minimum(
    steps: tuple[Step, ...],
) -> None:
    made = scaling(steps=steps, scale_in="cpu", cpu_threshold=0.01, cpu_minutes=3, cooldown=60, min_tasks=1)
    assert roles(made) == {"out", "cpu"}
    assert alarm(made, "cpu") == {
        "namespace": "AWS/ECS",
        "metricName": "CPUUtilization",
        "dimensions": SERVICE,
        "period": 180,
        "statistic": "Average",
        "comparisonOperator": "LessThanOrEqualToThreshold",
        "threshold": 0.01,
        "evaluationPeriods": 1,
        "datapointsToAlarm": 1,
    }
    assert policy(made, "cpu") == {
        "adjustmentType": "ExactCapacity",
        "cooldown": 60,
        "metricAggregationType": "Maximum",
        "stepAdjustments": [step(None, "0", 1)],
    }
