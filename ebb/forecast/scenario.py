"""What a forecast simulates: a queue, a worker, a task and the rules that scale it, as plain data. Times in seconds."""

from dataclasses import dataclass, field
from typing import Literal

from ebb.forecast.durations import DAY, MINUTE
from ebb.scaling.alarms import Alarm, Metric, Query
from ebb.scaling.policies import Step, StepPolicy
from ebb.scaling.schedules import Schedule, ScheduledAction
from ebb.scaling.tracking import TargetTracking
from policy import hours, plan
from settings import Scaling, Settings, limits

Nat = Literal["none", "instance", "gateway", "gateway_per_az"]
Architecture = Literal["ARM64", "X86_64"]
#: The distribution of a task's start time; see STARTS in ebb/forecast/model/assumptions.py.
Start = Literal["measured", "small", "large"]
#: Dimensions of the one queue and the one service of a forecast.
QUEUE = (("QueueName", "jobs"),)
SERVICE = (("ClusterName", "jobs"), ("ServiceName", "jobs"))
#: Seconds: the worker receives with at least this visibility timeout (worker/config.py).
MIN_VISIBILITY_SECONDS = 30
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
    """

    interval: float = 30
    messages_per_task: float = 5
    in_flight: bool = True
    cooldown: float = 300
    window: float = 300


@dataclass(frozen=True, kw_only=True)
class QueueSetup:
    """The job queue's attributes; `own_key`: the stack creates a KMS key for it."""

    visibility_timeout: float = 300
    max_receive_count: int = 5
    fifo: bool = False
    retention: float = 4 * DAY
    own_key: bool = False


@dataclass(frozen=True, kw_only=True)
class WorkerSetup:
    """What a task does with messages.

    `protection`: it asks for ECS task protection before a job. `heartbeat`: it extends the visibility timeout while a
    job runs, up to SQS's 12 hours. `gives_back`: on SIGTERM it returns the jobs that it cannot finish to the queue at
    once. A failed job returns after a random part of `backoff_base`, doubled at each attempt up to `backoff_cap`.
    Without `gives_back` a message returns when its visibility timeout ends. `wait`: seconds of a long poll.
    """

    concurrency: int = 1
    stop_timeout: float = 120
    grace: float = limits.GRACE_SECONDS
    backoff_base: float = 10
    backoff_cap: float = 900
    protection: bool = True
    heartbeat: bool = True
    gives_back: bool = True
    job_timeout: float | None = None
    wait: float = limits.MAX_RECEIVE_WAIT_SECONDS

    @property
    def drain(self) -> float:
        """Seconds that a job may continue after SIGTERM."""
        return limits.drain(self.stop_timeout, self.grace) if self.gives_back else self.stop_timeout


@dataclass(frozen=True, kw_only=True)
class TaskSetup:
    """A Fargate task: `cpu` in units (1024 are a vCPU), `memory` in MiB, `ephemeral` in GiB of disk.

    `spot_weight`: per cent of the tasks on Fargate Spot. `busy_cpu` and `idle_cpu`: CPUUtilization in per cent while it
    works and while it polls. `pull`: seconds in which one task pulls its image through a path that all tasks share.
    """

    cpu: int = 256
    memory: int = 512
    architecture: Architecture = "ARM64"
    spot_weight: int = 0
    ephemeral: float = FREE_DISK_GIB
    busy_cpu: float = 60
    idle_cpu: float = 0.6
    pull: float = 0


@dataclass(frozen=True, kw_only=True)
class NetworkSetup:
    """The parts of the network that cost money; `zones`: availability zones with endpoints."""

    nat: Nat = "none"
    endpoints: int = 0
    zones: int = 2
    public_ip: bool = True


@dataclass(frozen=True, kw_only=True)
class WakeSetup:
    """What keeps the queue's metrics active and starts the first task, as well as the alarms (components/wake.py).

    `keep_alive`: a call to the queue each hour. `watch`: each minute a workflow reads the queue and registers a minimum
    of 1 while messages wait or are in flight. `direct`: so does the API's request; includes `watch`. `warm_hours`:
    scheduled actions that change the minimum.
    """

    keep_alive: bool = True
    watch: bool = False
    direct: bool = False
    warm_hours: tuple[ScheduledAction, ...] = ()

    @property
    def watches(self) -> bool:
        """Whether the watcher runs."""
        return self.watch or self.direct


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """All that a forecast depends on, except the load and the assumptions about AWS.

    `custom_metrics`: custom metrics that a baseline publishes.
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
    custom_metrics: int = 0
    start: Start = "measured"

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


def from_settings(settings: Settings, name: str = "stack") -> Scenario:
    """The scenario that these settings deploy."""
    deployed = plan.plan(settings)
    worker, network, queue = settings.worker, settings.network, settings.queue
    visibility = min(limits.MAX_LEASE_SECONDS, max(MIN_VISIBILITY_SECONDS, queue.visibility_timeout))
    # the same formula as in worker/config.py
    wait = min(
        limits.MAX_RECEIVE_WAIT_SECONDS, max(1, int(limits.drain(worker.stop_timeout, worker.grace))), visibility // 3
    )
    existing_vpc = network.vpc_id is not None
    return Scenario(
        name=name,
        minimum=deployed.minimum,
        maximum=deployed.maximum,
        rules=rules(deployed),
        queue=QueueSetup(
            visibility_timeout=visibility,
            max_receive_count=queue.max_receive_count,
            fifo=queue.fifo,
            retention=queue.retention_days * DAY,
            own_key=queue.kms == "new",
        ),
        worker=WorkerSetup(
            concurrency=worker.concurrency,
            stop_timeout=worker.stop_timeout,
            grace=worker.grace,
            backoff_base=worker.backoff_base,
            backoff_cap=worker.backoff_cap,
            protection=worker.protection,
            job_timeout=worker.job_timeout,
            wait=wait,
        ),
        task=TaskSetup(
            cpu=worker.cpu,
            memory=worker.memory,
            architecture=worker.architecture,
            spot_weight=worker.spot_weight,
            ephemeral=worker.ephemeral_storage or FREE_DISK_GIB,
        ),
        network=NetworkSetup(
            nat="none" if existing_vpc else network.nat,
            endpoints=0 if existing_vpc else len(network.endpoints),
            public_ip=network.public_tasks,
        ),
        wake=WakeSetup(
            keep_alive=settings.scaling.keeps_alive,
            watch=settings.scaling.watch,
            direct=settings.scaling.direct,
            warm_hours=warm_hours(settings.scaling),
        ),
    )


def warm_hours(scaling: Scaling) -> tuple[ScheduledAction, ...]:
    """The scheduled actions that these settings deploy."""
    return tuple(
        ScheduledAction(
            name=moments.cron,
            schedule=Schedule(expression=moments.cron, timezone=scaling.timezone),
            minimum=moments.minimum,
        )
        for moments in hours.changes(scaling)
    )


def rules(planned: plan.Plan) -> tuple[Rule, ...]:
    """The plan's rules, in the types of the scaling model."""
    return tuple(_rule(rule) for rule in planned.rules)


def _rule(planned: plan.Rule) -> Rule:
    alarm, policy = planned.alarm, planned.policy
    queries = [
        Query(id=each.id, source=messages(each.name, each.statistic) if each.of == "queue" else cpu(each.statistic))
        for each in alarm.metrics
    ]
    watched = queries[0].id
    if alarm.expression is not None:
        watched = "e"
        queries.append(Query(id=watched, source=alarm.expression))
    return Rule(
        alarm=Alarm(
            name=planned.role,
            period=alarm.period,
            evaluation_periods=alarm.evaluation_periods,
            datapoints_to_alarm=alarm.datapoints_to_alarm,
            threshold=alarm.threshold,
            comparison=alarm.comparison,
            missing=alarm.missing,
            queries=tuple(queries),
            watched=watched,
        ),
        policy=StepPolicy(
            name=planned.role,
            adjustment_type=policy.adjustment_type,
            steps=tuple(Step(each.lower, each.upper, each.change) for each in policy.steps),
            cooldown=policy.cooldown,
            aggregation=policy.aggregation,
        ),
    )
