"""What CloudWatch's and Application Auto Scaling's describe operations answer, as the model's values."""

from collections.abc import Mapping
from typing import Any

from ebb.scaling.alarms import Alarm, Metric, Query
from ebb.scaling.policies import DEFAULT_COOLDOWN, Step, StepPolicy
from ebb.scaling.schedules import Schedule, ScheduledAction
from ebb.scaling.statistics import STATISTICS
from ebb.scaling.targets import ScalableTarget

Described = Mapping[str, Any]
_COMPARISONS = frozenset(
    {"GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"}
)


def alarm(described: Described) -> Alarm:
    """An entry of DescribeAlarms' MetricAlarms.

    Raises ValueError, one sentence, for anomaly detection and for statistics other than the five basic ones.
    """
    name = described["AlarmName"]
    comparison = described["ComparisonOperator"]
    if comparison not in _COMPARISONS or "Threshold" not in described:
        raise ValueError(f"Alarm {name}: {comparison} (anomaly detection) is not supported.")
    queries: tuple[Query, ...]
    if described.get("Metrics"):
        entries = described["Metrics"]
        queries = tuple(_query(name, entry) for entry in entries)
        returning = [entry["Id"] for entry in entries if entry.get("ReturnData", True)]
        if len(returning) != 1:
            raise ValueError(f"Alarm {name}: exactly one query must return data, got {len(returning)}.")
        watched = returning[0]
        periods = {_period(entry) for entry in entries} - {None}
    else:
        statistic = described.get("Statistic") or described["ExtendedStatistic"]
        queries = (Query(id="m", source=_metric(name, described, statistic)),)
        watched = "m"
        periods = {described["Period"]}
    if len(periods) != 1:
        raise ValueError(f"Alarm {name}: each metric must use the same period, got {sorted(map(str, periods))}.")
    return Alarm(
        name=name,
        period=int(periods.pop() or 0),
        evaluation_periods=described["EvaluationPeriods"],
        datapoints_to_alarm=described.get("DatapointsToAlarm") or described["EvaluationPeriods"],
        threshold=described["Threshold"],
        comparison=comparison,
        missing=described.get("TreatMissingData") or "missing",
        queries=queries,
        watched=watched,
    )


def policy(described: Described) -> StepPolicy:
    """An entry of DescribeScalingPolicies' ScalingPolicies. Raises ValueError for other than valid step policies."""
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
        cooldown=given.get("Cooldown", DEFAULT_COOLDOWN),
        aggregation=given.get("MetricAggregationType") or "Average",
        min_magnitude=given.get("MinAdjustmentMagnitude") or 0,
    )


def target(described: Described) -> ScalableTarget:
    """An entry of DescribeScalableTargets' ScalableTargets."""
    suspended = described.get("SuspendedState", {})
    return ScalableTarget(
        minimum=described["MinCapacity"],
        maximum=described["MaxCapacity"],
        scale_in_suspended=suspended.get("DynamicScalingInSuspended", False),
        scale_out_suspended=suspended.get("DynamicScalingOutSuspended", False),
        schedules_suspended=suspended.get("ScheduledScalingSuspended", False),
    )


def scheduled_action(described: Described) -> ScheduledAction:
    """An entry of DescribeScheduledActions' ScheduledActions. Raises ValueError, one sentence, for an invalid one."""
    limits = described.get("ScalableTargetAction", {})
    times = (described.get("StartTime"), described.get("EndTime"))
    start, end = (None if time is None else time.timestamp() for time in times)
    return ScheduledAction(
        name=described["ScheduledActionName"],
        schedule=Schedule(expression=described["Schedule"], timezone=described.get("Timezone") or "UTC"),
        minimum=limits.get("MinCapacity"),
        maximum=limits.get("MaxCapacity"),
        start=start,
        end=end,
    )


def _query(name: str, entry: Described) -> Query:
    if "Expression" in entry:
        return Query(id=entry["Id"], source=entry["Expression"])
    stat = entry["MetricStat"]
    return Query(id=entry["Id"], source=_metric(name, stat["Metric"], stat["Stat"]))


def _metric(name: str, described: Described, statistic: str) -> Metric:
    if statistic not in STATISTICS:
        known = ", ".join(STATISTICS)
        raise ValueError(f"Alarm {name}: the statistic {statistic} is not supported, only {known}.")
    return Metric(
        namespace=described["Namespace"],
        name=described["MetricName"],
        dimensions=tuple(sorted((each["Name"], each["Value"]) for each in described.get("Dimensions", []))),
        statistic=statistic,
    )


def _period(entry: Described) -> int | None:
    period = entry["MetricStat"]["Period"] if "MetricStat" in entry else entry.get("Period")
    return None if period is None else int(period)
