"""What is forecast: a queue, a worker, a task and the rules that scale it, as plain data. All times in seconds."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from ebb.forecast.model.assumptions import EPOCH
from ebb.scaling.alarms import Alarm, Metric, Query
from ebb.scaling.policies import Step, StepPolicy
from ebb.scaling.tracking import TargetTracking
from policy import plan
from settings import Settings
from settings import sections as settings_sections

Nat = Literal["none", "instance", "gateway", "gateway_per_az"]
Architecture = Literal["ARM64", "X86_64"]
#: How long a task takes from the change of the desired count to its first receive; see world.STARTS.
Start = Literal["measured", "small", "large"]
#: Dimensions of the forecast's one queue and one service.
QUEUE = (("QueueName", "jobs"),)
SERVICE = (("ClusterName", "jobs"), ("ServiceName", "jobs"))
#: Seconds of a receive's wait, at the most (SQS API, ReceiveMessage).
LONGEST_WAIT = 20
#: What the worker keeps of stopTimeout for giving its messages back, seconds (worker/config.py).
STOP_MARGIN = 10
#: Seconds of visibility at the least with which our worker receives (worker/config.py).
LEAST_VISIBILITY = 30
DAY = 86_400
DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An alarm and the policy that it invokes; one that tracks a target has a rule for each of its two alarms."""

    alarm: Alarm
    policy: StepPolicy | TargetTracking


def tracked(policy: TargetTracking) -> tuple[Rule, ...]:
    """The rules of a target tracking policy: its two alarms, or one if it never scales in."""
    return tuple(Rule(alarm=alarm, policy=policy) for alarm in policy.alarms)


@dataclass(frozen=True, kw_only=True)
class Poller:
    """A scaler outside AWS that reads the queue's attributes: KEDA, or a Lambda function of one's own.

    It wants ceil(messages / messages_per_task) tasks. With `window` it takes the most that it wanted in that time
    before it removes any (Kubernetes' scale-down stabilisation); to 0 it goes after `cooldown` without any message.
    Sources: KEDA's aws_sqs_queue_scaler.go, withtriggers_types.go (30 s) and scale_executor.go (300 s).
    """

    interval: float = 30
    messages_per_task: float = 5
    in_flight: bool = True
    delayed: bool = False
    cooldown: float = 300
    window: float = 300


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The job queue's attributes that matter; `own_key`: it has a customer's KMS key that is made for it."""

    visibility_timeout: float = 300
    max_receive_count: int = 5
    fifo: bool = False
    retention: float = 4 * DAY
    own_key: bool = False


@dataclass(frozen=True, kw_only=True)
class Worker:
    """What a task does with messages.

    `protection`: it asks for ECS task protection before a job. `heartbeat`: it extends the visibility while a job
    runs, which ends only with the job, its task or SQS's 12 hours. `gives_back`: on SIGTERM it makes what it cannot
    finish visible at once, and what fails visible after a random part of a pause of `backoff_base` doubled at each
    attempt, up to `backoff_cap`; without, a message comes back by its visibility timeout.
    """

    concurrency: int = 1
    stop_timeout: float = 120
    backoff_base: float = 10
    backoff_cap: float = 900
    protection: bool = True
    heartbeat: bool = True
    gives_back: bool = True
    job_timeout: float | None = None
    wait: float = LONGEST_WAIT

    @property
    def drain(self) -> float:
        """How long a job may go on after SIGTERM."""
        return self.stop_timeout - (min(STOP_MARGIN, self.stop_timeout / 2) if self.gives_back else 0)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A Fargate task: `cpu` in units (1024 are a vCPU), `memory` in MiB, `ephemeral` in GiB (20 are free).

    `spot_weight`: tasks in a hundred on Fargate Spot. `busy_cpu` and `idle_cpu`: CPUUtilization in per cent while it
    works and while it polls.
    """

    cpu: int = 256
    memory: int = 512
    architecture: Architecture = "ARM64"
    spot_weight: int = 0
    ephemeral: float = 20
    busy_cpu: float = 60
    idle_cpu: float = 0.6


@dataclass(frozen=True, kw_only=True)
class Network:
    """What of the network is paid for; `zones` is the number of availability zones with endpoints."""

    nat: Nat = "none"
    endpoints: int = 0
    zones: int = 2
    public_ip: bool = True


@dataclass(frozen=True, kw_only=True)
class WarmHours:
    """From `start` to `end` (seconds after midnight) of each of `days` (0 is Monday) the minimum is `minimum`."""

    start: float
    end: float
    minimum: int
    days: frozenset[int] = frozenset(range(7))


@dataclass(frozen=True, kw_only=True)
class Wake:
    """What keeps the queue's metrics awake, and what wakes the service beside its alarms (components/wake.py).

    `keep_alive`: an action on the queue each hour. `watch`: each minute a workflow reads the queue and registers a
    minimum of 1 while anything waits or is in flight. `direct`: the API's request does so, too, and includes `watch`.
    """

    keep_alive: bool = True
    watch: bool = False
    direct: bool = False
    warm_hours: tuple[WarmHours, ...] = ()

    @property
    def watches(self) -> bool:
        """Whether the watcher runs."""
        return self.watch or self.direct


@dataclass(frozen=True, kw_only=True)
class Setup:
    """All that a forecast depends on beside the load and the world.

    `alarm_metrics` is the number of alarm-metrics billed, `high_resolution` how many of them are below 60 s,
    `custom_metrics` how many custom metrics a recipe publishes (Container Insights counts as such).
    """

    name: str
    minimum: int = 0
    maximum: int = 1
    rules: tuple[Rule, ...] = ()
    poller: Poller | None = None
    queue: Queue = field(default_factory=Queue)
    worker: Worker = field(default_factory=Worker)
    task: Task = field(default_factory=Task)
    network: Network = field(default_factory=Network)
    wake: Wake = field(default_factory=Wake)
    custom_metrics: int = 0
    start: Start = "measured"

    @property
    def alarm_metrics(self) -> int:
        """Standard alarm-metrics: "a math alarm costs one for each metric that it refers to"."""
        return sum(len(rule.alarm.metrics) for rule in self.rules if rule.alarm.period >= 60)

    @property
    def high_resolution_metrics(self) -> int:
        """Alarm-metrics of alarms with periods below a minute."""
        return sum(len(rule.alarm.metrics) for rule in self.rules if rule.alarm.period < 60)


def messages(name: str, statistic: str = "Maximum") -> Metric:
    """One of the queue's metrics, such as ApproximateNumberOfMessagesVisible."""
    return Metric(namespace="AWS/SQS", name=name, dimensions=QUEUE, statistic=statistic)


def cpu(statistic: str = "Average") -> Metric:
    """The service's CPUUtilization in per cent; its SampleCount is the number of running tasks."""
    return Metric(namespace="AWS/ECS", name="CPUUtilization", dimensions=SERVICE, statistic=statistic)


def from_settings(settings: Settings, name: str = "stack") -> Setup:
    """The setup that these settings deploy."""
    deployed = plan.plan(settings)
    worker, network, queue = settings.worker, settings.network, settings.queue
    visibility = max(LEAST_VISIBILITY, queue.visibility_timeout)
    drain = worker.stop_timeout - min(STOP_MARGIN, worker.stop_timeout / 2)
    adopted = network.vpc_id is not None
    return Setup(
        name=name,
        minimum=deployed.minimum,
        maximum=deployed.maximum,
        rules=rules(deployed),
        queue=Queue(
            visibility_timeout=visibility,
            max_receive_count=queue.max_receive_count,
            fifo=queue.fifo,
            retention=queue.retention_days * DAY,
            own_key=queue.kms == "new",
        ),
        worker=Worker(
            concurrency=worker.concurrency,
            stop_timeout=worker.stop_timeout,
            backoff_base=worker.backoff_base,
            backoff_cap=worker.backoff_cap,
            protection=worker.protection,
            job_timeout=worker.job_timeout,
            wait=min(LONGEST_WAIT, max(1, int(drain)), visibility // 3),
        ),
        task=Task(
            cpu=worker.cpu,
            memory=worker.memory,
            architecture=worker.architecture,
            spot_weight=worker.spot_weight,
            ephemeral=worker.ephemeral_storage or 20,
        ),
        network=Network(
            nat="none" if adopted else network.nat,
            endpoints=0 if adopted else len(network.endpoints),
            public_ip=network.public_tasks,
        ),
        wake=Wake(
            keep_alive=settings.scaling.keeps_alive,
            watch=settings.scaling.watch,
            direct=settings.scaling.direct,
            warm_hours=tuple(_warm(hours, settings.scaling.timezone) for hours in settings.scaling.warm_hours),
        ),
    )


def _warm(hours: settings_sections.WarmHours, timezone: str) -> WarmHours:
    """The hours in UTC, at the offset that the time zone has when the simulation begins."""
    offset = datetime.fromtimestamp(EPOCH, ZoneInfo(timezone)).utcoffset() or timedelta()
    days_ahead, start = divmod(_seconds(hours.start) - offset.total_seconds(), DAY)
    return WarmHours(
        start=start,
        end=(_seconds(hours.stop) - offset.total_seconds()) % DAY,
        minimum=hours.min_tasks,
        days=frozenset(int(DAYS.index(day) + days_ahead) % 7 for day in hours.days),
    )


def _seconds(time: str) -> float:
    """Seconds after midnight of HH:MM."""
    hours, minutes = time.split(":")
    return 3600.0 * int(hours) + 60 * int(minutes)


def rules(planned: plan.Plan) -> tuple[Rule, ...]:
    """The plan's rules, as the model has them."""
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
