from typing import Any

import pytest

from components.autoscaling import QueueScaling, QueueScalingArgs
from ebb.scaling import expressions
from policy import steps
from policy.plan import plan
from settings import Scaling as ScalingSettings
from settings import Settings, Step, WarmHours
from tests.components.harness import ACCOUNT, REGION, Deployed, deploy

TARGET, POLICY = "aws:appautoscaling/target:Target", "aws:appautoscaling/policy:Policy"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
SERVICE = {"ClusterName": "cluster", "ServiceName": "worker"}
TARGETED = {
    "resourceId": "service/cluster/worker",
    "scalableDimension": "ecs:service:DesiredCount",
    "serviceNamespace": "ecs",
}
HOURS = (WarmHours(start="08:00", stop="18:00", min_tasks=2),)
TABLE = (Step(upper=0, change=-1), Step(lower=1, change=1))


def scaling(**settings: Any) -> Deployed:
    def program() -> None:
        QueueScaling(
            "scaling",
            QueueScalingArgs(
                plan=plan(Settings(scaling=ScalingSettings(**settings))),
                queue_name="jobs",
                cluster_name="cluster",
                service_name="worker",
            ),
        )

    return deploy(program)


def roles(made: Deployed) -> set[str]:
    """The roles of the alarms. The only action of an alarm is the policy with its name."""
    for found in made.of(ALARM):
        assert found.inputs["alarmActions"] == [f"arn:aws:appautoscaling:{REGION}:{ACCOUNT}:{found.name}"]
        assert found.inputs["treatMissingData"] == "notBreaching"
        assert "okActions" not in found.inputs
    assert {found.name for found in made.of(ALARM)} == {found.name for found in made.of(POLICY)}
    return {found.name.removeprefix("scaling-") for found in made.of(ALARM)}


def alarm(made: Deployed, role: str) -> dict[str, Any]:
    shared = ("alarmActions", "alarmDescription", "treatMissingData")
    return {key: value for key, value in made.one(ALARM, f"scaling-{role}").inputs.items() if key not in shared}


def policy(made: Deployed, role: str) -> dict[str, Any]:
    inputs = dict(made.one(POLICY, f"scaling-{role}").inputs)
    configuration = inputs.pop("stepScalingPolicyConfiguration")
    assert inputs == {**TARGETED, "policyType": "StepScaling"}
    return dict(configuration)


def step(lower: str | None, upper: str | None, change: int) -> dict[str, Any]:
    bounds = {"metricIntervalLowerBound": lower, "metricIntervalUpperBound": upper}
    return {"scalingAdjustment": change, **{key: value for key, value in bounds.items() if value is not None}}


def jobs(name: str) -> dict[str, Any]:
    metric = f"ApproximateNumberOfMessages{name}"
    return {
        "namespace": "AWS/SQS",
        "metricName": metric,
        "dimensions": {"QueueName": "jobs"},
        "period": 60,
        "stat": "Maximum",
    }


RUNNING = {
    "namespace": "AWS/ECS",
    "metricName": "CPUUtilization",
    "dimensions": SERVICE,
    "period": 60,
    "stat": "SampleCount",
}


def queries(expression: str, label: str, metrics: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    first = {"id": "e", "expression": expression, "label": label, "returnData": True}
    return [first, *({"id": name, "metric": metric, "returnData": False} for name, metric in metrics.items())]


def waiting(threshold: float, comparison: str) -> dict[str, Any]:
    return {
        "namespace": "AWS/SQS",
        "metricName": "ApproximateNumberOfMessagesVisible",
        "dimensions": {"QueueName": "jobs"},
        "period": 60,
        "statistic": "Maximum",
        "comparisonOperator": comparison,
        "threshold": threshold,
        "evaluationPeriods": 1,
        "datapointsToAlarm": 1,
    }


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
    assert roles(made) == {"start", "out", "zero"}
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


@pytest.mark.parametrize("owner", [{"watch": True}, {"direct": True}, {"warm_hours": HOURS}])
def test_a_later_deployment_keeps_a_suspension_and_a_minimum_that_moves(owner: dict[str, Any]) -> None:
    assert scaling().one(TARGET).ignore_changes == ("suspendedState",)
    assert scaling(max_tasks=2, **owner).one(TARGET).ignore_changes == ("suspendedState", "minCapacity")


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
