"""From zero to N tasks and back, by alarms on the queue.

Creates the scalable target of the ECS service, an alarm and step policy that add tasks, and one or two that remove
them: the recommended policy, or the user's table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pulumi
import pulumi_aws as aws

from components import _steps
from settings import Scaling as ScalingSettings

#: Seconds: SQS's and ECS's metrics come once a minute.
MINUTE = 60
#: Seconds after scaling out in which only a larger change acts: a start plus the age of the metrics (up to 100 s), so
#: that a message that was taken already starts no second task.
OUT_COOLDOWN = 120
#: Minutes in a row without any message before the tasks go.
IDLE_MINUTES = 5
#: Tasks too many, in that many of that many minutes, before some go.
SURPLUS_TASKS, SURPLUS_MINUTES, SURPLUS_OF = 2, 8, 10
SURPLUS_COOLDOWN = 180  # seconds
SURPLUS_STEPS = (
    _steps.Adjustment(0, 2, -1),
    _steps.Adjustment(2, 5, -2),
    _steps.Adjustment(5, None, -4),
)

Adjusts = Literal["ChangeInCapacity", "ExactCapacity"]


@dataclass(frozen=True, kw_only=True)
class QueueScalingArgs:
    """The settings' section `scaling`, and what is measured and scaled."""

    settings: ScalingSettings
    queue_name: pulumi.Input[str]
    cluster_name: pulumi.Input[str]
    service_name: pulumi.Input[str]


class QueueScaling(pulumi.ComponentResource):
    """The service's number of tasks follows the queue."""

    def __init__(self, name: str, args: QueueScalingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:QueueScaling", name, None, opts)
        self._name, self._settings = name, args.settings
        self._waiting: dict[str, Any] = {
            "namespace": "AWS/SQS",
            "metric_name": "ApproximateNumberOfMessagesVisible",
            "dimensions": {"QueueName": args.queue_name},
        }
        self._cpu: dict[str, Any] = {
            "namespace": "AWS/ECS",
            "metric_name": "CPUUtilization",
            "dimensions": {"ClusterName": args.cluster_name, "ServiceName": args.service_name},
        }
        self._target = aws.appautoscaling.Target(
            name,
            min_capacity=args.settings.min_tasks,
            max_capacity=args.settings.max_tasks,
            resource_id=pulumi.Output.format("service/{0}/{1}", args.cluster_name, args.service_name),
            scalable_dimension="ecs:service:DesiredCount",
            service_namespace="ecs",
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._scale_out()
        match args.settings.scales_in_by:
            case "queue":
                self._scale_in_when_idle()
            case "cpu":
                self._scale_in_by_cpu()
            case "steps":
                self._scale_in_by_table()
        if args.settings.surplus:
            self._remove_surplus()
        self.register_outputs({})

    @property
    def _share(self) -> int:
        return _steps.share(self._settings.seconds_per_job, self._settings.tolerated_wait)

    def _scale_out(self) -> None:
        settings = self._settings
        if settings.steps:
            ladder, cooldown = _steps.scale_out(settings.steps), settings.cooldown
        else:
            ladder, cooldown = _steps.recommended(settings.max_tasks, self._share), OUT_COOLDOWN
        self._follow_waiting("out", ladder, cooldown, "Jobs wait: add tasks")

    def _scale_in_by_table(self) -> None:
        settings = self._settings
        ladder = _steps.scale_in(settings.steps)
        if ladder is not None:
            self._follow_waiting("in", ladder, settings.cooldown, "Few jobs wait: remove tasks")

    def _follow_waiting(self, role: str, ladder: _steps.Ladder, cooldown: int, description: str) -> None:
        policy = self._policy(role, "ChangeInCapacity", ladder.steps, cooldown)
        self._alarm(
            role,
            policy,
            alarm_description=description,
            **self._waiting,
            period=MINUTE,
            statistic="Maximum",
            comparison_operator=ladder.comparison,
            threshold=ladder.threshold,
            evaluation_periods=1,
            datapoints_to_alarm=1,
        )

    def _scale_in_when_idle(self) -> None:
        policy = self._to_least("zero", MINUTE)
        expression = _steps.idle_expression(self._settings.min_tasks)
        self._alarm(
            "zero",
            policy,
            alarm_description="No job waits, runs or is delayed: remove the tasks",
            metric_queries=[
                _expression(expression, "Jobs while tasks run"),
                self._messages("v", "ApproximateNumberOfMessagesVisible"),
                self._messages("n", "ApproximateNumberOfMessagesNotVisible"),
                self._messages("d", "ApproximateNumberOfMessagesDelayed"),
                self._running_tasks,
            ],
            comparison_operator="LessThanOrEqualToThreshold",
            threshold=0,
            evaluation_periods=IDLE_MINUTES,
            datapoints_to_alarm=IDLE_MINUTES,
        )

    def _scale_in_by_cpu(self) -> None:
        settings = self._settings
        policy = self._to_least("cpu", settings.cooldown)
        self._alarm(
            "cpu",
            policy,
            alarm_description="The tasks' CPU is idle: remove them",
            **self._cpu,
            # one period as long as the average is meant to be, not several short ones that must all be idle
            period=settings.cpu_minutes * MINUTE,
            statistic="Average",
            comparison_operator="LessThanOrEqualToThreshold",
            threshold=settings.cpu_threshold,
            evaluation_periods=1,
            datapoints_to_alarm=1,
        )

    def _remove_surplus(self) -> None:
        policy = self._policy("surplus", "ChangeInCapacity", SURPLUS_STEPS, SURPLUS_COOLDOWN, aggregation="Minimum")
        self._alarm(
            "surplus",
            policy,
            alarm_description="Fewer jobs than tasks are left: remove some tasks",
            metric_queries=[
                _expression(_steps.surplus_expression(self._share), "Tasks too many"),
                self._messages("v", "ApproximateNumberOfMessagesVisible"),
                self._messages("n", "ApproximateNumberOfMessagesNotVisible"),
                self._running_tasks,
            ],
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=SURPLUS_TASKS,
            evaluation_periods=SURPLUS_OF,
            datapoints_to_alarm=SURPLUS_MINUTES,
        )

    @property
    def _running_tasks(self) -> dict[str, Any]:
        # each running task sends one sample a minute: their number, at no cost (ECS developer guide, "CloudWatch
        # metrics", "Service RUNNING task count")
        metric = {**self._cpu, "period": MINUTE, "stat": "SampleCount"}
        return {"id": "r", "metric": metric, "return_data": False}

    def _messages(self, identifier: str, metric_name: str) -> dict[str, Any]:
        metric = {**self._waiting, "metric_name": metric_name, "period": MINUTE, "stat": "Maximum"}
        return {"id": identifier, "metric": metric, "return_data": False}

    def _to_least(self, role: str, cooldown: int) -> aws.appautoscaling.Policy:
        least = _steps.Adjustment(None, 0, self._settings.min_tasks)
        return self._policy(role, "ExactCapacity", (least,), cooldown)

    def _policy(
        self,
        role: str,
        adjusts: Adjusts,
        steps: Sequence[_steps.Adjustment],
        cooldown: int,
        *,
        aggregation: Literal["Maximum", "Minimum"] = "Maximum",
    ) -> aws.appautoscaling.Policy:
        return aws.appautoscaling.Policy(
            f"{self._name}-{role}",
            resource_id=self._target.resource_id,
            scalable_dimension=self._target.scalable_dimension,
            service_namespace=self._target.service_namespace,
            policy_type="StepScaling",
            step_scaling_policy_configuration={
                "adjustment_type": adjusts,
                "cooldown": cooldown,
                "metric_aggregation_type": aggregation,
                "step_adjustments": [
                    {
                        "metric_interval_lower_bound": _bound(step.lower),
                        "metric_interval_upper_bound": _bound(step.upper),
                        "scaling_adjustment": step.change,
                    }
                    for step in steps
                ],
            },
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _alarm(self, role: str, policy: aws.appautoscaling.Policy, **alarm: Any) -> None:
        # a gap in the data does nothing, neither way
        aws.cloudwatch.MetricAlarm(
            f"{self._name}-{role}",
            **alarm,
            treat_missing_data="notBreaching",
            alarm_actions=[policy.arn],
            opts=pulumi.ResourceOptions(parent=self),
        )


def _expression(expression: str, label: str) -> Mapping[str, Any]:
    return {"id": "e", "expression": expression, "label": label, "return_data": True}


def _bound(value: float | None) -> str | None:
    """A bound as AWS's own tools write it: 9, not 9.0."""
    return None if value is None else str(int(value)) if float(value).is_integer() else repr(value)
