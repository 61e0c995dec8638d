"""From zero to N tasks and back, by alarms on the queue.

Creates the scalable target of the ECS service, an alarm and step policy that add tasks, and one or two that remove
them: the recommended policy, or the user's table (`_plan.py` says which).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from policy import plan as policy_plan
from settings import Settings


@dataclass(frozen=True, kw_only=True)
class QueueScalingArgs:
    """All settings (the queue's kind and the worker's concurrency count, too), and what is measured and scaled."""

    settings: Settings
    queue_name: pulumi.Input[str]
    cluster_name: pulumi.Input[str]
    service_name: pulumi.Input[str]


class QueueScaling(pulumi.ComponentResource):
    """The service's number of tasks follows the queue."""

    #: Of the scalable target, as Application Auto Scaling and IAM name it.
    resource_id: pulumi.Output[str]
    target_arn: pulumi.Output[str]

    def __init__(self, name: str, args: QueueScalingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:QueueScaling", name, None, opts)
        self._name = name
        self._dimensions: dict[str, Mapping[str, pulumi.Input[str]]] = {
            "queue": {"QueueName": args.queue_name},
            "service": {"ClusterName": args.cluster_name, "ServiceName": args.service_name},
        }
        plan = policy_plan.plan(args.settings)
        # a pause is an operator's, and the least number of tasks another's where hours or a watcher move it
        moved = ["minCapacity"] if args.settings.scaling.moves_minimum else []
        self._target = aws.appautoscaling.Target(
            name,
            min_capacity=plan.minimum,
            max_capacity=plan.maximum,
            resource_id=pulumi.Output.format("service/{0}/{1}", args.cluster_name, args.service_name),
            scalable_dimension="ecs:service:DesiredCount",
            service_namespace="ecs",
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["suspendedState", *moved]),
        )
        for rule in plan.rules:
            self._alarm(rule.role, rule.alarm, self._policy(rule.role, rule.policy))
        self.resource_id, self.target_arn = self._target.resource_id, self._target.arn
        self.register_outputs({"resource_id": self.resource_id, "target_arn": self.target_arn})

    def _policy(self, role: str, policy: policy_plan.PolicyPlan) -> aws.appautoscaling.Policy:
        return aws.appautoscaling.Policy(
            f"{self._name}-{role}",
            resource_id=self._target.resource_id,
            scalable_dimension=self._target.scalable_dimension,
            service_namespace=self._target.service_namespace,
            policy_type="StepScaling",
            step_scaling_policy_configuration={
                "adjustment_type": policy.adjustment_type,
                "cooldown": policy.cooldown,
                "metric_aggregation_type": policy.aggregation,
                "step_adjustments": [
                    {
                        "metric_interval_lower_bound": _bound(step.lower),
                        "metric_interval_upper_bound": _bound(step.upper),
                        "scaling_adjustment": step.change,
                    }
                    for step in policy.steps
                ],
            },
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _alarm(self, role: str, alarm: policy_plan.AlarmPlan, policy: aws.appautoscaling.Policy) -> None:
        aws.cloudwatch.MetricAlarm(
            f"{self._name}-{role}",
            alarm_description=alarm.description,
            **(self._metric(alarm) if alarm.expression is None else self._queries(alarm)),
            comparison_operator=alarm.comparison,
            threshold=alarm.threshold,
            evaluation_periods=alarm.evaluation_periods,
            datapoints_to_alarm=alarm.datapoints_to_alarm,
            treat_missing_data=alarm.missing,
            alarm_actions=[policy.arn],
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _source(self, metric: policy_plan.MetricPlan) -> dict[str, Any]:
        return {
            "namespace": metric.namespace,
            "metric_name": metric.name,
            "dimensions": self._dimensions[metric.of],
        }

    def _metric(self, alarm: policy_plan.AlarmPlan) -> dict[str, Any]:
        (metric,) = alarm.metrics
        return {**self._source(metric), "period": alarm.period, "statistic": metric.statistic}

    def _queries(self, alarm: policy_plan.AlarmPlan) -> dict[str, Any]:
        expression = {"id": "e", "expression": alarm.expression, "label": alarm.label, "return_data": True}
        metrics = [
            {
                "id": metric.id,
                "metric": {**self._source(metric), "period": alarm.period, "stat": metric.statistic},
                "return_data": False,
            }
            for metric in alarm.metrics
        ]
        return {"metric_queries": [expression, *metrics]}


def _bound(value: float | None) -> str | None:
    """A bound as AWS's own tools write it: 9, not 9.0."""
    return None if value is None else str(int(value)) if float(value).is_integer() else repr(value)
