"""A deployed QueueScaling, and its alarms and policies by role."""

from typing import Any

from components.autoscaling import QueueScaling, QueueScalingArgs
from policy.plan import plan
from settings import Scaling as ScalingSettings
from settings import Settings, WarmHours
from tests.components.harness import ACCOUNT, REGION, Deployed, deploy

TARGET, POLICY = "aws:appautoscaling/target:Target", "aws:appautoscaling/policy:Policy"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
SERVICE = {"ClusterName": "cluster", "ServiceName": "worker"}
TARGETED = {
    "resourceId": "service/cluster/worker",
    "scalableDimension": "ecs:service:DesiredCount",
    "serviceNamespace": "ecs",
}
HOURS = (WarmHours(start="08:00", stop="18:00", min_tasks=2),)


def scaling(**settings: Any) -> Deployed:
    def program() -> None:
        QueueScaling(
            "scaling",
            QueueScalingArgs(
                plan=plan(Settings(scaling=ScalingSettings(**settings))),
                queue_name="jobs",
                cluster_name="cluster",
                service_name="worker",
            ),
        )

    return deploy(program)


def roles(made: Deployed) -> set[str]:
    """The roles of the alarms. The only action of an alarm is the policy with its name."""
    for found in made.of(ALARM):
        assert found.inputs["alarmActions"] == [f"arn:aws:appautoscaling:{REGION}:{ACCOUNT}:{found.name}"]
        assert found.inputs["treatMissingData"] == "notBreaching"
        assert "okActions" not in found.inputs
    assert {found.name for found in made.of(ALARM)} == {found.name for found in made.of(POLICY)}
    return {found.name.removeprefix("scaling-") for found in made.of(ALARM)}


def alarm(made: Deployed, role: str) -> dict[str, Any]:
    shared = ("alarmActions", "alarmDescription", "treatMissingData")
    return {key: value for key, value in made.one(ALARM, f"scaling-{role}").inputs.items() if key not in shared}


def policy(made: Deployed, role: str) -> dict[str, Any]:
    inputs = dict(made.one(POLICY, f"scaling-{role}").inputs)
    configuration = inputs.pop("stepScalingPolicyConfiguration")
    assert inputs == {**TARGETED, "policyType": "StepScaling"}
    return dict(configuration)


def step(lower: str | None, upper: str | None, change: int) -> dict[str, Any]:
    bounds = {"metricIntervalLowerBound": lower, "metricIntervalUpperBound": upper}
    return {"scalingAdjustment": change, **{key: value for key, value in bounds.items() if value is not None}}


def jobs(name: str) -> dict[str, Any]:
    metric = f"ApproximateNumberOfMessages{name}"
    return {
        "namespace": "AWS/SQS",
        "metricName": metric,
        "dimensions": {"QueueName": "jobs"},
        "period": 60,
        "stat": "Maximum",
    }


RUNNING = {
    "namespace": "AWS/ECS",
    "metricName": "CPUUtilization",
    "dimensions": SERVICE,
    "period": 60,
    "stat": "SampleCount",
}


def queries(expression: str, label: str, metrics: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    first = {"id": "e", "expression": expression, "label": label, "returnData": True}
    return [first, *({"id": name, "metric": metric, "returnData": False} for name, metric in metrics.items())]


def waiting(threshold: float, comparison: str) -> dict[str, Any]:
    return {
        "namespace": "AWS/SQS",
        "metricName": "ApproximateNumberOfMessagesVisible",
        "dimensions": {"QueueName": "jobs"},
        "period": 60,
        "statistic": "Maximum",
        "comparisonOperator": comparison,
        "threshold": threshold,
        "evaluationPeriods": 1,
        "datapointsToAlarm": 1,
    }
