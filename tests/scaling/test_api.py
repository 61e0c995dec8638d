"""From what boto3's describe operations answer to the model's values."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ebb.scaling import api
from ebb.scaling.alarms import Metric, Query
from ebb.scaling.policies import Step, StepPolicy
from ebb.scaling.schedules import Schedule, ScheduledAction
from ebb.scaling.targets import ScalableTarget

PLAIN: Any = {
    "AlarmName": "out",
    "Namespace": "AWS/ECS",
    "MetricName": "CPUUtilization",
    "Dimensions": [{"Name": "ServiceName", "Value": "s"}, {"Name": "ClusterName", "Value": "c"}],
    "Statistic": "Average",
    "Period": 60,
    "EvaluationPeriods": 3,
    "Threshold": 0.01,
    "ComparisonOperator": "LessThanOrEqualToThreshold",
}
STAT: Any = {
    "Id": "v",
    "ReturnData": False,
    "MetricStat": {"Metric": {"Namespace": "AWS/SQS", "MetricName": "Visible"}, "Period": 60, "Stat": "Maximum"},
}
MATH: Any = {
    "AlarmName": "zero",
    "EvaluationPeriods": 5,
    "DatapointsToAlarm": 4,
    "TreatMissingData": "notBreaching",
    "Threshold": 0.0,
    "ComparisonOperator": "LessThanOrEqualToThreshold",
    "Metrics": [{"Id": "e", "Expression": "v + 0", "ReturnData": True}, STAT],
}
STEPS: Any = {
    "PolicyName": "p",
    "PolicyType": "StepScaling",
    "StepScalingPolicyConfiguration": {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
    },
}


def test_a_metric_alarm_defaults_to_all_periods_and_missing() -> None:
    alarm = api.alarm(PLAIN)
    assert (alarm.period, alarm.evaluation_periods, alarm.datapoints_to_alarm) == (60, 3, 3)
    assert (alarm.threshold, alarm.missing) == (0.01, "missing")
    dimensions = (("ClusterName", "c"), ("ServiceName", "s"))
    assert alarm.metrics == (
        Metric(namespace="AWS/ECS", name="CPUUtilization", dimensions=dimensions, statistic="Average"),
    )


def test_a_math_alarm_keeps_its_queries_and_the_period_of_its_metrics() -> None:
    alarm = api.alarm(MATH)
    metric = Metric(namespace="AWS/SQS", name="Visible", dimensions=(), statistic="Maximum")
    assert alarm.queries == (Query(id="e", source="v + 0"), Query(id="v", source=metric))
    assert (alarm.watched, alarm.period, alarm.missing) == ("e", 60, "notBreaching")
    assert (alarm.evaluation_periods, alarm.datapoints_to_alarm) == (5, 4)


def other_period(period: int) -> Any:
    return {**STAT, "Id": "w", "MetricStat": {**STAT["MetricStat"], "Period": period}}


@pytest.mark.parametrize(
    ("described", "problem"),
    [
        (
            {**PLAIN, "ComparisonOperator": "GreaterThanUpperThreshold"},
            "Alarm out: .*anomaly detection.* not supported",
        ),
        (
            {**PLAIN, "Statistic": None, "ExtendedStatistic": "p99"},
            "Alarm out: the statistic p99 is not supported, only SampleCount, Sum, Average, Minimum, Maximum.",
        ),
        ({**MATH, "Metrics": [{**STAT}]}, "Alarm zero: exactly one query must return data, got 0"),
        (
            {**MATH, "Metrics": [*MATH["Metrics"], other_period(300)]},
            "Alarm zero: each metric must use the same period",
        ),
        ({**MATH, "Metrics": [{"Id": "e", "Expression": "RATE(v)"}, STAT]}, "RATE in .* is not supported"),
    ],
)
def test_an_alarm_that_the_model_does_not_support_is_refused(described: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        api.alarm(described)


def test_a_step_policy_has_the_defaults_of_application_auto_scaling() -> None:
    assert api.policy(STEPS) == StepPolicy(
        name="p",
        adjustment_type="ChangeInCapacity",
        steps=(Step(0.0, None, 1),),
        cooldown=300,
        aggregation="Average",
        min_magnitude=0,
    )


def test_a_step_policy_keeps_what_is_given() -> None:
    given = {**STEPS["StepScalingPolicyConfiguration"], "Cooldown": 0, "MetricAggregationType": "Minimum"}
    described: Any = {**STEPS, "StepScalingPolicyConfiguration": {**given, "MinAdjustmentMagnitude": 2}}
    policy = api.policy(described)
    assert (policy.cooldown, policy.aggregation, policy.min_magnitude) == (0, "Minimum", 2)


def test_a_policy_of_another_type_is_refused() -> None:
    tracking: Any = {"PolicyName": "p", "PolicyType": "TargetTrackingScaling"}
    with pytest.raises(ValueError, match="Policy p: TargetTrackingScaling is not supported, only StepScaling"):
        api.policy(tracking)


@pytest.mark.parametrize(
    ("suspended", "expected"),
    [
        ({}, {}),
        ({"DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": False}, {"scale_in_suspended": True}),
        ({"DynamicScalingOutSuspended": True}, {"scale_out_suspended": True}),
        ({"ScheduledScalingSuspended": True}, {"schedules_suspended": True}),
    ],
)
def test_a_target_has_its_limits_and_suspended_state(suspended: dict[str, bool], expected: dict[str, Any]) -> None:
    described: Any = {"MinCapacity": 0, "MaxCapacity": 4, "SuspendedState": suspended}
    assert api.target(described) == ScalableTarget(minimum=0, maximum=4, **expected)


def test_a_target_without_a_suspended_state_is_not_suspended() -> None:
    described: Any = {"MinCapacity": 0, "MaxCapacity": 4}
    assert api.target(described) == ScalableTarget(minimum=0, maximum=4)


def test_a_scheduled_action_has_its_schedule_its_limits_and_its_start() -> None:
    described: Any = {
        "ScheduledActionName": "warm",
        "Schedule": "cron(0 8 ? * MON-FRI *)",
        "Timezone": "Europe/Berlin",
        "ScalableTargetAction": {"MinCapacity": 1},
        "StartTime": datetime(2027, 1, 15, tzinfo=UTC),
    }
    assert api.scheduled_action(described) == ScheduledAction(
        name="warm",
        schedule=Schedule(expression="cron(0 8 ? * MON-FRI *)", timezone="Europe/Berlin"),
        minimum=1,
        start=1_799_971_200.0,
    )
    rate: Any = {"ScheduledActionName": "r", "Schedule": "rate(1 day)", "ScalableTargetAction": {"MaxCapacity": 2}}
    assert api.scheduled_action(rate).schedule.timezone == "UTC"
