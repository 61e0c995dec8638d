"""Alarms for operators, and who receives them."""

import hashlib
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import _iam
from components._account import account
from components._secrets import kept
from components.queue import QueueRefs
from settings import Monitoring as MonitoringSettings

#: Seconds; SQS sends its metrics once a minute (SQS developer guide, "Available CloudWatch metrics").
PERIOD = 60


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """The settings' section `monitoring`, and the job queue."""

    settings: MonitoringSettings
    queue: QueueRefs


class Monitoring(pulumi.ComponentResource):
    """The operators' alarms.

    Creates:
    - an SNS topic to which alarms of this account may publish
    - an e-mail subscription for each address
    - an alarm for messages in the dead-letter queue
    """

    topic_arn: pulumi.Output[str]

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:Monitoring", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic(name, opts=child)
        self._let_alarms_publish(topic.arn)
        for email in args.settings.emails:
            # Pulumi's state shows names
            label = hashlib.sha256(email.encode()).hexdigest()[:8] if args.settings.encrypted else email
            aws.sns.TopicSubscription(
                f"{name}-email-{label}",
                topic=topic.arn,
                protocol="email",
                endpoint=kept(email, args.settings),
                opts=child,
            )
        aws.cloudwatch.MetricAlarm(
            f"{name}-dead-letter",
            alarm_description="Jobs failed permanently and are in the dead-letter queue",
            namespace="AWS/SQS",
            metric_name="ApproximateNumberOfMessagesVisible",
            dimensions={"QueueName": args.queue.dead_letter_name},
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

    def _let_alarms_publish(self, topic_arn: pulumi.Output[str]) -> None:
        here = account(self)
        publish = _iam.allow(
            ["sns:Publish"],
            topic_arn,
            Principal={"Service": "cloudwatch.amazonaws.com"},
            Condition={"ArnLike": {"aws:SourceArn": here.arn("cloudwatch", "alarm:*")}, **_iam.from_account(here.id)},
        )
        aws.sns.TopicPolicy(
            self.pulumi_resource_name,
            arn=topic_arn,
            policy=_iam.document([publish]),
            opts=pulumi.ResourceOptions(parent=self),
        )
