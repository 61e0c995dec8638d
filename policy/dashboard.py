"""The stack's dashboard as plain data: graphs with a text that explains each, on CloudWatch's grid of 24 columns.

It has fewer than 50 metrics, which is what each of CloudWatch's three free dashboards may have (CloudWatch pricing).
"""

from dataclasses import dataclass

from policy import monitoring
from policy.of_parts import DISK_PERCENT, WORKER
from policy.plan import DELAYED, IN_FLIGHT, MINUTE, RUNNING, WAITING, MetricPlan, Source, max_tasks, share
from settings import Settings

#: Columns of a row, and the height of a graph and of the texts, in CloudWatch's units.
COLUMNS, GRAPH_HEIGHT, TEXT_HEIGHT = 24, 6, 2
#: Seconds of a point. Rates need a period with several jobs.
PERIOD = 5 * MINUTE


@dataclass(frozen=True, kw_only=True)
class Line:
    """A metric, or an expression over the ids of a graph's metrics. Without a label it is only a part of others."""

    label: str | None = None
    metric: MetricPlan | None = None
    expression: str | None = None
    right: bool = False


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A graph, `width` columns wide, with a sentence or two. `marks`: horizontal lines, label and value."""

    title: str
    text: str
    unit: str
    lines: tuple[Line, ...]
    marks: tuple[tuple[str, float], ...] = ()
    period: int = MINUTE
    right_unit: str | None = None
    width: int = COLUMNS // 3


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """The first text, and the graphs in their order. After them is a widget with all alarms."""

    text: str
    graphs: tuple[Graph, ...]


def dashboard(settings: Settings) -> Dashboard:
    """The dashboard of these settings."""
    graphs = [_depth(), _age(settings), _tasks(settings), _drain()]
    if settings.worker.metrics:
        graphs += [_seconds("Wait", "JobWait", "From the send to the start."), _durations(), _attempts(), _disk()]
    graphs += [_api(), _dead_letters(settings)]
    return Dashboard(
        text=f"What each graph means is under its title. What to do in ALARM: {settings.monitoring.runbook}. "
        "An idle stack has flat lines at 0: the worker's own graphs then are empty.",
        graphs=tuple(graphs),
    )


def _depth() -> Graph:
    return Graph(
        title="Jobs in the queue",
        text="Waiting jobs start tasks. Delayed ones wait for their time or their retry.",
        unit="jobs",
        lines=(_line("Waiting", WAITING), _line("In flight", IN_FLIGHT), _line("Delayed", DELAYED)),
    )


def _age(settings: Settings) -> Graph:
    return Graph(
        title="Oldest job",
        text="Waiting and running time. Above the mark the alarm `oldest` begins.",
        unit="seconds",
        lines=(_line("Age", _metric("a", "AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", "queue")),),
        marks=(("alarm", monitoring.oldest_seconds(settings)),),
    )


def _tasks(settings: Settings) -> Graph:
    desired = _metric("t", "ECS/ContainerInsights", "DesiredTaskCount", "Maximum", "service")
    needed = f"CEIL(FILL(n,0) / {settings.worker.concurrency} + v / {share(settings)})"
    return Graph(
        title="Tasks",
        text=f"Needed: for running jobs, and one for {share(settings)} waiting. Desired: with Container Insights only.",
        unit="tasks",
        lines=(
            _line("Running", RUNNING),
            _line("Desired", desired),
            Line(metric=WAITING),
            Line(metric=IN_FLIGHT),
            Line(label="Needed", expression=f"MIN([{needed}, 0 * v + {max_tasks(settings)}])"),
        ),
        marks=(("maximum", max_tasks(settings)),),
    )


def _drain() -> Graph:
    deleted = _metric("x", "AWS/SQS", "NumberOfMessagesDeleted", "Sum", "queue")
    return Graph(
        title="Time to drain",
        text="Waiting jobs by the rate at which jobs end. New jobs make it longer. Empty: no job has ended.",
        unit="minutes",
        lines=(
            Line(metric=WAITING),
            Line(metric=deleted),
            Line(label="Minutes left", expression=f"IF(x > 0, {PERIOD // MINUTE} * v / x)"),
        ),
        period=PERIOD,
    )


def _seconds(title: str, name: str, text: str) -> Graph:
    found = tuple(
        _line(label, _metric(f"p{place}", WORKER, name, statistic, "worker"))
        for place, (label, statistic) in enumerate((("p50", "p50"), ("p95", "p95"), ("maximum", "Maximum")))
    )
    return Graph(title=title, text=text, unit="seconds", lines=found, period=PERIOD)


def _durations() -> Graph:
    return _seconds("Duration", "JobDuration", "Of one attempt, failed ones too.")


def _attempts() -> Graph:
    kinds = {
        "Done": "JobsDone",
        "Failed": "JobsFailed",
        "Timed out": "JobsTimedOut",
        "Retried": "JobsRetried",
        "Rejected": "JobsRejected",
        "Given back": "JobsGivenBack",
        "Lease lost": "LeasesLost",
    }
    lines = (
        _line(label, _metric(f"k{place}", WORKER, name, "Sum", "worker"))
        for place, (label, name) in enumerate(kinds.items())
    )
    return Graph(
        title="Attempts by their end",
        text="A job has several attempts if it fails. Given back: the task had to stop.",
        unit="attempts",
        lines=tuple(lines),
        period=PERIOD,
        width=COLUMNS // 4,
    )


def _disk() -> Graph:
    return Graph(
        title="Disk of the tasks",
        text="The fullest disk. A job that fills it fails.",
        unit="per cent",
        lines=(_line("Used", _metric("u", WORKER, "DiskUsed", "Maximum", "worker")),),
        marks=(("alarm", DISK_PERCENT),),
        period=PERIOD,
        width=COLUMNS // 4,
    )


def _api() -> Graph:
    return Graph(
        title="API",
        text="5xx is this stack's or AWS's fault, 4xx the caller's. The time is API Gateway's.",
        unit="requests",
        lines=(
            _line("Requests", _metric("c", "AWS/ApiGateway", "Count", "Sum", "api")),
            _line("4xx", _metric("f", "AWS/ApiGateway", "4XXError", "Sum", "api")),
            _line("5xx", _metric("g", "AWS/ApiGateway", "5XXError", "Sum", "api")),
            Line(label="p95 time", metric=_metric("l", "AWS/ApiGateway", "Latency", "p95", "api"), right=True),
        ),
        period=PERIOD,
        right_unit="milliseconds",
        width=COLUMNS // 4,
    )


def _dead_letters(settings: Settings) -> Graph:
    lines = [_line("Jobs", _metric("v", "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", "dead_letter"))]
    if settings.jobs.webhook:
        events = _metric("w", "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", "webhook_dead_letter")
        lines.append(_line("Events of the webhook", events))
    return Graph(
        title="Dead letters",
        text="Jobs that failed at each attempt. `ebb dlq list` shows why, `ebb dlq redrive` runs them again.",
        unit="messages",
        lines=tuple(lines),
        width=COLUMNS // 4,
    )


def _metric(identifier: str, namespace: str, name: str, statistic: str, of: Source) -> MetricPlan:
    return MetricPlan(id=identifier, namespace=namespace, name=name, statistic=statistic, of=of)


def _line(label: str, metric: MetricPlan) -> Line:
    return Line(label=label, metric=metric)
