"""What a month costs: US dollars in us-east-1, list prices without any free tier, each with its source and date.

Not included: the operators' alarms and dashboard, metrics that jobs write, the image in ECR ($0.10 per GB), and data
through a NAT gateway ($0.045 per GB). What the jobs themselves use is not included either.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ebb.forecast.durations import HOUR, MINUTE
from ebb.forecast.model.outcome import Outcome
from ebb.forecast.scenario import FREE_DISK_GIB, Architecture, Scenario
from ebb.forecast.workloads import Load

MONTH_HOURS = 730
MONTH = MONTH_HOURS * HOUR  # seconds
MILLION = 1e6
#: Bytes of log of one job: a line of the API and two of the worker. Assumed.
LOG_BYTES_PER_JOB = 1500


@dataclass(frozen=True)
class Price:
    """US dollars for one unit, and where the price was read."""

    dollars: float
    source: str


@dataclass(frozen=True, kw_only=True)
class FargatePrices:
    """US dollars for an hour of a vCPU and of a GB of memory, on demand and on Spot."""

    vcpu: float
    memory: float
    spot_vcpu: float
    spot_memory: float


#: Spot prices are "dynamic", 50 to 70 % lower: the middle is taken.
FARGATE: dict[Architecture, FargatePrices] = {
    "ARM64": FargatePrices(vcpu=0.03238, memory=0.00356, spot_vcpu=0.01295, spot_memory=0.001425),
    "X86_64": FargatePrices(vcpu=0.04048, memory=0.004445, spot_vcpu=0.01615, spot_memory=0.001775),
}
FARGATE_SOURCE = "aws.amazon.com/fargate/pricing, as quoted by fortem.dev, June 2026"
DISK_GB_HOUR = Price(0.000111, "aws.amazon.com/fargate/pricing, as quoted by vantage.sh, 2026")
PUBLIC_IPV4_HOUR = Price(0.005, "AWS re:Post, since 2024-02-01")
NAT_GATEWAY_HOUR = Price(0.045, "zacfukuda.com, 2026-06-01")
#: A t4g.nano with 8 GB of gp3.
NAT_INSTANCE_MONTH = Price(MONTH_HOURS * 0.0042 + 0.64, "fck-nat's README, 2026-05")
#: In one availability zone.
ENDPOINT_HOUR = Price(0.01, "zacfukuda.com, 2026-06-01")
#: One metric of an alarm with a period of at least 60 s, and of one with a shorter period.
ALARM_METRIC_MONTH = Price(0.10, "c3x.dev, 2026; a math alarm pays for each metric that it refers to")
FAST_ALARM_METRIC_MONTH = Price(0.30, ALARM_METRIC_MONTH.source)
CUSTOM_METRIC_MONTH = Price(0.30, "signoz.io, 2026-02")
KEY_MONTH = Price(1.00, "aws.amazon.com/kms/pricing, as quoted by cloudburn.io, 2026")
API_MILLION = Price(3.50, "awsforengineers.com, 2025-05 (REST API)")
SQS_MILLION = Price(0.40, "cloudburn.io, 2026-03")
SQS_FIFO_MILLION = Price(0.50, SQS_MILLION.source)
SCHEDULES_MILLION = Price(1.00, "cloudburn.io, 2026-03")
#: Express workflows: $1.00 for the runs, and 100 ms of 64 MB each at $0.06 per GB-hour.
WORKFLOWS_MILLION = Price(
    1.00 + 0.06 / HOUR * 0.0625 * 0.1 * MILLION, "aws.amazon.com/step-functions/pricing (64 MB, 100 ms each)"
)
LOG_GB = Price(0.50, "factualminds.com, 2026-06; 1.5 kB a job assumed")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One line of a bill, in US dollars for a month of 730 hours; `source` says where the price was read."""

    name: str
    dollars: float
    source: str


@dataclass(frozen=True, kw_only=True)
class Bill:
    """The cost of a month without any job, and of a month in which the load repeats."""

    idle: tuple[Part, ...]
    load: tuple[Part, ...]

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
    """What is paid by use: seconds of tasks (those on Spot again separately), and requests."""

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


def monthly(outcome: Outcome, scenario: Scenario, load: Load) -> Bill:
    """The bill of an idle month, and of a month in which the load repeats each `load.every` seconds.

    An idle service keeps the tasks that run at the end of the simulation: some baselines never scale in.
    """
    rest = at_rest(scenario, tasks=outcome.running[-1][1])
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
    return Bill(idle=tuple(_parts(scenario, rest * MONTH)), load=tuple(_parts(scenario, loaded)))


def at_rest(scenario: Scenario, tasks: int) -> Use:
    """The use of one second in which this number of tasks polls and no job arrives."""
    wake, poller = scenario.wake, scenario.poller
    watched = 1 / MINUTE if wake.watches else 0.0
    touched = 1 / HOUR if wake.keep_alive and not wake.watches else 0.0
    polled = 1 / poller.interval if poller else 0.0
    return Use(
        task_seconds=tasks,
        spot_seconds=tasks * scenario.task.spot_weight / 100,
        sqs=tasks / scenario.worker.wait + watched + touched + polled,
        schedules=watched + touched,
        workflows=watched,
    )


def a_million(scenario: Scenario) -> tuple[Part, ...]:
    """The cost of sending a million jobs: API requests, SQS requests and, with `direct`, a workflow each."""
    sent = Use(api=MILLION, sqs=MILLION, workflows=MILLION if scenario.wake.direct else 0.0)
    return tuple(part for part in _requests(scenario, sent) if part.dollars > 0 and part.name != "Logs")


def _parts(scenario: Scenario, use: Use) -> Iterator[Part]:
    """The lines that are above 0."""
    for part in (*_tasks(scenario, use), *_network(scenario), *_fixed(scenario), *_requests(scenario, use)):
        if part.dollars > 0:
            yield part


def _part(name: str, quantity: float, price: Price) -> Part:
    return Part(name=name, dollars=quantity * price.dollars, source=price.source)


def _tasks(scenario: Scenario, use: Use) -> Iterator[Part]:
    task, prices = scenario.task, FARGATE[scenario.task.architecture]
    vcpus, gigabytes = task.cpu / 1024, task.memory / 1024
    hours, spot = (use.task_seconds - use.spot_seconds) / HOUR, use.spot_seconds / HOUR
    on_demand_hour = Price(vcpus * prices.vcpu + gigabytes * prices.memory, FARGATE_SOURCE)
    spot_hour = Price(vcpus * prices.spot_vcpu + gigabytes * prices.spot_memory, FARGATE_SOURCE)
    yield _part("Fargate", hours, on_demand_hour)
    yield _part("Fargate Spot", spot, spot_hour)
    disk = max(0.0, task.ephemeral - FREE_DISK_GIB)
    yield _part("Task disk", (hours + spot) * disk, DISK_GB_HOUR)
    if scenario.network.public_ip:
        yield _part("Tasks' public addresses", hours + spot, PUBLIC_IPV4_HOUR)


def _network(scenario: Scenario) -> Iterator[Part]:
    network = scenario.network
    match network.nat:
        case "instance":
            yield _part("NAT instance", 1, NAT_INSTANCE_MONTH)
            yield _part("NAT's public address", MONTH_HOURS, PUBLIC_IPV4_HOUR)
        case "gateway" | "gateway_per_az":
            number = 1 if network.nat == "gateway" else network.zones
            yield _part("NAT gateway", number * MONTH_HOURS, NAT_GATEWAY_HOUR)
            yield _part("NAT's public address", number * MONTH_HOURS, PUBLIC_IPV4_HOUR)
    yield _part("Interface endpoints", network.endpoints * network.zones * MONTH_HOURS, ENDPOINT_HOUR)


def _fixed(scenario: Scenario) -> Iterator[Part]:
    standard = _part("Scaling alarms", scenario.alarm_metrics, ALARM_METRIC_MONTH)
    fast = _part("Scaling alarms", scenario.fast_alarm_metrics, FAST_ALARM_METRIC_MONTH)
    yield Part(name=standard.name, dollars=standard.dollars + fast.dollars, source=standard.source)
    yield _part("KMS key", int(scenario.queue.own_key), KEY_MONTH)
    yield _part("Custom metrics", scenario.custom_metrics, CUSTOM_METRIC_MONTH)


def _requests(scenario: Scenario, use: Use) -> Iterator[Part]:
    sqs = SQS_FIFO_MILLION if scenario.queue.fifo else SQS_MILLION
    yield _part("API requests", use.api / MILLION, API_MILLION)
    yield _part("SQS requests", use.sqs / MILLION, sqs)
    yield _part("Schedules", use.schedules / MILLION, SCHEDULES_MILLION)
    yield _part("Workflows", use.workflows / MILLION, WORKFLOWS_MILLION)
    yield _part("Logs", use.api * LOG_BYTES_PER_JOB / 1e9, LOG_GB)
