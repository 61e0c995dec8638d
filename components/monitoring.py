"""Who is told when a job fails for good.

Creates an SNS topic that this account's alarms may publish to, an e-mail subscription per address, and an alarm on
messages in the dead-letter queue.
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import _iam
from settings import Monitoring as MonitoringSettings

#: Seconds; SQS sends its metrics once a minute (SQS developer guide, "Available CloudWatch metrics").
PERIOD = 60


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """The settings' section `monitoring`, and the name of the dead-letter queue."""

    settings: MonitoringSettings
    dead_letter_name: pulumi.Input[str]


class Monitoring(pulumi.ComponentResource):
    """The operators' alarms and how they get to them."""

    topic_arn: pulumi.Output[str]

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:Monitoring", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic(name, opts=child)
        self._let_alarms_publish(name, topic.arn)
        for email in args.settings.emails:
            aws.sns.TopicSubscription(
                f"{name}-email-{email}", topic=topic.arn, protocol="email", endpoint=email, opts=child
            )
        aws.cloudwatch.MetricAlarm(
            f"{name}-dead-letter",
            alarm_description="Jobs failed for good and wait in the dead-letter queue",
            namespace="AWS/SQS",
            metric_name="ApproximateNumberOfMessagesVisible",
            dimensions={"QueueName": args.dead_letter_name},
            statistic="Maximum",
            period=PERIOD,
            evaluation_periods=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[topic.arn],
            ok_actions=[topic.arn],
            opts=child,
        )
        self.topic_arn = topic.arn
        self.register_outputs({"topic_arn": self.topic_arn})

    def _let_alarms_publish(self, name: str, topic_arn: pulumi.Output[str]) -> None:
        invoke = pulumi.InvokeOutputOptions(parent=self)
        account = aws.get_caller_identity_output(opts=invoke).account_id
        alarms = pulumi.Output.format(
            "arn:{0}:cloudwatch:{1}:{2}:alarm:*",
            aws.get_partition_output(opts=invoke).partition,
            aws.get_region_output(opts=invoke).region,
            account,
        )
        publish = _iam.allow(
            ["sns:Publish"],
            topic_arn,
            Principal={"Service": "cloudwatch.amazonaws.com"},
            Condition={"ArnLike": {"aws:SourceArn": alarms}, "StringEquals": {"aws:SourceAccount": account}},
        )
        aws.sns.TopicPolicy(
            name, arn=topic_arn, policy=_iam.document([publish]), opts=pulumi.ResourceOptions(parent=self)
        )
