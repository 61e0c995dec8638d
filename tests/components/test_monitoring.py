from typing import Any

from components.monitoring import Monitoring, MonitoringArgs
from settings import Monitoring as MonitoringSettings
from tests.components.harness import ACCOUNT, REGION, Deployed, deploy, queue_refs

TOPIC, POLICY = "aws:sns/topic:Topic", "aws:sns/topicPolicy:TopicPolicy"
SUBSCRIPTION, ALARM = "aws:sns/topicSubscription:TopicSubscription", "aws:cloudwatch/metricAlarm:MetricAlarm"
ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:monitoring"


def monitoring(*emails: str) -> Deployed:
    def program() -> Any:
        args = MonitoringArgs(settings=MonitoringSettings(emails=emails), queue=queue_refs())
        return Monitoring("monitoring", args).topic_arn

    return deploy(program)


def test_a_dead_letter_raises_an_alarm_that_also_reports_its_end() -> None:
    made = monitoring()
    assert made.names == {(TOPIC, "monitoring"), (POLICY, "monitoring"), (ALARM, "monitoring-dead-letter")}
    assert {found.parent_type for found in made.resources.values() if found.type.startswith("aws:")} == {
        "ebb:index:Monitoring"
    }
    inputs = dict(made.one(ALARM).inputs)
    assert inputs.pop("alarmDescription") == "Jobs failed permanently and are in the dead-letter queue"
    assert inputs == {
        "namespace": "AWS/SQS",
        "metricName": "ApproximateNumberOfMessagesVisible",
        "dimensions": {"QueueName": "jobs-dead"},
        "statistic": "Maximum",
        "period": 60,
        "evaluationPeriods": 1,
        "threshold": 1,
        "comparisonOperator": "GreaterThanOrEqualToThreshold",
        "treatMissingData": "notBreaching",
        "alarmActions": [ARN],
        "okActions": [ARN],
    }
    assert made.result == ARN


def test_only_alarms_of_this_account_may_publish() -> None:
    policy = monitoring().one(POLICY)
    assert policy.inputs["arn"] == ARN
    assert policy.statements == [
        {
            "Effect": "Allow",
            "Action": ["sns:Publish"],
            "Resource": [ARN],
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Condition": {
                "ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:*"},
                "StringEquals": {"aws:SourceAccount": ACCOUNT},
            },
        }
    ]


def test_each_address_has_a_subscription() -> None:
    made = monitoring("ops@example.com", "on-call@example.com")
    assert {found.name: found.inputs for found in made.of(SUBSCRIPTION)} == {
        f"monitoring-email-{email}": {"topic": ARN, "protocol": "email", "endpoint": email}
        for email in ("ops@example.com", "on-call@example.com")
    }
