"""What `ebb status` shows of parts that may not be read, and of mute rules."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from ebb.ops.overview import overview, screen
from ebb.ops.stack import Stack

STACK = Stack(
    name="no-such-stack", queue_url="http://q/jobs", cluster_name="c", service_name="s", alarm_names={"oldest": "a"}
)
TARGET = {"MinCapacity": 0, "MaxCapacity": 4}
SERVICE = {"desiredCount": 1, "runningCount": 1, "pendingCount": 0}
COUNTS = {f"ApproximateNumberOfMessages{kind}": "0" for kind in ("", "NotVisible", "Delayed")}
RULE = {"AlarmMuteRuleArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm-mute-rule:night"}


class Aws:
    """All clients in one: their answers by operation."""

    def __init__(self, **answers: Any) -> None:
        self._answers = {
            "describe_scalable_targets": {"ScalableTargets": [TARGET]},
            "describe_services": {"services": [SERVICE]},
            "get_queue_attributes": {"Attributes": COUNTS},
            "get_metric_statistics": {"Datapoints": []},
            "describe_alarms": {"MetricAlarms": [{"AlarmName": "scaling"}]},
            "describe_scaling_policies": {"ScalingPolicies": [{"PolicyARN": "p"}]},
            "list_service_deployments": {"serviceDeployments": []},
            "list_alarm_mute_rules": {"AlarmMuteRuleSummaries": [RULE]},
            **answers,
        }

    def __call__(self, _service: str) -> "Aws":
        return self

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**asked: Any) -> Any:
            if operation == "list_alarm_mute_rules":
                assert asked == {"AlarmName": "scaling", "Statuses": ["ACTIVE", "SCHEDULED"]}
            answer = self._answers[operation]
            if isinstance(answer, str):
                raise ClientError({"Error": {"Code": answer, "Message": "not you"}}, operation)
            return answer

        return call


def test_a_mute_rule_of_the_account_that_names_a_scaling_alarm_is_on_the_screen() -> None:
    seen = overview(STACK, Aws())
    assert seen.mute_rules == ("night",)
    rule = "The mute rule night names an alarm that scales this stack: while it is active, no task is started."
    assert rule in list(screen(seen, 0))


def test_a_part_that_may_not_be_read_is_said_and_the_rest_is_shown() -> None:
    denied = dict.fromkeys(("list_alarm_mute_rules", "list_service_deployments"), "AccessDenied")
    seen = overview(STACK, Aws(**denied))
    first, second, third, cost, *rest = screen(seen, 0)
    assert cost.startswith("The cost cannot be read. There is no stack 'no-such-stack'")
    assert [first, second, third, *rest] == [
        "Stack no-such-stack scales from 0 to 4 tasks.",
        "Tasks: 1 running of 1 desired.",
        "Jobs: 0 waiting, 0 in flight, 0 delayed.",
        "The deployments cannot be read. AWS refused list_service_deployments: AccessDenied: not you",
        (
            "Rules that mute the scaling's alarms, and so stop it, cannot be read. "
            "AWS refused list_alarm_mute_rules: AccessDenied: not you"
        ),
    ]
