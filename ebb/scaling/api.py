"""From the answers of CloudWatch's and Application Auto Scaling's describe operations to the model's values."""

from typing import TYPE_CHECKING, Any, cast, get_args

from ebb.scaling.alarms import Alarm, Comparison, Metric, Missing, Query
from ebb.scaling.policies import DEFAULT_COOLDOWN_SECONDS, Step, StepPolicy
from ebb.scaling.schedules import Schedule, ScheduledAction
from ebb.scaling.statistics import STATISTICS
from ebb.scaling.targets import ScalableTarget

if TYPE_CHECKING:
    from types_boto3_application_autoscaling.type_defs import (
        ScalableTargetTypeDef,
        ScalingPolicyTypeDef,
        ScheduledActionTypeDef,
    )
    from types_boto3_cloudwatch.type_defs import MetricAlarmTypeDef, MetricDataQueryOutputTypeDef


def alarm(described: "MetricAlarmTypeDef") -> Alarm:
    """The alarm. Raises ValueError, one sentence, for anomaly detection, percentiles and what `Alarm` refuses."""
    name = described["AlarmName"]
    comparison = described["ComparisonOperator"]
    if comparison not in get_args(Comparison) or "Threshold" not in described:
        raise ValueError(f"Alarm {name}: {comparison} (anomaly detection) is not supported.")
    queries: tuple[Query, ...]
    if entries := described.get("Metrics"):
        queries = tuple(_query(name, entry) for entry in entries)
        returning = [entry["Id"] for entry in entries if entry.get("ReturnData", True)]
        if len(returning) != 1:
            raise ValueError(f"Alarm {name}: exactly one query must return data, got {len(returning)}.")
        watched = returning[0]
        periods = {period for entry in entries if (period := _period(entry))}
    else:
        watched = "m"
        statistic = described.get("Statistic") or described["ExtendedStatistic"]
        queries = (Query(id=watched, source=_metric(name, described, statistic)),)
        periods = {described["Period"]}
    if len(periods) != 1:
        raise ValueError(f"Alarm {name}: each metric must use the same period, got {sorted(periods)}.")
    return Alarm(
        name=name,
        period=periods.pop(),
        evaluation_periods=described["EvaluationPeriods"],
        datapoints_to_alarm=described.get("DatapointsToAlarm") or described["EvaluationPeriods"],
        threshold=described["Threshold"],
        comparison=cast("Comparison", comparison),
        missing=cast("Missing", described.get("TreatMissingData") or "missing"),
        queries=queries,
        watched=watched,
    )


def policy(described: "ScalingPolicyTypeDef") -> StepPolicy:
    """The step policy. Raises ValueError, one sentence, for another type and for what `StepPolicy` refuses."""
    name = described["PolicyName"]
    if described["PolicyType"] != "StepScaling":
        raise ValueError(f"Policy {name}: {described['PolicyType']} is not supported, only StepScaling.")
    given = described["StepScalingPolicyConfiguration"]
    return StepPolicy(
        name=name,
        adjustment_type=given["AdjustmentType"],
        steps=tuple(
            Step(
                each.get("MetricIntervalLowerBound"),
                each.get("MetricIntervalUpperBound"),
                int(each["ScalingAdjustment"]),
            )
            for each in given["StepAdjustments"]
        ),
        cooldown=given.get("Cooldown", DEFAULT_COOLDOWN_SECONDS),
        aggregation=given.get("MetricAggregationType") or "Average",
        min_magnitude=given.get("MinAdjustmentMagnitude") or 0,
    )


def target(described: "ScalableTargetTypeDef") -> ScalableTarget:
    """The scalable target, with its limits and what is suspended."""
    suspended = described.get("SuspendedState", {})
    return ScalableTarget(
        minimum=described["MinCapacity"],
        maximum=described["MaxCapacity"],
        scale_in_suspended=suspended.get("DynamicScalingInSuspended", False),
        scale_out_suspended=suspended.get("DynamicScalingOutSuspended", False),
        schedules_suspended=suspended.get("ScheduledScalingSuspended", False),
    )


def scheduled_action(described: "ScheduledActionTypeDef") -> ScheduledAction:
    """The scheduled action. Raises ValueError, one sentence, for what `Schedule` and `ScheduledAction` refuse."""
    limits = described.get("ScalableTargetAction", {})
    start, end = described.get("StartTime"), described.get("EndTime")
    return ScheduledAction(
        name=described["ScheduledActionName"],
        schedule=Schedule(expression=described["Schedule"], timezone=described.get("Timezone") or "UTC"),
        minimum=limits.get("MinCapacity"),
        maximum=limits.get("MaxCapacity"),
        start=start.timestamp() if start else None,
        end=end.timestamp() if end else None,
    )


def _query(alarm_name: str, entry: "MetricDataQueryOutputTypeDef") -> Query:
    if "Expression" in entry:
        return Query(id=entry["Id"], source=entry["Expression"])
    found = entry["MetricStat"]
    return Query(id=entry["Id"], source=_metric(alarm_name, found["Metric"], found["Stat"]))


def _metric(alarm_name: str, described: Any, statistic: str) -> Metric:
    if statistic not in STATISTICS:
        known = ", ".join(STATISTICS)
        raise ValueError(f"Alarm {alarm_name}: the statistic {statistic} is not supported, only {known}.")
    return Metric(
        namespace=described["Namespace"],
        name=described["MetricName"],
        dimensions=tuple(sorted((each["Name"], each["Value"]) for each in described.get("Dimensions", []))),
        statistic=statistic,
    )


def _period(entry: "MetricDataQueryOutputTypeDef") -> int | None:
    return entry["MetricStat"]["Period"] if "MetricStat" in entry else entry.get("Period")
