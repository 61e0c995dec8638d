"""What a forecast simulates: a queue, a worker, a task and the rules that scale it, as plain data. Times in seconds."""

import math
from dataclasses import dataclass, field
from typing import Literal

from ebb.forecast.durations import DAY, MINUTE
from ebb.scaling.alarms import Alarm, Metric
from ebb.scaling.policies import StepPolicy
from ebb.scaling.schedules import Schedule, ScheduledAction
from ebb.scaling.tracking import TargetTracking
from policy.sizing import Sizing
from settings import limits

Nat = Literal["none", "instance", "gateway", "gateway_per_az"]
Architecture = Literal["ARM64", "X86_64"]
#: The distribution of a task's start time; see STARTS in ebb/forecast/model/assumptions.py.
Start = Literal["measured", "small", "large"]
#: Dimensions of the one queue and the one service of a forecast.
QUEUE = (("QueueName", "jobs"),)
SERVICE = (("ClusterName", "jobs"), ("ServiceName", "jobs"))
#: GiB of disk that each Fargate task has without extra cost (Fargate pricing).
FREE_DISK_GIB = 20


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An alarm and the policy that it invokes; a target tracking policy has a rule for each of its two alarms."""

    alarm: Alarm
    policy: StepPolicy | TargetTracking


def tracked(policy: TargetTracking) -> tuple[Rule, ...]:
    """The rules of a target tracking policy: its two alarms, or one if it never scales in."""
    return tuple(Rule(alarm=alarm, policy=policy) for alarm in policy.alarms)


@dataclass(frozen=True, kw_only=True)
class Poller:
    """A scaler outside AWS that reads the queue's attributes: KEDA, or a Lambda function.

    It wants ceil(messages / messages_per_task) tasks. Before it removes tasks it takes the maximum that it wanted in
    the last `window` seconds (Kubernetes' scale-down stabilisation). It removes the last task after `cooldown` seconds
    without a message. Sources: KEDA's aws_sqs_queue_scaler.go, withtriggers_types.go (30 s), scale_executor.go (300 s).

    `growth`: in each minute it adds so many tasks, or doubles them if that is more (Kubernetes API,
    HorizontalPodAutoscalerBehavior, scaleUp). `first`: KEDA itself starts the first task, before this limit counts.
    `removes`: otherwise each task ends after its job.
    """

    interval: float = 30
    messages_per_task: float = 5
    in_flight: bool = True
    cooldown: float = 300
    window: float = 300
    growth: int | None = 4
    first: int | None = 1
    removes: bool = True


@dataclass(frozen=True, kw_only=True)
class QueueSetup:
    """The job queue's attributes. `key`: a KMS key encrypts it; `own_key`: the stack creates that key."""

    visibility_timeout: float = 300
    max_receive_count: int = 5
    fifo: bool = False
    retention: float = 4 * DAY
    key: bool = False
    own_key: bool = False


@dataclass(frozen=True, kw_only=True)
class WorkerSetup:
    """What a task does with messages.

    `protection`: it asks for ECS task protection before a job. `heartbeat`: it extends the visibility timeout while a
    job runs, up to SQS's 12 hours. `gives_back`: on SIGTERM it returns the jobs that it cannot finish to the queue at
    once. A failed job returns after a random part of `backoff_base`, doubled at each attempt up to `backoff_cap`.
    Without `gives_back` a message returns when its visibility timeout ends. `wait`: seconds of a long poll.
    `metrics`: it writes metrics to its log, which is kept for `log_days`. `keep_days`: days that a table of jobs keeps
    an item; 0 without a table. `events`: it sends an event at each job's end. `insights`: Container Insights.
    """

    concurrency: int = 1
    stop_timeout: float = 120
    grace: float = limits.GRACE_SECONDS
    backoff_base: float = 10
    backoff_cap: float = 900
    protection: bool = True
    heartbeat: bool = True
    gives_back: bool = True
    one_job: bool = False
    job_timeout: float | None = None
    wait: float = limits.MAX_RECEIVE_WAIT_SECONDS
    metrics: bool = False
    log_days: int = 30
    keep_days: int = 0
    events: bool = False
    insights: bool = False

    @property
    def drain(self) -> float:
        """Seconds that a job may continue after SIGTERM."""
        return limits.drain(self.stop_timeout, self.grace) if self.gives_back else self.stop_timeout


@dataclass(frozen=True, kw_only=True)
class TaskSetup:
    """A Fargate task: `cpu` in units (1024 are a vCPU), `memory` in MiB, `ephemeral` in GiB of disk.

    `spot_weight`: per cent of the tasks on Fargate Spot. `busy_cpu` and `idle_cpu`: CPUUtilization in per cent while it
    works and while it polls. `image`: MB of the image. `pull`: seconds in which one task pulls its image alone,
    through a path that all tasks share or through its own.
    """

    cpu: int = 256
    memory: int = 512
    architecture: Architecture = "ARM64"
    spot_weight: int = 0
    ephemeral: float = FREE_DISK_GIB
    busy_cpu: float = 60
    idle_cpu: float = 0.6
    image: float = 0
    pull: float = 0
    shared_path: bool = True


@dataclass(frozen=True, kw_only=True)
class NetworkSetup:
    """The parts of the network that cost money; `zones`: availability zones with endpoints.

    `flow_log_days`: days that a flow log is kept; 0 without one.
    """

    nat: Nat = "none"
    nat_type: str = "t4g.nano"
    endpoints: int = 0
    zones: int = 2
    public_ip: bool = True
    flow_log_days: int = 0


@dataclass(frozen=True, kw_only=True)
class ApiSetup:
    """The API in front of the queue. `tracing`: X-Ray. `rate` and `burst`: its token bucket, in requests.

    `daily_quota`: requests that it accepts a day from each API key; None for any number. `webhook`: it reports the end
    of each job. Without it callers ask.
    """

    tracing: bool = False
    firewall: bool = False
    log_days: int = 30
    rate: float = math.inf
    burst: float = math.inf
    daily_quota: int | None = None
    webhook: bool = False


@dataclass(frozen=True, kw_only=True)
class WakeSetup:
    """What keeps the queue's metrics active and starts the first task, as well as the alarms (components/wake.py).

    `keep_alive`: a call to the queue each hour. `watch`: each minute a workflow reads the queue and registers as the
    minimum what `tasks` calculates. `direct`: so does the API's request while no job runs; includes `watch`.
    `warm_hours`: scheduled actions that change the minimum.
    """

    keep_alive: bool = True
    watch: bool = False
    direct: bool = False
    tasks: Sizing = field(default_factory=lambda: Sizing(share=None, concurrency=1, maximum=1))
    warm_hours: tuple[ScheduledAction, ...] = ()

    @property
    def watches(self) -> bool:
        """Whether the watcher runs."""
        return self.watch or self.direct


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """All that a forecast depends on, except the load and the assumptions about AWS.

    `custom_metrics`: custom metrics that a baseline publishes. `operator_alarm_metrics`: metrics of the operators'
    alarms. `builds_image`: the stack keeps its image in ECR. `unpriced`: what the stack has and the bill lacks.
    `seconds_per_job`: the duration from which the rules were made; None if they do not depend on it.
    `max_body`: bytes of the longest body that the API and the worker accept. `recurring`: when a schedule sends a job.
    """

    name: str
    minimum: int = 0
    maximum: int = 1
    rules: tuple[Rule, ...] = ()
    poller: Poller | None = None
    queue: QueueSetup = field(default_factory=QueueSetup)
    worker: WorkerSetup = field(default_factory=WorkerSetup)
    task: TaskSetup = field(default_factory=TaskSetup)
    network: NetworkSetup = field(default_factory=NetworkSetup)
    wake: WakeSetup = field(default_factory=WakeSetup)
    api: ApiSetup = field(default_factory=ApiSetup)
    custom_metrics: int = 0
    operator_alarm_metrics: int = 0
    builds_image: bool = False
    unpriced: tuple[str, ...] = ()
    seconds_per_job: float | None = None
    max_body: float = math.inf
    start: Start = "measured"
    recurring: tuple[Schedule, ...] = ()

    @property
    def alarm_metrics(self) -> int:
        """Metrics of alarms that are billed at the standard price; a math alarm pays for each of its metrics."""
        return sum(len(rule.alarm.metrics) for rule in self.rules if rule.alarm.period >= MINUTE)

    @property
    def fast_alarm_metrics(self) -> int:
        """Metrics of alarms with periods below a minute, which cost more."""
        return sum(len(rule.alarm.metrics) for rule in self.rules if rule.alarm.period < MINUTE)


def messages(name: str, statistic: str = "Maximum") -> Metric:
    """One of the queue's metrics, such as ApproximateNumberOfMessagesVisible."""
    return Metric(namespace="AWS/SQS", name=name, dimensions=QUEUE, statistic=statistic)


def cpu(statistic: str = "Average") -> Metric:
    """The service's CPUUtilization in per cent; its SampleCount is the number of running tasks."""
    return Metric(namespace="AWS/ECS", name="CPUUtilization", dimensions=SERVICE, statistic=statistic)
