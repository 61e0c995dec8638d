"""Alarms for operators, and who receives them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import _alarm, _iam
from components._account import account
from components._queue_refs import QueueRefs
from components._secrets import kept
from policy.plan import AlarmPlan
from settings import Monitoring as MonitoringSettings


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """The settings' section `monitoring`, the plan's alarms by role, and what they measure."""

    settings: MonitoringSettings
    alarms: Mapping[str, AlarmPlan]
    queue: QueueRefs
    cluster_name: pulumi.Input[str]
    service_name: pulumi.Input[str]
    #: A key that CloudWatch may use, for the topic. With a key of SNS's own, alarms could not publish.
    kms_key_arn: pulumi.Input[str] | None = None
    #: The watcher's workflow; None without a watcher.
    watcher_arn: pulumi.Input[str] | None = None
    #: The queue of events that the webhook did not take; None without a webhook.
    webhook_dead_letter_name: pulumi.Input[str] | None = None


class Monitoring(pulumi.ComponentResource):
    """The operators' alarms.

    Creates:
    - an SNS topic to which alarms of this account may publish
    - an e-mail subscription for each address
    - the alarms: jobs that wait while nothing works on them, a job that is too old, dead letters, a watcher or
      a webhook that fails
    """

    topic_arn: pulumi.Output[str]

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:Monitoring", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic(name, kms_master_key_id=args.kms_key_arn, opts=child)
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
        dimensions: _alarm.Dimensions = {
            "queue": {"QueueName": args.queue.name},
            "dead_letter": {"QueueName": args.queue.dead_letter_name},
            "service": {"ClusterName": args.cluster_name, "ServiceName": args.service_name},
            "webhook_dead_letter": (
                {} if args.webhook_dead_letter_name is None else {"QueueName": args.webhook_dead_letter_name}
            ),
            "watcher": {} if args.watcher_arn is None else {"StateMachineArn": args.watcher_arn},
        }
        for role, alarm in args.alarms.items():
            aws.cloudwatch.MetricAlarm(
                f"{name}-{role}",
                **_alarm.inputs(alarm, dimensions),
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
