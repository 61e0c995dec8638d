import json
from typing import Any

import pytest

from components.monitoring import Monitoring, MonitoringArgs
from policy.dashboard import dashboard
from policy.monitoring import DAY, alarms
from settings import Monitoring as MonitoringSettings
from settings import Settings
from tests.components.harness import ACCOUNT, REGION, Deployed, deploy, queue_refs
from tools.alarm_days.days import SETTINGS

TOPIC, POLICY = "aws:sns/topic:Topic", "aws:sns/topicPolicy:TopicPolicy"
SUBSCRIPTION, ALARM = "aws:sns/topicSubscription:TopicSubscription", "aws:cloudwatch/metricAlarm:MetricAlarm"
ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:monitoring"


def monitoring(*emails: str, settings: Settings | None = None, **section: Any) -> Deployed:
    def program() -> Any:
        chosen = MonitoringSettings(emails=emails, **section)
        args = MonitoringArgs(
            settings=chosen,
            alarms=alarms(settings or Settings(monitoring=chosen)),
            dashboard=dashboard(settings) if settings else None,
            queue=queue_refs(),
            cluster_name="cluster",
            service_name="worker",
            api_name="api",
            stage_name="run",
            watcher_arn="arn:watcher",
            start_arn="arn:start",
            release_arn="arn:release",
            table_name="job-table",
            nat_instance_id="i-1",
            webhook_dead_letter_name="webhook-dead",
        )
        return Monitoring("monitoring", args).topic_arn

    return deploy(program)


def test_the_dashboard_shows_this_stack_s_metrics_and_alarms() -> None:
    made = monitoring(settings=SETTINGS)
    inputs = made.one("aws:cloudwatch/dashboard:Dashboard").inputs
    assert inputs["dashboardName"] == f"ebb-test-{REGION}"
    _, shown, _, depth, *_ = json.loads(inputs["dashboardBody"])["widgets"]
    assert len(shown["properties"]["alarms"]) == len(alarms(SETTINGS))
    assert depth["properties"]["metrics"][0][:4] == [
        *("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "jobs")
    ]


def test_each_alarm_also_reports_its_end() -> None:
    made = monitoring(alarms="essential")
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


def test_each_part_of_the_stack_is_measured_by_its_own_dimensions() -> None:
    found = {}
    for made in monitoring(settings=SETTINGS).of(ALARM):
        queries = [each["metric"] for each in made.inputs.get("metricQueries", []) if "metric" in each]
        for each in queries or [made.inputs]:
            found[made.name.removeprefix("monitoring-"), each["metricName"]] = each["dimensions"]
    others = {name: value for name, value in found.items() if not {"QueueName", "ClusterName"} & value.keys()}
    assert others == {
        **{("failures", name): {"Queue": "jobs"} for name in ("JobsFailed", "JobsTimedOut", "JobsDone")},
        ("leases", "LeasesLost"): {"Queue": "jobs"},
        ("disk", "DiskUsed"): {"Queue": "jobs"},
        **{("api", name): {"ApiName": "api", "Stage": "run"} for name in ("5XXError", "Count")},
        ("schedules", "InvocationDroppedCount"): {"ScheduleGroup": "default"},
        ("watcher", "ExecutionsSucceeded"): {"StateMachineArn": "arn:watcher"},
        ("workflows", "ExecutionsFailed"): {"StateMachineArn": "arn:start"},
        **{("release", f"Executions{end}"): {"StateMachineArn": "arn:release"} for end in ("Failed", "TimedOut")},
        **{("throttled", f"{each}ThrottleEvents"): {"TableName": "job-table"} for each in ("Read", "Write")},
        ("nat", "StatusCheckFailed"): {"InstanceId": "i-1"},
        ("notifications", "NumberOfNotificationsFailed"): {"TopicName": "monitoring"},
    }
    assert found["webhook", "ApproximateNumberOfMessagesVisible"] == {"QueueName": "webhook-dead"}


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


def test_an_address_of_https_has_a_subscription_whose_name_does_not_show_it() -> None:
    url = "https://events.example.com/integration/key/enqueue"
    (found,) = monitoring(urls=(url,)).of(SUBSCRIPTION)
    assert found.name.startswith("monitoring-https-")
    assert "example" not in found.name
    assert found.inputs == {"topic": ARN, "protocol": "https", "endpoint": url}


def test_a_budget_notifies_the_topic_which_lets_aws_budgets_publish() -> None:
    made = monitoring("ops@example.com", budget=20, budget_tag="Environment=prod")
    notified = {"comparisonOperator": "GREATER_THAN", "threshold": 100, "thresholdType": "PERCENTAGE"}
    assert made.one("aws:budgets/budget:Budget").inputs == {
        "budgetType": "COST",
        "timeUnit": "MONTHLY",
        "limitAmount": "20",
        "limitUnit": "USD",
        "costFilters": [{"name": "TagKeyValue", "values": ["user:Environment$prod"]}],
        "notifications": [
            {**notified, "notificationType": kind, "subscriberSnsTopicArns": [ARN]} for kind in ("ACTUAL", "FORECASTED")
        ],
    }
    _, budgets = made.one(POLICY).statements
    assert budgets["Principal"] == {"Service": "budgets.amazonaws.com"}
    assert budgets["Condition"] == {
        "ArnLike": {"aws:SourceArn": f"arn:aws:budgets::{ACCOUNT}:*"},
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
    }


def test_a_chat_has_channels_of_slack_and_teams_with_a_role_that_reads_metrics_only() -> None:
    team, tenant = "0" * 8 + "-0000-0000-0000-" + "1" * 12, "0" * 8 + "-0000-0000-0000-" + "2" * 12
    slack = {"workspace": "T0123456789", "channel": "C0123456789"}
    teams = {"tenant": tenant, "team": team, "channel": "19%3Aabc%40thread.tacv2"}
    made = monitoring(chatbot={"slack": slack, "teams": teams})
    shared = {
        "iamRoleArn": f"arn:aws:iam:{REGION}:{ACCOUNT}:monitoring-chatbot",
        "guardrailPolicyArns": ["arn:aws:iam::aws:policy/CloudWatchReadOnlyAccess"],
        "snsTopicArns": [ARN],
        "region": "us-east-2",
    }
    name = f"ebb-test-{REGION}"
    assert made.one("aws:chatbot/slackChannelConfiguration:SlackChannelConfiguration").inputs == {
        **shared,
        "configurationName": f"{name}-slack",
        "slackTeamId": "T0123456789",
        "slackChannelId": "C0123456789",
    }
    assert made.one("aws:chatbot/teamsChannelConfiguration:TeamsChannelConfiguration").inputs == {
        **shared,
        "configurationName": f"{name}-teams",
        "tenantId": tenant,
        "teamId": team,
        "channelId": "19%3Aabc%40thread.tacv2",
    }
    (trust,) = made.one("aws:iam/role:Role").statements
    assert (trust["Principal"], trust["Action"]) == ({"Service": "chatbot.amazonaws.com"}, "sts:AssumeRole")
    (allowed,) = made.one("aws:iam/rolePolicy:RolePolicy").statements
    assert allowed["Action"] == ["cloudwatch:Describe*", "cloudwatch:Get*", "cloudwatch:List*"]
    assert made.of(SUBSCRIPTION) == []
