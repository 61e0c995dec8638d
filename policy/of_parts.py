"""The operators' alarms on the parts that serve the jobs: tasks, attempts, API, schedules, workflows, disk, table, NAT.

Each is silent without work: it needs tasks that run, attempts, requests or errors. A minimum count stands where traffic
may be rare, because a share of one request is 0 or 1. Sums of errors are filled with 0. An alarm looks back further
than its periods, so after the last error it would alternate between OK and ALARM for a while.
"""

from policy.hours import week
from policy.plan import IN_FLIGHT, MINUTE, RUNNING, WAITING, AlarmPlan, MetricPlan, Source
from settings import Settings

HOUR, DAY = 3600, 24 * 3600  # seconds
#: Seconds. A period of several minutes tolerates that a minute has no data.
PERIOD = 5 * MINUTE
#: Minutes of a period in which tasks must run. Less is a task that fails when it starts.
RUNNING_MINUTES = 3
#: The namespace of the worker's own metrics (worker/metrics.py).
WORKER = "Ebb"

#: Seconds in which tasks beyond the minimum run and receive nothing, before someone should look.
USELESS_SECONDS = HOUR
#: The running tasks of a period's minutes, or 0 if a message was received or in flight in it. Received ones are
#: counted exactly, so that short jobs between two minutes' samples are seen.
USELESS_EXPRESSION = "IF(FILL(m,0) > 0 OR FILL(n,0) > 0, 0, FILL(r,0))"
#: Attempts that must fail in FAILURE_SECONDS, and their share of all, in per cent.
FAILURES, FAILURE_PERCENT, FAILURE_SECONDS = 3, 50, 30 * MINUTE
FAILURES_EXPRESSION = f"IF(FILL(f,0) + FILL(t,0) >= {FAILURES}, 100 * (f + t) / (f + t + d), 0)"
#: Server errors that must occur in a period, and the share of all requests from which on they count.
API_ERRORS, API_SHARE = 3, 0.05
API_EXPRESSION = f"IF(FILL(f,0) >= {API_ERRORS} AND f > {API_SHARE} * c, f, 0)"
#: Seconds in which runs of the watcher or of the start must fail so often. The next minute tries again.
RUN_SECONDS, RUN_FAILURES = 15 * MINUTE, 3
#: Per cent of the task's disk.
DISK_PERCENT = 85
#: Periods with throttled requests, one after the other. A table on demand follows a peak within minutes.
THROTTLED_PERIODS = 3
#: Alarms with metrics of DynamoDB always ignore missing data, so one throttled request would keep the alarm for ever
#: (CloudWatch user guide, "Configuring how CloudWatch alarms treat missing data"). SQS's metric has a point each
#: minute. In a sum a missing point is 0.
THROTTLED_EXPRESSION = "w + o + 0 * v"
#: Minutes in which EC2's check fails or is missing. A recovery on another host takes some of them.
NAT_MINUTES = 10


def alarms(settings: Settings) -> dict[str, AlarmPlan]:
    """These alarms by role."""
    scaling, worker = settings.scaling, settings.worker
    scheduled = scaling.keeps_alive or scaling.watches or settings.queue.schedules
    return {
        "useless": _useless(settings),
        **({"failures": _failures(), "leases": _leases(), "disk": _disk()} if worker.metrics else {}),
        "api": _api(),
        **({"schedules": _schedules(watches=scaling.watches)} if scheduled else {}),
        **({"workflows": _workflows(starts=scaling.direct)} if scaling.watches else {}),
        **({"release": _release(), "throttled": _throttled()} if settings.jobs.table else {}),
        **({"nat": _nat()} if settings.network.nat == "instance" else {}),
        **({"notifications": _notifications()} if settings.monitoring.notifies else {}),
    }


def single(metric: MetricPlan, threshold: float, description: str, period: int = MINUTE) -> AlarmPlan:
    """An alarm on the newest data point of one metric."""
    return AlarmPlan(
        description=description,
        metrics=(metric,),
        period=period,
        evaluation_periods=1,
        datapoints_to_alarm=1,
        threshold=threshold,
        comparison="GreaterThanOrEqualToThreshold",
    )


def _counted(metrics: tuple[MetricPlan, ...], threshold: float, description: str, label: str, period: int) -> AlarmPlan:
    """An alarm on the sum of all these metrics in the newest period."""
    return AlarmPlan(
        description=description,
        metrics=metrics,
        expression=" + ".join(f"FILL({metric.id},0)" for metric in metrics),
        label=label,
        period=period,
        evaluation_periods=1,
        datapoints_to_alarm=1,
        threshold=threshold,
        comparison="GreaterThanOrEqualToThreshold",
    )


def useless_seconds(settings: Settings) -> int:
    """Seconds in which tasks may run without work: an hour, or as long as the settings take to remove them."""
    scaling = settings.scaling
    slow = 0
    if scaling.scales_in_by == "cpu":
        slow = scaling.cooldown + scaling.cpu_minutes * MINUTE
    elif scaling.scales_in_by == "steps":
        slow = scaling.cooldown * scaling.max_tasks
    # an alarm evaluates a day at most (API, PutMetricAlarm)
    return min(DAY, -(-(USELESS_SECONDS + slow) // PERIOD) * PERIOD)


def _useless(settings: Settings) -> AlarmPlan:
    least, seconds = max(week(settings.scaling)), useless_seconds(settings)
    return AlarmPlan(
        description=f"More than {least} tasks run, and for {seconds // MINUTE} minutes they have received no job: they "
        "cost money for nothing. See `ebb status`, which says whether the scaling is paused or muted",
        metrics=(_sum("m", "AWS/SQS", "NumberOfMessagesReceived", "queue"), IN_FLIGHT, RUNNING),
        expression=USELESS_EXPRESSION,
        label="Tasks without a job",
        period=PERIOD,
        evaluation_periods=seconds // PERIOD,
        datapoints_to_alarm=seconds // PERIOD,
        threshold=least * PERIOD // MINUTE + RUNNING_MINUTES,
        comparison="GreaterThanOrEqualToThreshold",
    )


def _failures() -> AlarmPlan:
    return AlarmPlan(
        description=f"In {FAILURE_SECONDS // MINUTE} minutes at least {FAILURES} attempts failed, and half of all did: "
        "see the errors with `ebb logs`, and deploy the last good image if a deployment was the reason",
        metrics=(
            _sum("f", WORKER, "JobsFailed", "worker"),
            _sum("t", WORKER, "JobsTimedOut", "worker"),
            _sum("d", WORKER, "JobsDone", "worker"),
        ),
        expression=FAILURES_EXPRESSION,
        label="Attempts that fail, in per cent",
        period=FAILURE_SECONDS,
        evaluation_periods=1,
        datapoints_to_alarm=1,
        threshold=FAILURE_PERCENT,
        comparison="GreaterThanOrEqualToThreshold",
    )


def _leases() -> AlarmPlan:
    return _counted(
        (_sum("l", WORKER, "LeasesLost", "worker"),),
        1,
        "A worker lost a job's lease, so the job may have run twice: see the line lease_lost in the worker's log",
        "Lost leases",
        PERIOD,
    )


def _disk() -> AlarmPlan:
    return single(
        MetricPlan(id="u", namespace=WORKER, name="DiskUsed", statistic="Maximum", of="worker"),
        DISK_PERCENT,
        f"A task's disk is {DISK_PERCENT} % full: delete files in the handler, or set worker.ephemeral_storage",
        PERIOD,
    )


def _api() -> AlarmPlan:
    return AlarmPlan(
        description=f"The API answered {API_ERRORS} or more requests of {PERIOD // MINUTE} minutes with 5xx, and more "
        f"than {API_SHARE:.0%} of all: see its access log, and whether callers send these jobs again",
        metrics=(_sum("f", "AWS/ApiGateway", "5XXError", "api"), _sum("c", "AWS/ApiGateway", "Count", "api")),
        expression=API_EXPRESSION,
        label="Requests with a server error",
        period=PERIOD,
        evaluation_periods=1,
        datapoints_to_alarm=1,
        threshold=API_ERRORS,
        comparison="GreaterThanOrEqualToThreshold",
    )


def _schedules(*, watches: bool) -> AlarmPlan:
    # a run of the watcher that was dropped is made up for in the next minute
    return _counted(
        (_sum("s", "AWS/Scheduler", "InvocationDroppedCount", "schedules"),),
        RUN_FAILURES if watches else 1,
        "EventBridge Scheduler dropped runs of schedules in the group default: a recurring job was not sent, or SQS's "
        "metrics may stop. See the schedules' roles and targets",
        "Dropped runs",
        RUN_SECONDS,
    )


def _workflows(*, starts: bool) -> AlarmPlan:
    watcher = _sum("w", "AWS/States", "ExecutionsFailed", "watcher")
    start = _sum("s", "AWS/States", "ExecutionsFailed", "start")
    return _counted(
        (watcher, start) if starts else (watcher,),
        RUN_FAILURES,
        f"Workflows that start tasks failed {RUN_FAILURES} times in {RUN_SECONDS // MINUTE} minutes: run one with "
        "`aws stepfunctions start-sync-execution`, which prints the error. Metrics start tasks meanwhile",
        "Failed runs",
        RUN_SECONDS,
    )


def _release() -> AlarmPlan:
    return _counted(
        (
            _sum("f", "AWS/States", "ExecutionsFailed", "release"),
            _sum("t", "AWS/States", "ExecutionsTimedOut", "release"),
        ),
        1,
        "The workflow that sends delayed jobs failed. With the error Ebb.SentLater it tries again each two minutes. "
        "After another error a job stays scheduled: find it with `ebb jobs --state scheduled`, and send it again",
        "Failed runs",
        PERIOD,
    )


def _throttled() -> AlarmPlan:
    return AlarmPlan(
        description=f"DynamoDB refused requests to the job table for {THROTTLED_PERIODS * PERIOD // MINUTE} minutes: "
        "callers and workers try again. See the account's quotas for the table, and who reads it so often",
        metrics=(
            _sum("w", "AWS/DynamoDB", "WriteThrottleEvents", "table"),
            _sum("o", "AWS/DynamoDB", "ReadThrottleEvents", "table"),
            WAITING,
        ),
        expression=THROTTLED_EXPRESSION,
        label="Throttled requests",
        period=PERIOD,
        evaluation_periods=THROTTLED_PERIODS,
        datapoints_to_alarm=THROTTLED_PERIODS,
        threshold=1,
        comparison="GreaterThanOrEqualToThreshold",
    )


def _nat() -> AlarmPlan:
    """Missing data is the fault here: an instance that was stopped or ended sends none."""
    return AlarmPlan(
        description=f"The NAT instance fails EC2's checks or is gone for {NAT_MINUTES} minutes: tasks cannot start or "
        "reach AWS. Replace it with `pulumi up --replace`",
        metrics=(MetricPlan(id="c", namespace="AWS/EC2", name="StatusCheckFailed", statistic="Maximum", of="nat"),),
        evaluation_periods=NAT_MINUTES,
        datapoints_to_alarm=NAT_MINUTES,
        threshold=1,
        comparison="GreaterThanOrEqualToThreshold",
        missing="breaching",
    )


def _notifications() -> AlarmPlan:
    return _counted(
        (_sum("f", "AWS/SNS", "NumberOfNotificationsFailed", "topic"),),
        1,
        "SNS could not deliver a notification, so alarms may be lost: see the topic's subscriptions",
        "Failed notifications",
        PERIOD,
    )


def _sum(identifier: str, namespace: str, name: str, of: Source) -> MetricPlan:
    return MetricPlan(id=identifier, namespace=namespace, name=name, statistic="Sum", of=of)
