"""How AWS behaves: the delays and limits that a forecast assumes, each with its unit and where it comes from.

Each can be replaced: `World(publish=Constant(10))`. A "measured" value was published by somebody who measured it, an
"assumed" one was found nowhere and is a guess that the forecast depends on little.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from types import MappingProxyType

#: Draws one value.
Distribution = Callable[[Random], float]
#: The simulation's time 0, in seconds since the epoch: 2024-01-01T00:00:00Z, a Monday.
EPOCH = 1_704_067_200
HOUR, DAY = 3600, 86_400


@dataclass(frozen=True)
class Constant:
    """Always the same."""

    value: float

    def __call__(self, _: Random) -> float:
        """The value."""
        return self.value


@dataclass(frozen=True)
class Uniform:
    """Each value between two is as likely."""

    low: float
    high: float

    def __call__(self, random: Random) -> float:
        """A value."""
        return self.low + (self.high - self.low) * random.random()


@dataclass(frozen=True)
class LogNormal:
    """The logarithm is normally distributed: half of the values lie below `median`."""

    median: float
    sigma: float

    def __call__(self, random: Random) -> float:
        """A value."""
        return self.median * math.exp(random.gauss(0.0, self.sigma))


@dataclass(frozen=True)
class Exponential:
    """The time to the next of events that have no memory."""

    mean: float

    def __call__(self, random: Random) -> float:
        """A value."""
        return random.expovariate(1 / self.mean)


#: Seconds from a change of the desired count to the task's first receive on Fargate, by setup.Start.
#: "measured": between what AWS (23 s, blog of 2026 on high-resolution metrics, 386 - 363 s), V. Ionescu (30 s, "Scaling
#: containers on AWS in 2022") and elasticscale (53-62 s) found; the other two are the ends of that.
STARTS: Mapping[str, Distribution] = MappingProxyType(
    {"measured": LogNormal(33, 0.25), "small": LogNormal(23, 0.15), "large": LogNormal(57, 0.08)}
)


@dataclass(frozen=True, kw_only=True)
class World:
    """AWS's delays and limits; times in seconds."""

    #: SQS metrics "are pushed at 1-minute intervals" (SQS guide, monitoring-using-cloudwatch); when in a minute is not
    #: told, and neither is it of ECS's metrics.
    sample: float = 60
    sample_phase: Distribution = Uniform(0, 60)
    #: From a sample of the queue to its data point in CloudWatch. Calibrated to one measurement: two publishes in a row
    #: of an active queue took 91 s (LocalStack's AWS-validated test_aws_sqs_metrics_created, 2026-02-26).
    publish: Distribution = Uniform(8, 40)
    #: "CloudWatch considers a queue to be active for up to six hours if it contains any messages or if any action
    #: accesses it" (the same page); taken as: while it has messages, and for six hours from the last action.
    dormancy: float = 6 * HOUR
    #: "There is a delay of up to 15 minutes when a queue is activated from an inactive state" (the same page).
    resume: Distribution = Uniform(0, 900)
    #: From a sample of the service to its data point, 60 s metrics. Calibrated: target tracking took 363 s to act
    #: (AWS containers blog, 2026).
    ecs_delay: Distribution = Uniform(100, 140)
    #: The same for 20 s metrics: 86 s (the same post).
    ecs_delay_fast: Distribution = Uniform(5, 15)
    #: A recipe's own Lambda function: from its run to its data point. Assumed.
    custom_delay: Distribution = Uniform(2, 8)
    #: When in a minute an alarm is evaluated, fixed for each: "CloudWatch evaluates the alarm every minute".
    alarm_phase: Distribution = Uniform(0, 60)
    #: Whether a scale-out's cooldown holds back another policy's scale-in; containers-roadmap#2135 reports that not.
    out_blocks_in: bool = False
    #: From an alarm's evaluation to UpdateService. Assumed.
    reaction: Distribution = Uniform(1, 5)
    #: By setup.Start: seconds from the change of the desired count to the first receive.
    starts: Mapping[str, Distribution] = field(default_factory=lambda: STARTS)
    #: Of that start, the share that is billed, from "the time you start to download your image" (Fargate pricing).
    #: Assumed.
    billed_share: float = 0.55
    #: Seconds that are billed at the least (Fargate pricing).
    billed_least: float = 60
    #: Tasks launched at once, and in a second (Fargate quotas, "throttling").
    launch_burst: int = 100
    launch_rate: float = 20
    #: Availability zones of the service.
    zones: int = 2
    #: A call of the task protection endpoint. Assumed.
    protect: Distribution = Uniform(0.05, 0.4)
    #: When in its minute or hour a schedule runs, as a share of it: rate(…) counts from when it was made.
    schedule_phase: Distribution = Uniform(0, 1)
    #: Any other call of a worker. Assumed.
    call: Distribution = Uniform(0.01, 0.1)
    #: From a run of the watcher, the API's workflow or a scheduled action to UpdateService: a call or two, and what
    #: Auto Scaling takes to move capacity into a new range. Assumed.
    workflow: Distribution = Uniform(1, 5)
    #: Time between Spot reclaims of one task. Assumed: AWS publishes no rate for Fargate Spot.
    spot_life: Distribution = Exponential(50 * HOUR)
    #: Whether protected tasks of an earlier deployment count among those that DEPLOYMENT_BLOCKED is about ("the number
    #: of protected tasks exceeds the desired count", ECS guide, task-scale-in-protection): not documented.
    outgoing_block: bool = False
    #: When the service is deployed anew, seconds from the load's beginning.
    deployments: tuple[float, ...] = ()
    #: Seconds for which nothing happened before the load begins.
    idle_before: float = 1800
