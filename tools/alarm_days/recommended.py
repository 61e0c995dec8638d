"""AWS's recommended alarms for the services of a stack, as CloudWatch's page of them has them.

Source: metric_metadata.json of awslabs/mcp, cloudwatch-mcp-server (100b55b, 2026-08-21), which is the page "Recommended
alarms" of the CloudWatch user guide. All are N of N. Where AWS says "by your traffic", the value is half as much again
as the maximum of the busy day, as it advises. Left out are alarms that AWS does not recommend with Fargate, and those
of parts that a stack does not have.
"""

from typing import NamedTuple

from ebb.scaling.alarms import Alarm, Comparison, Metric, Missing, Query
from policy.plan import Source

OVER: Comparison = "GreaterThanThreshold"
FROM: Comparison = "GreaterThanOrEqualToThreshold"
UP_TO: Comparison = "LessThanOrEqualToThreshold"
BELOW: Comparison = "LessThanThreshold"
#: The maximum of the busy day: seconds, messages, messages, and requests a minute.
EXPECTED_AGE, EXPECTED_IN_FLIGHT, EXPECTED_WAITING, EXPECTED_REQUESTS = 2800, 6, 11, 0.2


class _Row(NamedTuple):
    of: Source
    name: str
    statistic: str
    points: int
    comparison: Comparison
    threshold: float
    missing: Missing = "missing"
    period: int = 60


_ROWS = (
    _Row("queue", "ApproximateAgeOfOldestMessage", "Maximum", 15, FROM, 1.5 * EXPECTED_AGE),
    _Row("queue", "ApproximateNumberOfMessagesNotVisible", "Average", 15, FROM, 1.5 * EXPECTED_IN_FLIGHT),
    _Row("queue", "ApproximateNumberOfMessagesVisible", "Average", 15, FROM, 1.5 * EXPECTED_WAITING),
    _Row("queue", "NumberOfMessagesSent", "Sum", 15, UP_TO, 0),
    _Row("service", "CPUUtilization", "Average", 5, OVER, 80, "breaching"),
    _Row("service", "MemoryUtilization", "Average", 5, OVER, 80, "breaching"),
    _Row("service", "RunningTaskCount", "Average", 5, UP_TO, 0, "notBreaching"),
    _Row("service", "TaskEphemeralStorageUtilization", "Average", 5, OVER, 80, "notBreaching"),
    _Row("api", "4XXError", "Average", 5, OVER, 0.05),
    _Row("api", "5XXError", "Average", 3, OVER, 0.05),
    _Row("api", "Count", "SampleCount", 10, BELOW, EXPECTED_REQUESTS, "breaching"),
    _Row("table", "ReadThrottleEvents", "Sum", 5, OVER, 0, "ignore"),
    _Row("table", "WriteThrottleEvents", "Sum", 5, OVER, 0, "ignore"),
    _Row("nat", "StatusCheckFailed", "Maximum", 2, FROM, 1, "missing", 300),
    _Row("schedules", "InvocationDroppedCount", "Sum", 1, OVER, 0, "notBreaching"),
    _Row("topic", "NumberOfNotificationsFailed", "Sum", 5, OVER, 0, "notBreaching"),
)
#: What each source is called in AWS's page.
SERVICES: dict[Source, str] = {
    "queue": "SQS",
    "service": "ECS",
    "api": "API Gateway",
    "table": "DynamoDB",
    "nat": "EC2",
    "schedules": "Scheduler",
    "topic": "SNS",
}


def alarms() -> dict[str, Alarm]:
    """The alarms by service and metric."""
    return {f"{SERVICES[row.of]} {row.name}": _alarm(row) for row in _ROWS}


def _alarm(row: _Row) -> Alarm:
    metric = Metric(namespace="", name=row.name, dimensions=(("of", row.of),), statistic=row.statistic)
    return Alarm(
        name=row.name,
        period=row.period,
        evaluation_periods=row.points,
        datapoints_to_alarm=row.points,
        threshold=row.threshold,
        comparison=row.comparison,
        missing=row.missing,
        queries=(Query(id="m", source=metric),),
        watched="m",
    )
