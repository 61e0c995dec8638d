"""Scales the service from zero to N tasks and back, by alarms on the queue."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import _alarm
from policy.plan import SCALABLE_DIMENSION, SERVICE_NAMESPACE, AlarmPlan, Plan, PolicyPlan


@dataclass(frozen=True, kw_only=True)
class QueueScalingArgs:
    """The plan of alarms and policies, the queue that is measured, and the service that is scaled."""

    plan: Plan
    queue_name: pulumi.Input[str]
    cluster_name: pulumi.Input[str]
    service_name: pulumi.Input[str]


class QueueScaling(pulumi.ComponentResource):
    """The number of tasks of the service, as a function of the queue.

    Creates:
    - the scalable target of the service
    - for each rule of the plan, a step policy and the alarm that invokes it
    """

    #: The scalable target: `service/<cluster>/<service>`, and its ARN.
    resource_id: pulumi.Output[str]
    target_arn: pulumi.Output[str]

    def __init__(self, name: str, args: QueueScalingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:QueueScaling", name, None, opts)
        self._dimensions: _alarm.Dimensions = {
            "queue": {"QueueName": args.queue_name},
            "service": {"ClusterName": args.cluster_name, "ServiceName": args.service_name},
        }
        # an operator can suspend scaling, and warm hours or the watcher can change the minimum
        moved = ["minCapacity"] if args.plan.moves_minimum else []
        self._target = aws.appautoscaling.Target(
            name,
            min_capacity=args.plan.minimum,
            max_capacity=args.plan.maximum,
            resource_id=pulumi.Output.format("service/{0}/{1}", args.cluster_name, args.service_name),
            scalable_dimension=SCALABLE_DIMENSION,
            service_namespace=SERVICE_NAMESPACE,
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["suspendedState", *moved]),
        )
        for rule in args.plan.rules:
            self._alarm(rule.role, rule.alarm, self._policy(rule.role, rule.policy))
        self.resource_id, self.target_arn = self._target.resource_id, self._target.arn
        self.register_outputs({"resource_id": self.resource_id, "target_arn": self.target_arn})

    def _policy(self, role: str, policy: PolicyPlan) -> aws.appautoscaling.Policy:
        return aws.appautoscaling.Policy(
            f"{self.pulumi_resource_name}-{role}",
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

    def _alarm(self, role: str, alarm: AlarmPlan, policy: aws.appautoscaling.Policy) -> None:
        aws.cloudwatch.MetricAlarm(
            f"{self.pulumi_resource_name}-{role}",
            **_alarm.inputs(alarm, self._dimensions),
            alarm_actions=[policy.arn],
            opts=pulumi.ResourceOptions(parent=self),
        )


def _bound(value: float | None) -> str | None:
    """A bound in the format of AWS: 9, not 9.0."""
    return None if value is None else str(int(value)) if float(value).is_integer() else repr(value)
