"""What QueueScaling deploys, as plain data: the scalable target's range, alarms, and the policies that they invoke.

The same plan is what a forecast runs, so what is forecast is what is deployed. Fields have the names and units of
CloudWatch's PutMetricAlarm and Application Auto Scaling's PutScalingPolicy.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from policy import steps as policy_steps
from settings import Settings

#: Seconds: SQS's and ECS's metrics come once a minute.
MINUTE = 60
#: Seconds after scaling out in which only a larger change acts: a start plus the age of the metrics (up to 100 s), so
#: that a message that was taken already starts no second task.
OUT_COOLDOWN = 120
#: Minutes in a row without any message before the tasks go.
IDLE_MINUTES = 5
#: Tasks too many, and for how many minutes in a row, before they go.
SURPLUS_TASKS, SURPLUS_MINUTES = 2, 3
#: Seconds after that in which no more go: a stop plus the age of the number of tasks (up to 200 s).
SURPLUS_COOLDOWN = 300

Comparison = Literal["GreaterThanOrEqualToThreshold", "LessThanOrEqualToThreshold", "LessThanThreshold"]


@dataclass(frozen=True, kw_only=True)
class MetricPlan:
    """A metric that an alarm reads, of the queue or of the service."""

    id: str
    namespace: str
    name: str
    statistic: str
    of: Literal["queue", "service"]


@dataclass(frozen=True, kw_only=True)
class AlarmPlan:
    """An alarm, on its only metric or on an expression over all of them; `period` in seconds."""

    description: str
    metrics: tuple[MetricPlan, ...]
    expression: str | None = None
    #: What the expression counts.
    label: str | None = None
    period: int = MINUTE
    evaluation_periods: int
    datapoints_to_alarm: int
    threshold: float
    comparison: Comparison
    #: A gap in the data does nothing, neither way.
    missing: Literal["notBreaching"] = "notBreaching"


@dataclass(frozen=True, kw_only=True)
class PolicyPlan:
    """A step policy; bounds of its steps are relative to the alarm's threshold, `cooldown` in seconds."""

    adjustment_type: Literal["ChangeInCapacity", "ExactCapacity"]
    steps: tuple[policy_steps.Adjustment, ...]
    cooldown: int
    aggregation: Literal["Maximum", "Minimum"] = "Maximum"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An alarm and the policy that is its only action."""

    role: str
    alarm: AlarmPlan
    policy: PolicyPlan


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The scalable target's range, and what moves the number of tasks within it."""

    minimum: int
    maximum: int
    rules: tuple[Rule, ...]

    def rule(self, role: str) -> Rule:
        """The rule of this role. Raises KeyError."""
        return {rule.role: rule for rule in self.rules}[role]


def _messages(identifier: str, state: str) -> MetricPlan:
    name = f"ApproximateNumberOfMessages{state}"
    return MetricPlan(id=identifier, namespace="AWS/SQS", name=name, statistic="Maximum", of="queue")


def _cpu(identifier: str, statistic: str) -> MetricPlan:
    return MetricPlan(id=identifier, namespace="AWS/ECS", name="CPUUtilization", statistic=statistic, of="service")


WAITING, IN_FLIGHT, DELAYED = _messages("v", "Visible"), _messages("n", "NotVisible"), _messages("d", "Delayed")
#: Each running task sends one sample a minute: their number, at no cost (ECS developer guide, "CloudWatch metrics",
#: "Service RUNNING task count").
RUNNING = _cpu("r", "SampleCount")


def plan(settings: Settings) -> Plan:
    """What these settings deploy: at all times a way out of zero, and one of three ways back."""
    return Plan(minimum=settings.scaling.min_tasks, maximum=most_tasks(settings), rules=tuple(_rules(settings)))


def most_tasks(settings: Settings) -> int:
    """Tasks at the most.

    Of a FIFO queue's message group one job runs at a time, so that groups/concurrency tasks have no use for another.
    How many groups wait cannot be measured: SQS counts messages, and groups only while in flight; and an alarm cannot
    see that tasks idle while messages wait, since the number of tasks is two minutes old, and after a scale-in to zero
    it has no new value at all, so that what was started last would keep the next job waiting. Hence a setting.
    """
    scaling = settings.scaling
    if scaling.message_groups is None:
        return scaling.max_tasks
    useful = math.ceil(scaling.message_groups / settings.worker.concurrency)
    return max(min(scaling.max_tasks, useful), scaling.min_tasks, 1)


def share(settings: Settings) -> int:
    """Messages of backlog that one task may own."""
    scaling = settings.scaling
    return policy_steps.share(scaling.seconds_per_job, scaling.tolerated_wait, settings.worker.concurrency)


def _rules(settings: Settings) -> Iterator[Rule]:
    scaling = settings.scaling
    if scaling.steps:
        ladder, cooldown = policy_steps.scale_out(scaling.steps), scaling.cooldown
    else:
        concurrency = settings.worker.concurrency
        ladder, cooldown = policy_steps.recommended(most_tasks(settings), share(settings), concurrency), OUT_COOLDOWN
    yield _follow_waiting("out", ladder, cooldown, "Jobs wait: add tasks")
    match scaling.scales_in_by:
        case "queue":
            yield _zero(scaling.min_tasks)
        case "cpu":
            yield _idle_cpu(settings)
        case "steps":
            if (removing := policy_steps.scale_in(scaling.steps)) is not None:
                yield _follow_waiting("in", removing, scaling.cooldown, "Few jobs wait: remove tasks")
    if scaling.surplus:
        yield _surplus(settings)


def _follow_waiting(role: str, ladder: policy_steps.Ladder, cooldown: int, description: str) -> Rule:
    alarm = AlarmPlan(
        description=description,
        metrics=(WAITING,),
        evaluation_periods=1,
        datapoints_to_alarm=1,
        threshold=ladder.threshold,
        comparison=ladder.comparison,
    )
    policy = PolicyPlan(adjustment_type="ChangeInCapacity", steps=ladder.steps, cooldown=cooldown)
    return Rule(role=role, alarm=alarm, policy=policy)


def _to_least(least: int, cooldown: int) -> PolicyPlan:
    steps = (policy_steps.Adjustment(None, 0, least),)
    return PolicyPlan(adjustment_type="ExactCapacity", steps=steps, cooldown=cooldown)


def _zero(least: int) -> Rule:
    alarm = AlarmPlan(
        description="No job waits, runs or is delayed: remove the tasks",
        metrics=(WAITING, IN_FLIGHT, DELAYED, RUNNING),
        expression=policy_steps.idle_expression(least),
        label="Jobs while tasks run",
        evaluation_periods=IDLE_MINUTES,
        datapoints_to_alarm=IDLE_MINUTES,
        threshold=0,
        comparison="LessThanOrEqualToThreshold",
    )
    return Rule(role="zero", alarm=alarm, policy=_to_least(least, MINUTE))


def _idle_cpu(settings: Settings) -> Rule:
    scaling = settings.scaling
    alarm = AlarmPlan(
        description="The tasks' CPU is idle: remove them",
        metrics=(_cpu("c", "Average"),),
        # one period as long as the average is meant to be, not several short ones that must all be idle
        period=scaling.cpu_minutes * MINUTE,
        evaluation_periods=1,
        datapoints_to_alarm=1,
        threshold=scaling.cpu_threshold,
        comparison="LessThanOrEqualToThreshold",
    )
    return Rule(role="cpu", alarm=alarm, policy=_to_least(scaling.min_tasks, scaling.cooldown))


def _surplus(settings: Settings) -> Rule:
    alarm = AlarmPlan(
        description="Fewer jobs than tasks are left: remove some tasks",
        metrics=(WAITING, IN_FLIGHT, RUNNING),
        expression=policy_steps.surplus_expression(share(settings), settings.worker.concurrency),
        label="Tasks too many",
        evaluation_periods=SURPLUS_MINUTES,
        datapoints_to_alarm=SURPLUS_MINUTES,
        threshold=SURPLUS_TASKS,
        comparison="GreaterThanOrEqualToThreshold",
    )
    policy = PolicyPlan(
        adjustment_type="ChangeInCapacity",
        steps=policy_steps.surplus(most_tasks(settings)),
        cooldown=SURPLUS_COOLDOWN,
        aggregation="Minimum",
    )
    return Rule(role="surplus", alarm=alarm, policy=policy)
