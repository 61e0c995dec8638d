"""How AWS behaves: the delays and limits that a forecast assumes, each with its unit and source.

Each can be replaced: `Assumptions(publish=Constant(10))`. "Measured" means that a published measurement exists.
"Assumed" means that none was found: the value is a guess, and it changes a forecast little.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from types import MappingProxyType

from ebb.forecast.durations import HOUR, MINUTE
from settings.limits import LAUNCHES_A_MINUTE

#: Draws one value.
Distribution = Callable[[Random], float]


@dataclass(frozen=True)
class Constant:
    """Always the same value."""

    value: float

    def __call__(self, _: Random) -> float:
        """The value."""
        return self.value


@dataclass(frozen=True)
class Uniform:
    """Each value between two limits is equally likely."""

    low: float
    high: float

    def __call__(self, random: Random) -> float:
        """One value."""
        return self.low + (self.high - self.low) * random.random()


@dataclass(frozen=True)
class LogNormal:
    """The logarithm is normally distributed: half of the values are below `median`."""

    median: float
    sigma: float

    def __call__(self, random: Random) -> float:
        """One value."""
        return self.median * math.exp(random.gauss(0.0, self.sigma))


@dataclass(frozen=True)
class Exponential:
    """The time to the next of independent events."""

    mean: float

    def __call__(self, random: Random) -> float:
        """One value."""
        return random.expovariate(1 / self.mean)


#: Seconds from a change of the desired count to the task's first receive on Fargate, by scenario.Start.
#: Measured: AWS found 23 s (blog of 2026 on high-resolution metrics, 386 - 363 s), V. Ionescu 30 s ("Scaling containers
#: on AWS in 2022") and elasticscale 53 to 62 s. "measured" lies between them, "small" and "large" are the two ends.
STARTS: Mapping[str, Distribution] = MappingProxyType(
    {"measured": LogNormal(33, 0.25), "small": LogNormal(23, 0.15), "large": LogNormal(57, 0.08)}
)


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """AWS's delays and limits; times in seconds."""

    #: SQS metrics "are pushed at 1-minute intervals" (SQS guide, monitoring-using-cloudwatch). The second of the minute
    #: is not documented, neither for SQS nor for ECS.
    sample: float = MINUTE
    sample_phase: Distribution = Uniform(0, MINUTE)
    #: From a sample of the queue to its data point in CloudWatch. Fits one measurement: two publishes of an active
    #: queue took 91 s (LocalStack's AWS-validated test_aws_sqs_metrics_created, 2026-02-26).
    publish: Distribution = Uniform(8, 40)
    #: "CloudWatch considers a queue to be active for up to six hours if it contains any messages or if any action
    #: accesses it" (the same page). Read as: while it has messages, and for six hours after the last action.
    dormancy: float = 6 * HOUR
    #: "There is a delay of up to 15 minutes when a queue is activated from an inactive state" (the same page).
    resume: Distribution = Uniform(0, 15 * MINUTE)
    #: From a sample of the service to its data point, for 60 s metrics. Fits one measurement: target tracking took
    #: 363 s to act (AWS containers blog, 2026).
    ecs_delay: Distribution = Uniform(100, 140)
    #: The same for 20 s metrics: 86 s (the same post).
    ecs_delay_fast: Distribution = Uniform(5, 15)
    #: From a run of a baseline's Lambda function to its data point. Assumed.
    custom_delay: Distribution = Uniform(2, 8)
    #: The second of the minute at which an alarm is evaluated, fixed for each alarm. "CloudWatch evaluates the alarm
    #: every minute."
    alarm_phase: Distribution = Uniform(0, MINUTE)
    #: Whether the cooldown of a scale-out delays another policy's scale-in. containers-roadmap#2135 reports that it
    #: does not.
    out_blocks_in: bool = False
    #: From an alarm's evaluation to UpdateService. Assumed.
    reaction: Distribution = Uniform(1, 5)
    #: From the change of the desired count to the first receive, by scenario.Start.
    starts: Mapping[str, Distribution] = field(default_factory=lambda: STARTS)
    #: The share of that start that is billed, from "the time you start to download your image" (Fargate pricing).
    #: Assumed.
    billed_share: float = 0.55
    #: Minimum of the billed seconds (Fargate pricing).
    min_billed: float = MINUTE
    #: Tasks that start at once, and per second, in an account (Fargate quotas, "throttling").
    launch_burst: int = 100
    launch_rate: float = 20
    #: Tasks that one service starts within a minute.
    launches_a_minute: int = LAUNCHES_A_MINUTE
    #: Availability zones of the service.
    zones: int = 2
    #: A call of the task protection endpoint. Assumed.
    protect: Distribution = Uniform(0.05, 0.4)
    #: The part of its minute or hour at which a schedule runs: rate(…) counts from the schedule's creation.
    schedule_phase: Distribution = Uniform(0, 1)
    #: Any other call of a worker. Assumed.
    call: Distribution = Uniform(0.01, 0.1)
    #: From the time of a scheduled action to its execution. One sample: 16.5 s (scheduled action of 06:00:00 that began
    #: at 06:00:16.5, a blog of 2021). Assumed.
    scheduled: Distribution = Uniform(1, 30)
    #: Age of SQS's counts in GetQueueAttributes. Assumed: usually a second. AWS names a limit: they "may not achieve
    #: consistency until at least 1 minute after the producers stop sending messages" (API, GetQueueAttributes).
    count_lag: Distribution = Uniform(0, 1)
    #: From a run of the watcher, the API's workflow or a scheduled action to UpdateService: one or two calls. It
    #: includes the time in which Auto Scaling moves the capacity into its new range. Assumed.
    workflow: Distribution = Uniform(1, 5)
    #: How long a task runs that crashes before it receives: Python's start. Assumed.
    crash: Distribution = Uniform(1, 10)
    #: Time between Spot reclaims of one task. Assumed: AWS publishes no rate for Fargate Spot.
    spot_life: Distribution = Exponential(50 * HOUR)
    #: Whether protected tasks of an earlier deployment count for DEPLOYMENT_BLOCKED ("the number of protected tasks
    #: exceeds the desired count", ECS guide, task-scale-in-protection). Not documented.
    outgoing_block: bool = False
    #: When the service is deployed again, from the start of the load.
    deployments: tuple[float, ...] = ()
    #: The second of CloudWatch's minute at which a load begins whose second is not known.
    load_phase: Distribution = Uniform(0, MINUTE)
    #: Time without any job before the load starts.
    idle_before: float = 30 * MINUTE
