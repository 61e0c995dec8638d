from typing import Any

import pytest

from components.monitoring import Monitoring, MonitoringArgs
from policy.monitoring import DAY, alarms
from settings import Monitoring as MonitoringSettings
from settings import Settings
from tests.components.harness import ACCOUNT, REGION, Deployed, deploy, queue_refs

TOPIC, POLICY = "aws:sns/topic:Topic", "aws:sns/topicPolicy:TopicPolicy"
SUBSCRIPTION, ALARM = "aws:sns/topicSubscription:TopicSubscription", "aws:cloudwatch/metricAlarm:MetricAlarm"
ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:monitoring"


def monitoring(*emails: str) -> Deployed:
    def program() -> Any:
        args = MonitoringArgs(
            settings=MonitoringSettings(emails=emails),
            alarms=alarms(Settings()),
            queue=queue_refs(),
            cluster_name="cluster",
            service_name="worker",
        )
        return Monitoring("monitoring", args).topic_arn

    return deploy(program)


def test_each_alarm_also_reports_its_end() -> None:
    made = monitoring()
    roles = ("dead-letter", "dead-letter-age", "oldest", "stalled")
    assert made.names == {(TOPIC, "monitoring"), (POLICY, "monitoring"), *((ALARM, f"monitoring-{r}") for r in roles)}
    assert {found.parent_type for found in made.resources.values() if found.type.startswith("aws:")} == {
        "ebb:index:Monitoring"
    }
    for alarm in made.of(ALARM):
        assert (alarm.inputs["alarmActions"], alarm.inputs["okActions"]) == ([ARN], [ARN])
        assert alarm.inputs["treatMissingData"] == "notBreaching"
    assert made.result == ARN


@pytest.mark.parametrize(
    ("role", "metric", "queue", "threshold"),
    [
        ("dead-letter", "ApproximateNumberOfMessagesVisible", "jobs-dead", 1),
        ("dead-letter-age", "ApproximateAgeOfOldestMessage", "jobs-dead", 5 * DAY),
        ("oldest", "ApproximateAgeOfOldestMessage", "jobs", 2 * DAY),
    ],
)
def test_dead_letters_and_old_jobs_raise_an_alarm(role: str, metric: str, queue: str, threshold: int) -> None:
    inputs = dict(monitoring().one(ALARM, f"monitoring-{role}").inputs)
    for name in ("alarmDescription", "alarmActions", "okActions", "treatMissingData"):
        inputs.pop(name)
    assert inputs == {
        "namespace": "AWS/SQS",
        "metricName": metric,
        "dimensions": {"QueueName": queue},
        "statistic": "Maximum",
        "period": 60,
        "evaluationPeriods": 1,
        "datapointsToAlarm": 1,
        "threshold": threshold,
        "comparisonOperator": "GreaterThanOrEqualToThreshold",
    }


def test_jobs_that_wait_while_no_task_works_on_any_raise_an_alarm() -> None:
    inputs = monitoring().one(ALARM, "monitoring-stalled").inputs
    assert (inputs["evaluationPeriods"], inputs["datapointsToAlarm"], inputs["threshold"]) == (7, 7, 1)
    expression, *metrics = inputs["metricQueries"]
    assert expression["expression"] == "IF(n > 0 AND FILL(r,0) >= 3, 0, v + n)"
    queue = {"namespace": "AWS/SQS", "dimensions": {"QueueName": "jobs"}, "period": 300}
    service = {"namespace": "AWS/ECS", "dimensions": {"ClusterName": "cluster", "ServiceName": "worker"}, "period": 300}
    assert [(query["id"], query["metric"]) for query in metrics] == [
        ("v", {**queue, "metricName": "ApproximateNumberOfMessagesVisible", "stat": "Minimum"}),
        ("n", {**queue, "metricName": "ApproximateNumberOfMessagesNotVisible", "stat": "Maximum"}),
        ("r", {**service, "metricName": "CPUUtilization", "stat": "SampleCount"}),
    ]


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
