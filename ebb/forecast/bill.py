"""What a month costs: US dollars in us-east-1, list prices without any free tier, each with its source and date.

Not on it: the operators' alarms and dashboard, metrics that jobs write, the image in ECR ($0.10 a GB), data through a
NAT gateway ($0.045 a GB), and whatever the jobs themselves use.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ebb.forecast.model.outcome import Bill, Outcome, Part
from ebb.forecast.scenario import Setup
from ebb.forecast.workloads import Load

HOURS = 730
MONTH = HOURS * 3600
MILLION = 1e6
#: Dollars an hour of a vCPU and of a GB, on demand and on Spot. Spot's are "dynamic", 50 to 70 % off: the middle.
FARGATE = {
    "ARM64": (0.03238, 0.00356, 0.01295, 0.001425),
    "X86_64": (0.04048, 0.004445, 0.01615, 0.001775),
}
FARGATE_SOURCE = "aws.amazon.com/fargate/pricing, as quoted by fortem.dev, June 2026"
#: Dollars a GB-hour of disk beyond the first 20 GB.
EPHEMERAL, FREE_EPHEMERAL = 0.000111, 20
EPHEMERAL_SOURCE = "aws.amazon.com/fargate/pricing, as quoted by vantage.sh, 2026"
#: Dollars an hour of a public IPv4 address.
IPV4, IPV4_SOURCE = 0.005, "AWS re:Post, since 2024-02-01"
#: Dollars an hour of a NAT gateway, of a t4g.nano, and a month of its 8 GB of gp3.
NAT_GATEWAY, NAT_GATEWAY_SOURCE = 0.045, "zacfukuda.com, 2026-06-01"
NAT_INSTANCE, NAT_DISK, NAT_INSTANCE_SOURCE = 0.0042, 0.64, "fck-nat's README, 2026-05"
#: Dollars an hour of an interface endpoint in one zone.
ENDPOINT, ENDPOINT_SOURCE = 0.01, "zacfukuda.com, 2026-06-01"
#: Dollars a month of an alarm-metric: standard, and of an alarm below 60 s; of a custom metric.
ALARM, ALARM_FAST, ALARM_SOURCE = 0.10, 0.30, "c3x.dev, 2026; a math alarm pays for each metric that it refers to"
CUSTOM, CUSTOM_SOURCE = 0.30, "signoz.io, 2026-02"
#: Dollars a million requests.
API, API_SOURCE = 3.50, "awsforengineers.com, 2025-05 (REST API)"
SQS, SQS_FIFO, SQS_SOURCE = 0.40, 0.50, "cloudburn.io, 2026-03"
SCHEDULER, SCHEDULER_SOURCE = 1.00, "cloudburn.io, 2026-03"
#: Dollars a million runs of an Express workflow, and of 100 ms of 64 MB of each at $0.06 a GB-hour.
WORKFLOW = 1.00 + 0.06 / 3600 * 0.0625 * 0.1 * MILLION
WORKFLOW_SOURCE = "aws.amazon.com/step-functions/pricing (64 MB, 100 ms each)"
#: Dollars a month of a KMS key.
KEY, KEY_SOURCE = 1.00, "aws.amazon.com/kms/pricing, as quoted by cloudburn.io, 2026"
#: Dollars a GB of log, and bytes of log of a job: the API's line and the worker's two. The bytes are assumed.
LOGS, LOG_BYTES, LOGS_SOURCE = 0.50, 1500, "factualminds.com, 2026-06; 1.5 kB a job assumed"


@dataclass(frozen=True, kw_only=True)
class Use:
    """What is paid for by use."""

    task_seconds: float = 0.0
    spot_seconds: float = 0.0
    api: float = 0.0
    sqs: float = 0.0
    schedules: float = 0.0
    workflows: float = 0.0

    def __add__(self, other: "Use") -> "Use":
        return Use(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    def __mul__(self, factor: float) -> "Use":
        return Use(**{name: value * factor for name, value in vars(self).items()})


def monthly(outcome: Outcome, setup: Setup, load: Load) -> Bill:
    """The bill of an idle month, and of one in which the load comes each `load.every` seconds.

    Idle is what is left at the end of the run, if that came to rest: some recipes never go back to their minimum.
    """
    resting = outcome.running[-1][1]
    rest = at_rest(setup, resting)
    period = max(load.every, outcome.until)
    used = Use(
        task_seconds=outcome.task_seconds,
        spot_seconds=outcome.spot_seconds,
        api=outcome.requests.api,
        sqs=outcome.requests.sqs,
        schedules=outcome.requests.schedules,
        workflows=outcome.requests.workflows,
    )
    loaded = (used + rest * (period - outcome.until)) * (MONTH / period)
    return Bill(idle=tuple(_parts(setup, rest * MONTH)), load=tuple(_parts(setup, loaded)))


def at_rest(setup: Setup, tasks: int) -> Use:
    """What a second costs in which so many tasks poll and nothing comes."""
    wake, poller = setup.wake, setup.poller
    watched = 1 / 60 if wake.watches else 0.0
    touched = 1 / 3600 if wake.keep_alive and not wake.watches else 0.0
    polled = 1 / poller.interval if poller else 0.0
    return Use(
        task_seconds=tasks,
        spot_seconds=tasks * setup.task.spot_weight / 100,
        sqs=tasks / setup.worker.wait + watched + touched + polled,
        schedules=watched + touched,
        workflows=watched,
    )


def a_million(setup: Setup) -> tuple[Part, ...]:
    """What a million jobs cost on their way into the queue: API requests, sends and, with `direct`, a workflow each."""
    sent = Use(api=MILLION, sqs=MILLION, workflows=MILLION if setup.wake.direct else 0.0)
    return tuple(part for part in _requests(setup, sent) if part.dollars > 0 and part.name != "Logs")


def _parts(setup: Setup, use: Use) -> Iterator[Part]:
    """The lines that are not nothing."""
    for part in (*_tasks(setup, use), *_network(setup), *_monthly(setup), *_requests(setup, use)):
        if part.dollars > 0:
            yield part


def _part(name: str, dollars: float, source: str) -> Part:
    return Part(name=name, dollars=dollars, source=source)


def _tasks(setup: Setup, use: Use) -> Iterator[Part]:
    task = setup.task
    vcpu, memory, spot_vcpu, spot_memory = FARGATE[task.architecture]
    vcpus, gigabytes = task.cpu / 1024, task.memory / 1024
    hours, spot = (use.task_seconds - use.spot_seconds) / 3600, use.spot_seconds / 3600
    yield _part("Fargate", hours * (vcpus * vcpu + gigabytes * memory), FARGATE_SOURCE)
    yield _part("Fargate Spot", spot * (vcpus * spot_vcpu + gigabytes * spot_memory), FARGATE_SOURCE)
    disk = max(0.0, task.ephemeral - FREE_EPHEMERAL)
    yield _part("Task disk", (hours + spot) * disk * EPHEMERAL, EPHEMERAL_SOURCE)
    if setup.network.public_ip:
        yield _part("Tasks' public addresses", (hours + spot) * IPV4, IPV4_SOURCE)


def _network(setup: Setup) -> Iterator[Part]:
    network = setup.network
    match network.nat:
        case "instance":
            yield _part("NAT instance", HOURS * NAT_INSTANCE + NAT_DISK, NAT_INSTANCE_SOURCE)
            yield _part("NAT's public address", HOURS * IPV4, IPV4_SOURCE)
        case "gateway" | "gateway_per_az":
            number = 1 if network.nat == "gateway" else network.zones
            yield _part("NAT gateway", number * HOURS * NAT_GATEWAY, NAT_GATEWAY_SOURCE)
            yield _part("NAT's public address", number * HOURS * IPV4, IPV4_SOURCE)
    yield _part("Interface endpoints", network.endpoints * network.zones * HOURS * ENDPOINT, ENDPOINT_SOURCE)


def _monthly(setup: Setup) -> Iterator[Part]:
    yield _part(
        "Scaling alarms", setup.alarm_metrics * ALARM + setup.high_resolution_metrics * ALARM_FAST, ALARM_SOURCE
    )
    yield _part("KMS key", KEY if setup.queue.own_key else 0.0, KEY_SOURCE)
    yield _part("Custom metrics", setup.custom_metrics * CUSTOM, CUSTOM_SOURCE)


def _requests(setup: Setup, use: Use) -> Iterator[Part]:
    yield _part("API requests", use.api * API / MILLION, API_SOURCE)
    yield _part("SQS requests", use.sqs * (SQS_FIFO if setup.queue.fifo else SQS) / MILLION, SQS_SOURCE)
    yield _part("Schedules", use.schedules * SCHEDULER / MILLION, SCHEDULER_SOURCE)
    yield _part("Workflows", use.workflows * WORKFLOW / MILLION, WORKFLOW_SOURCE)
    yield _part("Logs", use.api * LOG_BYTES * LOGS / 1e9, LOGS_SOURCE)
