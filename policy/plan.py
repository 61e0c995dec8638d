"""What QueueScaling deploys, as plain data: the scalable target's range, alarms, and the policies that they invoke.

A forecast runs the same plan. Fields have the names and units of CloudWatch's PutMetricAlarm and Application Auto
Scaling's PutScalingPolicy.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from policy import steps as policy_steps
from settings import Scaling, Settings

#: What a service's scalable target is to Application Auto Scaling (API, RegisterScalableTarget).
SERVICE_NAMESPACE = "ecs"
SCALABLE_DIMENSION = "ecs:service:DesiredCount"
#: Seconds. SQS and ECS send metrics once a minute.
MINUTE = 60
#: Seconds after scaling out in which only a larger change acts: a task's start plus the age of the metrics (up to
#: 100 s). Otherwise a message that a task has already received would start a second task.
OUT_COOLDOWN_SECONDS = 120
#: Minutes in which jobs wait while others are running, before tasks are added. In the first of them the tasks that
#: `start` has started are still starting, or have just received their first jobs. With the watcher there is one minute
#: more, in which its task already runs a job and `start` acts on older metrics.
MORE_MINUTES = 2
MORE_MINUTES_WITH_WATCHER = 3
#: Minutes in which jobs wait before tasks are added although there is a watcher: longer than its look and their start.
FALLBACK_MINUTES = 5
#: Minutes without any message before all tasks are removed. With the watcher a start costs half as long a wait.
IDLE_MINUTES = 5
IDLE_MINUTES_WITH_WATCHER = 3
#: Surplus tasks are removed when there are this many for so many minutes.
SURPLUS_TASKS = 2
SURPLUS_MINUTES = 3
#: Seconds before more surplus tasks are removed: a task's stop plus the age of the number of tasks (up to 200 s).
SURPLUS_COOLDOWN_SECONDS = 300

#: What a metric describes.
Source = Literal[
    "queue",
    "dead_letter",
    "webhook_dead_letter",
    "service",
    "worker",
    "api",
    "table",
    "topic",
    "nat",
    "schedules",
    "watcher",
    "start",
    "release",
]


@dataclass(frozen=True, kw_only=True)
class MetricPlan:
    """A metric of a part of the stack. `worker`: of the worker's own metrics. The last three are workflows."""

    id: str
    namespace: str
    name: str
    statistic: str
    of: Source


@dataclass(frozen=True, kw_only=True)
class AlarmPlan:
    """An alarm on its only metric, or on an expression over its metrics; `period` in seconds."""

    description: str
    metrics: tuple[MetricPlan, ...]
    expression: str | None = None
    #: What the expression counts; shown in graphs.
    label: str | None = None
    period: int = MINUTE
    evaluation_periods: int
    datapoints_to_alarm: int
    threshold: float
    comparison: policy_steps.Comparison
    #: Missing data neither adds nor removes tasks, and is no fault of what runs only with work.
    missing: Literal["notBreaching", "breaching"] = "notBreaching"


@dataclass(frozen=True, kw_only=True)
class PolicyPlan:
    """A step policy; `cooldown` in seconds."""

    adjustment_type: Literal["ChangeInCapacity", "ExactCapacity"]
    steps: tuple[policy_steps.Adjustment, ...]
    cooldown: int
    aggregation: Literal["Maximum", "Minimum"] = "Maximum"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An alarm and the policy that it invokes."""

    role: str
    alarm: AlarmPlan
    policy: PolicyPlan


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The scalable target's range, and the rules that change the number of tasks within it.

    `moves_minimum`: warm hours or the watcher change the minimum while the stack runs.
    """

    minimum: int
    maximum: int
    moves_minimum: bool
    rules: tuple[Rule, ...]

    def rule(self, role: str) -> Rule:
        """The rule of this role. Raises KeyError."""
        return {rule.role: rule for rule in self.rules}[role]


def messages(identifier: str, state: str, of: Source = "queue", statistic: str = "Maximum") -> MetricPlan:
    """The number of messages in a state, as the end of the metric's name has it: Visible, NotVisible or Delayed."""
    name = f"ApproximateNumberOfMessages{state}"
    return MetricPlan(id=identifier, namespace="AWS/SQS", name=name, statistic=statistic, of=of)


def _cpu(identifier: str, statistic: str) -> MetricPlan:
    return MetricPlan(id=identifier, namespace="AWS/ECS", name="CPUUtilization", statistic=statistic, of="service")


WAITING = messages("v", "Visible")
IN_FLIGHT = messages("n", "NotVisible")
DELAYED = messages("d", "Delayed")
#: The number of running tasks: each sends one sample a minute (ECS developer guide, "CloudWatch metrics", "Service
#: RUNNING task count").
RUNNING = _cpu("r", "SampleCount")


def plan(settings: Settings) -> Plan:
    """The alarms and policies of these settings.

    One or two rules scale out, one of three scales in to the minimum, and one removes surplus tasks.
    """
    scaling = settings.scaling
    return Plan(
        minimum=scaling.min_tasks,
        maximum=max_tasks(settings),
        moves_minimum=scaling.moves_minimum,
        rules=tuple(_rules(settings)),
    )


def max_tasks(settings: Settings) -> int:
    """The maximum number of tasks.

    A FIFO queue runs one job per message group at a time, so more than groups/concurrency tasks are useless. CloudWatch
    does not count waiting groups, so the user must set their number.
    """
    scaling = settings.scaling
    if scaling.message_groups is None:
        return scaling.max_tasks
    useful = math.ceil(scaling.message_groups / settings.worker.concurrency)
    return max(min(scaling.max_tasks, useful), scaling.min_tasks, 1)


def share(settings: Settings) -> int:
    """Messages of backlog per task."""
    scaling = settings.scaling
    return policy_steps.share(scaling.seconds_per_job, scaling.tolerated_wait, settings.worker.concurrency)


def _rules(settings: Settings) -> Iterator[Rule]:
    scaling = settings.scaling
    if scaling.steps:
        alarm_steps, cooldown = policy_steps.scale_out(scaling.steps), scaling.cooldown
    else:
        concurrency = settings.worker.concurrency
        alarm_steps, cooldown = (
            policy_steps.recommended(max_tasks(settings), share(settings), concurrency),
            OUT_COOLDOWN_SECONDS,
        )
    sized = scaling.watches and not scaling.steps
    if max_tasks(settings) == 1:
        minutes = FALLBACK_MINUTES if sized else 1
        yield _follow_waiting("out", alarm_steps, cooldown, "Jobs are waiting: add tasks", minutes)
    elif sized:
        yield _fallback(settings)
    else:
        yield _start(policy_steps.at_start(alarm_steps, scaling.min_tasks if scaling.steps else 0), cooldown)
        yield _more(alarm_steps, cooldown, MORE_MINUTES_WITH_WATCHER if scaling.watches else MORE_MINUTES)
    match scaling.scales_in_by:
        case "queue":
            yield _empty_queue(scaling)
        case "cpu":
            yield _idle_cpu(settings)
        case "steps":
            if (removing := policy_steps.scale_in(scaling.steps)) is not None:
                yield _follow_waiting("in", removing, scaling.cooldown, "Few jobs are waiting: remove tasks")
    if scaling.removes_surplus:
        yield _surplus(settings)


def _follow_waiting(
    role: str, alarm_steps: policy_steps.AlarmSteps, cooldown: int, description: str, minutes: int = 1
) -> Rule:
    alarm = AlarmPlan(
        description=description,
        metrics=(WAITING,),
        evaluation_periods=minutes,
        datapoints_to_alarm=minutes,
        threshold=alarm_steps.threshold,
        comparison=alarm_steps.comparison,
    )
    policy = PolicyPlan(adjustment_type="ChangeInCapacity", steps=alarm_steps.steps, cooldown=cooldown)
    return Rule(role=role, alarm=alarm, policy=policy)


def _start(alarm_steps: policy_steps.AlarmSteps, cooldown: int) -> Rule:
    """Starts tasks while no job is running.

    It sets the number of tasks instead of adding to it. Tasks that crash before they receive would otherwise be counted
    while they run, so that each crash adds tasks for the same jobs.
    """
    alarm = AlarmPlan(
        description="Jobs are waiting and none is running: start tasks",
        metrics=(WAITING, IN_FLIGHT),
        expression=policy_steps.START_EXPRESSION,
        label="Jobs waiting while none is running",
        evaluation_periods=1,
        datapoints_to_alarm=1,
        threshold=alarm_steps.threshold,
        comparison=alarm_steps.comparison,
    )
    policy = PolicyPlan(adjustment_type="ExactCapacity", steps=alarm_steps.steps, cooldown=cooldown)
    return Rule(role="start", alarm=alarm, policy=policy)


def _more(alarm_steps: policy_steps.AlarmSteps, cooldown: int, minutes: int) -> Rule:
    """Adds tasks while jobs are running, so the tasks work."""
    alarm = AlarmPlan(
        description="Jobs are waiting while others are running: add tasks",
        metrics=(WAITING, IN_FLIGHT),
        expression=policy_steps.MORE_EXPRESSION,
        label="Jobs waiting while others are running",
        evaluation_periods=minutes,
        datapoints_to_alarm=minutes,
        threshold=alarm_steps.threshold,
        comparison=alarm_steps.comparison,
    )
    policy = PolicyPlan(
        adjustment_type="ChangeInCapacity", steps=alarm_steps.steps, cooldown=cooldown, aggregation="Minimum"
    )
    return Rule(role="out", alarm=alarm, policy=policy)


def _fallback(settings: Settings) -> Rule:
    """Sets the number of tasks if the watcher does not, from what it would count."""
    concurrency, maximum = settings.worker.concurrency, max_tasks(settings)
    alarm = AlarmPlan(
        description="Jobs are waiting although there is a watcher: add tasks",
        metrics=(WAITING, IN_FLIGHT),
        expression=policy_steps.need_expression(share(settings), concurrency),
        label="Tasks that the jobs have use for",
        evaluation_periods=FALLBACK_MINUTES,
        datapoints_to_alarm=FALLBACK_MINUTES,
        threshold=1,
        comparison="GreaterThanOrEqualToThreshold",
    )
    policy = PolicyPlan(
        adjustment_type="ExactCapacity",
        steps=policy_steps.exact(maximum),
        cooldown=OUT_COOLDOWN_SECONDS,
        aggregation="Minimum",
    )
    return Rule(role="out", alarm=alarm, policy=policy)


def _to_minimum(minimum: int, cooldown: int) -> PolicyPlan:
    steps = (policy_steps.Adjustment(None, 0, minimum),)
    return PolicyPlan(adjustment_type="ExactCapacity", steps=steps, cooldown=cooldown)


def _empty_queue(scaling: Scaling) -> Rule:
    """Removes all tasks. The watcher's minimum keeps a task for delayed messages, so with it they are not counted."""
    minutes = IDLE_MINUTES_WITH_WATCHER if scaling.watches else IDLE_MINUTES
    delayed = () if scaling.watches else (DELAYED,)
    alarm = AlarmPlan(
        description="No job is waiting, running or delayed: remove the tasks",
        metrics=(WAITING, IN_FLIGHT, *delayed, RUNNING),
        expression=policy_steps.idle_expression(scaling.min_tasks, delayed=bool(delayed)),
        label="Jobs while tasks run",
        evaluation_periods=minutes,
        datapoints_to_alarm=minutes,
        threshold=0,
        comparison="LessThanOrEqualToThreshold",
    )
    return Rule(role="zero", alarm=alarm, policy=_to_minimum(scaling.min_tasks, MINUTE))


def _idle_cpu(settings: Settings) -> Rule:
    scaling = settings.scaling
    alarm = AlarmPlan(
        description="The CPU of the tasks is idle: remove them",
        metrics=(_cpu("c", "Average"),),
        # one long period averages over its minutes; several short ones would all have to be idle
        period=scaling.cpu_minutes * MINUTE,
        evaluation_periods=1,
        datapoints_to_alarm=1,
        threshold=scaling.cpu_threshold,
        comparison="LessThanOrEqualToThreshold",
    )
    return Rule(role="cpu", alarm=alarm, policy=_to_minimum(scaling.min_tasks, scaling.cooldown))


def _surplus(settings: Settings) -> Rule:
    alarm = AlarmPlan(
        description="There are fewer jobs than tasks: remove some tasks",
        metrics=(WAITING, IN_FLIGHT, RUNNING),
        expression=policy_steps.surplus_expression(share(settings), settings.worker.concurrency),
        label="Surplus tasks",
        evaluation_periods=SURPLUS_MINUTES,
        datapoints_to_alarm=SURPLUS_MINUTES,
        threshold=SURPLUS_TASKS,
        comparison="GreaterThanOrEqualToThreshold",
    )
    policy = PolicyPlan(
        adjustment_type="ChangeInCapacity",
        steps=policy_steps.surplus(max_tasks(settings)),
        cooldown=SURPLUS_COOLDOWN_SECONDS,
        aggregation="Minimum",
    )
    return Rule(role="surplus", alarm=alarm, policy=policy)
