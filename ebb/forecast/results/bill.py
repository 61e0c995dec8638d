"""What a month costs, by the prices of ebb/forecast/prices.py. A scenario's `unpriced` says what is missing."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ebb.forecast import prices
from ebb.forecast.durations import HOUR, MINUTE
from ebb.forecast.load.workloads import Load
from ebb.forecast.model.outcome import Outcome
from ebb.forecast.prices import GB, MILLION, MONTH_HOURS, Price
from ebb.forecast.results import observation
from ebb.forecast.results.following import SUBMIT_UNITS, following
from ebb.forecast.scenario import scheduled_minimum
from ebb.forecast.scenario.scenario import FREE_DISK_GIB, Scenario

MONTH = MONTH_HOURS * HOUR  # seconds
MONTH_DAYS = MONTH_HOURS / 24
#: Bytes of log of one job: a line of the API and two of the worker, and of a line of metrics. Assumed.
LOG_BYTES_PER_JOB = 1500
LOG_BYTES_PER_METRICS = 700
#: Bytes of a call of the worker through NAT or an endpoint, its answer and its part of TLS. Assumed.
CALL_BYTES = 4096
#: Bytes of an answer of the API. Assumed.
ANSWER_BYTES = 600
#: Bytes of an item in the table of jobs, with DynamoDB's 100 for the index.
ITEM_BYTES = 300
#: MB of the image without `--image`: python:3.13-slim, boto3 and the worker, compressed. Assumed.
IMAGE_MB = 75
#: Seconds of one run of a workflow: two or three calls. Assumed: 100 ms a call.
WORKFLOW_SECONDS = 0.3
#: Seconds that SQS uses a data key (SQS API, KmsDataKeyReusePeriodSeconds), and requests to KMS in each such time: one
#: producer's two and one consumer's (SQS guide, "Key management", estimating costs).
KEY_REUSE_SECONDS = 300
KEY_REQUESTS = 3
#: A run that ends at rest has not changed for longer. The minimum can have changed at its end.
REST_SECONDS = 5 * MINUTE


#: Parts that the scaling policy decides.
OF_SCALING = frozenset(
    {"Fargate", "Fargate Spot", "Tasks' public addresses", "Scaling alarms", "SQS requests", "Schedules", "Workflows"}
)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One line of a bill, in US dollars for a month of 730 hours; `source` says where the price was read."""

    name: str
    dollars: float
    source: str


@dataclass(frozen=True, kw_only=True)
class Bill:
    """The cost of a month without any job, and of a month in which the load repeats after `every` seconds."""

    idle: tuple[Part, ...]
    load: tuple[Part, ...]
    every: float = 0.0

    @property
    def idle_total(self) -> float:
        """US dollars a month without any job."""
        return sum(part.dollars for part in self.idle)

    @property
    def load_total(self) -> float:
        """US dollars a month at this load."""
        return sum(part.dollars for part in self.load)


@dataclass(frozen=True, kw_only=True)
class Use:
    """What is paid by use: seconds of tasks (those on Spot again separately), requests, and bytes.

    `data`: bytes through NAT or endpoints. `logs`: bytes of the worker's and the API's log, and of the VPC's flow log
    separately. `workflow_seconds`: pauses in workflows. `table_writes` and `table_reads`: units.
    """

    task_seconds: float = 0.0
    spot_seconds: float = 0.0
    api: float = 0.0
    traces: float = 0.0
    sqs: float = 0.0
    kms: float = 0.0
    schedules: float = 0.0
    workflows: float = 0.0
    workflow_seconds: float = 0.0
    table_writes: float = 0.0
    table_reads: float = 0.0
    questions: float = 0.0
    events: float = 0.0
    webhooks: float = 0.0
    metric_hours: float = 0.0
    data: float = 0.0
    logs: float = 0.0
    flow_log: float = 0.0

    def __add__(self, other: "Use") -> "Use":
        return Use(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    def __mul__(self, factor: float) -> "Use":
        return Use(**{name: value * factor for name, value in vars(self).items()})


def monthly(outcome: Outcome, scenario: Scenario, load: Load) -> Bill:
    """The bill of an idle month, and of a month in which the load repeats.

    An idle service has its minimum of tasks by the hour of the week. Some baselines never scale in: they keep the tasks
    that are beyond it when nothing more happens. The load costs what a run has used beyond that. A run that ended
    during the load is repeated as it is.
    """
    ended, every = outcome.until, repeats(outcome, load)
    end = load.origin + ended
    least = max(scheduled_minimum.at(scenario, end), scheduled_minimum.at(scenario, end - REST_SECONDS))
    stuck = max(0, outcome.running[-1][1] - least) if outcome.at_rest else 0
    expected = scheduled_minimum.task_seconds(scenario, load.origin, end) + stuck * ended
    idle = at_rest(scenario, scheduled_minimum.mean(scenario) + stuck) * MONTH
    more = _used(outcome, scenario, load) + at_rest(scenario, expected / ended) * -ended
    return Bill(
        idle=tuple(parts(scenario, idle)), load=tuple(parts(scenario, idle + more * (MONTH / every))), every=every
    )


def of_scaling(parts: tuple[Part, ...]) -> float:
    """US dollars of the parts that the scaling policy decides."""
    return sum(part.dollars for part in parts if part.name in OF_SCALING)


def repeats(outcome: Outcome, load: Load) -> float:
    """Seconds after which the load repeats: at its own time or when its last job has ended.

    A run that ended during the load is repeated as it is.
    """
    return outcome.until if outcome.until < load.span else max(load.every, outcome.in_flight[-1][0])


def _used(outcome: Outcome, scenario: Scenario, load: Load) -> Use:
    worker, requests = scenario.worker, outcome.requests
    followed = following(outcome, scenario)
    writes = requests.table_writes if worker.keep_days else 0
    insights = observation.INSIGHTS * observation.running_hours(outcome) if worker.insights else 0
    lines = outcome.work_seconds / MINUTE / worker.concurrency + outcome.launches if worker.metrics else 0
    worker_logs = outcome.sent * LOG_BYTES_PER_JOB * 2 / 3 + lines * LOG_BYTES_PER_METRICS
    return Use(
        task_seconds=outcome.task_seconds,
        spot_seconds=outcome.spot_seconds,
        api=requests.api,
        traces=requests.traces if scenario.api.tracing else 0,
        sqs=requests.sqs,
        kms=min(outcome.sent, outcome.until / KEY_REUSE_SECONDS) * KEY_REQUESTS if scenario.queue.key else 0,
        schedules=requests.schedules,
        workflows=requests.workflows + followed.workflows,
        workflow_seconds=requests.workflow_seconds,
        table_writes=followed.writes,
        table_reads=followed.reads,
        questions=followed.questions,
        events=followed.events,
        webhooks=followed.webhooks,
        metric_hours=(requests.metric_hours if worker.metrics else 0) + insights,
        data=(requests.worker_calls + writes) * CALL_BYTES + requests.received * load.body + worker_logs,
        logs=worker_logs + outcome.sent * LOG_BYTES_PER_JOB / 3,
        flow_log=outcome.task_seconds * observation.FLOW_LOG_BYTES if scenario.network.flow_log_days else 0,
    )


def at_rest(scenario: Scenario, tasks: float) -> Use:
    """The use of one second in which this number of tasks polls and no job arrives."""
    wake, poller = scenario.wake, scenario.poller
    watched = 1 / MINUTE if wake.watches else 0.0
    touched = 1 / HOUR if wake.keep_alive and not wake.watches else 0.0
    polled = 1 / poller.interval if poller else 0.0
    polls = tasks / scenario.worker.wait
    return Use(
        task_seconds=tasks,
        spot_seconds=tasks * scenario.task.spot_weight / 100,
        sqs=polls + watched + touched + polled,
        schedules=watched + touched,
        workflows=watched,
        metric_hours=observation.INSIGHTS * min(1, tasks) / HOUR if scenario.worker.insights else 0,
        data=polls * CALL_BYTES,
        flow_log=tasks * observation.FLOW_LOG_BYTES if scenario.network.flow_log_days else 0,
    )


def a_million(scenario: Scenario) -> tuple[Part, ...]:
    """The cost of sending a million jobs: an API request and an SQS request each.

    With `direct` also a workflow and its request for the queue's counts. With a job table a workflow and writes. At
    most one job is sent in each second, so X-Ray traces all of them.
    """
    looks, table = (MILLION if scenario.wake.direct else 0.0), bool(scenario.worker.keep_days)
    sent = Use(
        api=MILLION,
        sqs=MILLION + looks,
        workflows=MILLION if table else looks,
        table_writes=MILLION * SUBMIT_UNITS if table else 0.0,
        traces=MILLION if scenario.api.tracing else 0.0,
    )
    parts = [*_requests(scenario, sent), _part("Table of jobs", sent.table_writes / MILLION, prices.WRITES_MILLION)]
    return tuple(part for part in parts if part.dollars > 0)


def parts(scenario: Scenario, use: Use) -> Iterator[Part]:
    """The lines above 0 of a month with this use."""
    made = (_tasks, _network, _fixed, _requests, _stored)
    yield from (part for make in made for part in make(scenario, use) if part.dollars > 0)


def _part(name: str, quantity: float, price: Price) -> Part:
    return Part(name=name, dollars=quantity * price.dollars, source=price.source)


def _tasks(scenario: Scenario, use: Use) -> Iterator[Part]:
    task, fargate = scenario.task, prices.FARGATE[scenario.task.architecture]
    vcpus, gigabytes = task.cpu / 1024, task.memory / 1024
    hours, spot = (use.task_seconds - use.spot_seconds) / HOUR, use.spot_seconds / HOUR
    on_demand_hour = Price(vcpus * fargate.vcpu + gigabytes * fargate.memory, prices.FARGATE_SOURCE)
    spot_hour = Price(vcpus * fargate.spot_vcpu + gigabytes * fargate.spot_memory, prices.FARGATE_SOURCE)
    yield _part("Fargate", hours, on_demand_hour)
    yield _part("Fargate Spot", spot, spot_hour)
    disk = max(0.0, task.ephemeral - FREE_DISK_GIB)
    yield _part("Task disk", (hours + spot) * disk, prices.DISK_GB_HOUR)
    if scenario.network.public_ip:
        yield _part("Tasks' public addresses", hours + spot, prices.PUBLIC_IPV4_HOUR)


def _network(scenario: Scenario, use: Use) -> Iterator[Part]:
    network = scenario.network
    through = None
    match network.nat:
        case "instance":
            hour = prices.ec2_hour(network.nat_type)
            if hour is not None:
                month = Price(hour * MONTH_HOURS + prices.NAT_DISK_MONTH, prices.EC2_SOURCE)
                yield _part("NAT instance", 1, month)
            yield _part("NAT's public address", MONTH_HOURS, prices.PUBLIC_IPV4_HOUR)
            through = prices.NAT_INSTANCE_GB
        case "gateway" | "gateway_per_az":
            number = 1 if network.nat == "gateway" else network.zones
            yield _part("NAT gateway", number * MONTH_HOURS, prices.NAT_GATEWAY_HOUR)
            yield _part("NAT's public address", number * MONTH_HOURS, prices.PUBLIC_IPV4_HOUR)
            through = prices.NAT_GATEWAY_GB
    yield _part("Interface endpoints", network.endpoints * network.zones * MONTH_HOURS, prices.ENDPOINT_HOUR)
    if network.endpoints:
        yield _part("Data through endpoints", use.data / GB, prices.ENDPOINT_GB)
    elif through is not None:
        yield _part("Data through NAT", use.data / GB, through)


def _fixed(scenario: Scenario, use: Use) -> Iterator[Part]:
    standard = _part("Scaling alarms", scenario.alarm_metrics, prices.ALARM_METRIC_MONTH)
    fast = _part("Scaling alarms", scenario.fast_alarm_metrics, prices.FAST_ALARM_METRIC_MONTH)
    yield Part(name=standard.name, dollars=standard.dollars + fast.dollars, source=standard.source)
    # with a NAT instance there is an alarm that recovers it (components/network.py)
    operators = scenario.operator_alarm_metrics + (scenario.network.nat == "instance")
    yield _part("Operators' alarms", operators, prices.ALARM_METRIC_MONTH)
    yield _part("KMS key", int(scenario.queue.own_key), prices.KEY_MONTH)
    yield _part("Firewall", int(scenario.api.firewall), prices.FIREWALL_MONTH)
    metrics = scenario.custom_metrics + use.metric_hours / MONTH_HOURS
    yield _part("Custom metrics", metrics, prices.CUSTOM_METRIC_MONTH)


def _requests(scenario: Scenario, use: Use) -> Iterator[Part]:
    sqs = prices.SQS_FIFO_MILLION if scenario.queue.fifo else prices.SQS_MILLION
    seconds = use.workflows * math.ceil(WORKFLOW_SECONDS * 10) / 10 + use.workflow_seconds  # billed by 100 ms
    yield _part("API requests", use.api / MILLION, prices.API_MILLION)
    yield _part("Firewall's requests", use.api / MILLION * scenario.api.firewall, prices.FIREWALL_MILLION)
    yield _part("Callers' questions", use.questions / MILLION, prices.QUESTIONS_MILLION)
    yield _part("Events", use.events / MILLION, prices.EVENTS_MILLION)
    yield _part("Webhooks", use.webhooks / MILLION, prices.WEBHOOKS_MILLION)
    yield _part("API answers", (use.api + use.questions) * ANSWER_BYTES / GB, prices.OUT_GB)
    yield _part("X-Ray traces", use.traces / MILLION, prices.TRACES_MILLION)
    yield _part("SQS requests", use.sqs / MILLION, sqs)
    yield _part("KMS requests", use.kms / MILLION, prices.KEY_MILLION)
    yield _part("Schedules", use.schedules / MILLION, prices.SCHEDULES_MILLION)
    runs = _part("Workflows", use.workflows / MILLION, prices.WORKFLOWS_MILLION)
    yield Part(name=runs.name, dollars=runs.dollars + seconds * prices.WORKFLOW_SECOND, source=runs.source)


def _stored(scenario: Scenario, use: Use) -> Iterator[Part]:
    worker = scenario.worker
    items = use.api * worker.keep_days / MONTH_DAYS * ITEM_BYTES / GB
    table = _part("Table of jobs", use.table_writes / MILLION, prices.WRITES_MILLION)
    more = items * prices.TABLE_GB_MONTH + use.table_reads / MILLION * prices.READS_MILLION
    yield Part(name=table.name, dollars=table.dollars + more, source=table.source)
    yield _part("Logs", use.logs / GB, prices.LOG_GB)
    kept = use.logs / GB * max(worker.log_days, scenario.api.log_days) / MONTH_DAYS
    yield _part("Stored logs", kept, prices.LOG_GB_MONTH)
    flow = observation.flow_log_gb(scenario.network.flow_log_days / MONTH_DAYS)
    yield _part("Flow log", use.flow_log / GB, flow)
    image = (scenario.task.image or IMAGE_MB) * 1e6 / GB
    yield _part("Image", image if scenario.builds_image else 0, prices.IMAGE_GB_MONTH)
