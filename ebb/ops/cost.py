"""What a stack has cost in this month, and what the month will have cost at its end, by the forecast's prices.

AWS's own bill knows no stacks without cost allocation tags, and is a day late. This one is counted from CloudWatch's
metrics: an estimate, as the forecast's bill is.
"""

import calendar
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ebb.forecast.durations import HOUR, MINUTE
from ebb.forecast.results import bill
from ebb.forecast.results.bill import LOG_BYTES_PER_JOB, MONTH, Use
from ebb.forecast.scenario.deployed import from_settings
from ebb.forecast.scenario.scenario import Scenario
from ebb.forecast.scenario.unpriced import unpriced
from ebb.ops.refusals import refusals
from ebb.ops.scaling import described
from ebb.ops.settings import settings_of
from ebb.ops.stack import Stack

#: CloudWatch answers at most 1,440 points; a month has 744 hours (API, GetMetricStatistics).
_PERIOD_SECONDS = 3600
_SQS = ("NumberOfMessagesSent", "NumberOfMessagesReceived", "NumberOfEmptyReceives", "NumberOfMessagesDeleted")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One line, in US dollars: until now, and at the end of the month."""

    name: str
    so_far: float
    month: float


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Unix times of the first and the last second that are counted, and of the month's end; the parts; what is not in.

    `since` is the month's begin, or the service's if that is later.
    """

    since: float
    now: float
    until: float
    parts: tuple[Part, ...]
    unpriced: tuple[str, ...]

    @property
    def so_far(self) -> float:
        """US dollars until now."""
        return sum(part.so_far for part in self.parts)

    @property
    def month(self) -> float:
        """US dollars at the end of the month, if it goes on like this."""
        return sum(part.month for part in self.parts)


def cost(stack: Stack, client: Callable[[str], Any] | None = None) -> Cost:
    """The cost of this month. Raises UserError."""
    settings = settings_of(stack)
    scenario = from_settings(settings, stack.name)
    now = stack.clock.now()
    with refusals():
        found = client or stack.clients()
        begin, end = month_of(now)
        since = max(begin, _created(stack, found))
        use = _use(stack, scenario, found, since, now)
    return reckoned(scenario, use, since=since, now=now, end=end, unpriced=tuple(unpriced(settings)))


def reckoned(
    scenario: Scenario, use: Use, *, since: float, now: float, end: float, unpriced: tuple[str, ...] = ()
) -> Cost:
    """The cost of this use between `since` and now. The rest of the month goes on like it."""
    seconds = max(now - since, MINUTE)
    factor = (end - since) / seconds
    so_far = _dollars(scenario, use, seconds / MONTH)
    month = _dollars(scenario, use * factor, (end - since) / MONTH)
    parts = tuple(Part(name=name, so_far=so_far.get(name, 0.0), month=dollars) for name, dollars in month.items())
    return Cost(since=since, now=now, until=end, parts=parts, unpriced=unpriced)


def month_of(now: float) -> tuple[float, float]:
    """The Unix times of the begin and the end of a moment's month, in UTC as AWS bills."""
    begin = datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    days = calendar.monthrange(begin.year, begin.month)[1]
    return begin.timestamp(), (begin + timedelta(days=days)).timestamp()


def _dollars(scenario: Scenario, use: Use, months: float) -> Mapping[str, float]:
    """US dollars by part: of this use, and of so many months of what is billed by time."""
    by_time = {part.name: part.dollars for part in bill.parts(scenario, Use())}
    return {part.name: part.dollars - by_time.get(part.name, 0.0) * (1 - months) for part in bill.parts(scenario, use)}


def _created(stack: Stack, client: Callable[[str], Any]) -> float:
    if stack.sandbox:
        return stack.sandbox.epoch
    created: datetime = described(stack, client)["createdAt"]
    return created.timestamp()


def _use(stack: Stack, scenario: Scenario, client: Callable[[str], Any], since: float, now: float) -> Use:
    """What CloudWatch has counted. What it does not count is assumed, as in the forecast."""
    cloudwatch = client("cloudwatch")

    def total(namespace: str, metric: str, statistic: str = "Sum", **dimensions: str) -> float:
        points = cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=datetime.fromtimestamp(since, UTC),
            EndTime=datetime.fromtimestamp(now, UTC),
            Period=_PERIOD_SECONDS,
            Statistics=[statistic],
        )["Datapoints"]
        return float(sum(point[statistic] for point in points))

    service = {"ClusterName": stack.cluster_name, "ServiceName": stack.service_name}
    # a task has one sample of its CPU a minute (ECS developer guide, "Amazon ECS CloudWatch metrics")
    task_seconds = total("AWS/ECS", "CPUUtilization", "SampleCount", **service) * MINUTE
    calls = {metric: total("AWS/SQS", metric, QueueName=stack.queue_name) for metric in _SQS}
    sent, minutes = calls["NumberOfMessagesSent"], (now - since) / MINUTE
    logs = total("AWS/Logs", "IncomingBytes", LogGroupName=stack.log_group_name) if stack.log_group_name else 0.0
    table = stack.table_name
    runs = minutes if scenario.wake.watches else 0.0
    return Use(
        task_seconds=task_seconds,
        spot_seconds=task_seconds * scenario.task.spot_weight / 100,
        api=sent,
        traces=sent * 0.05 if scenario.api.tracing else 0.0,  # X-Ray's default sampling
        sqs=sum(calls.values()) + runs,
        schedules=runs or ((now - since) / HOUR if scenario.wake.keep_alive else 0.0),
        workflows=runs + (sent if table or scenario.wake.direct else 0.0),
        table_writes=total("AWS/DynamoDB", "ConsumedWriteCapacityUnits", TableName=table) if table else 0.0,
        data=sum(calls.values()) * bill.CALL_BYTES,
        logs=logs + sent * LOG_BYTES_PER_JOB / 3,
    )
