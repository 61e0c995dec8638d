"""Alarms for operators, and who receives them."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components import _alarm, _chatbot, _dashboard, _iam
from components._account import account
from components._queue_refs import QueueRefs
from components._secrets import kept
from policy.dashboard import Dashboard
from policy.plan import AlarmPlan, Source
from settings import Iam as IamSettings
from settings import Monitoring as MonitoringSettings


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """The settings' section `monitoring`, the plan's alarms by role, and what they measure."""

    settings: MonitoringSettings
    alarms: Mapping[str, AlarmPlan]
    #: None: no dashboard.
    dashboard: Dashboard | None = None
    queue: QueueRefs
    cluster_name: pulumi.Input[str]
    service_name: pulumi.Input[str]
    #: A key that CloudWatch may use, for the topic. With a key of SNS's own, alarms could not publish.
    kms_key_arn: pulumi.Input[str] | None = None
    api_name: pulumi.Input[str]
    stage_name: pulumi.Input[str]
    #: What only some stacks have. Three are workflows: of `watch`, of `direct`, and of delayed jobs.
    watcher_arn: pulumi.Input[str] | None = None
    start_arn: pulumi.Input[str] | None = None
    release_arn: pulumi.Input[str] | None = None
    table_name: pulumi.Input[str] | None = None
    nat_instance_id: pulumi.Input[str] | None = None
    webhook_dead_letter_name: pulumi.Input[str] | None = None
    iam: IamSettings = field(default_factory=IamSettings)

    def dimensions(self, topic_name: pulumi.Input[str]) -> _alarm.Dimensions:
        """What each source of a metric is in CloudWatch, if the stack has it."""
        optional: dict[Source, tuple[str, pulumi.Input[str] | None]] = {
            "watcher": ("StateMachineArn", self.watcher_arn),
            "start": ("StateMachineArn", self.start_arn),
            "release": ("StateMachineArn", self.release_arn),
            "table": ("TableName", self.table_name),
            "nat": ("InstanceId", self.nat_instance_id),
            "webhook_dead_letter": ("QueueName", self.webhook_dead_letter_name),
        }
        return {
            "queue": {"QueueName": self.queue.name},
            "dead_letter": {"QueueName": self.queue.dead_letter_name},
            "service": {"ClusterName": self.cluster_name, "ServiceName": self.service_name},
            "worker": {"Queue": self.queue.name},
            "api": {"ApiName": self.api_name, "Stage": self.stage_name},
            "schedules": {"ScheduleGroup": "default"},
            "topic": {"TopicName": topic_name},
            **{source: {name: value} for source, (name, value) in optional.items() if value is not None},
        }


class Monitoring(pulumi.ComponentResource):
    """The operators' alarms.

    Creates:
    - an SNS topic to which alarms of this account may publish
    - a subscription for each e-mail address and each URL
    - with `chatbot`, its channels of Slack and Microsoft Teams, and the role with which AWS Chatbot reads metrics
    - the alarms of policy/monitoring.py and policy/of_parts.py
    - with `budget`, a budget that notifies the topic
    - with `dashboard`, the dashboard of policy/dashboard.py
    """

    topic_arn: pulumi.Output[str]
    #: The alarms' names by role.
    alarm_names: dict[str, pulumi.Output[str]]
    #: The dashboard's address in the console; None without a dashboard.
    dashboard_url: pulumi.Output[str] | None = None

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:Monitoring", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic(name, kms_master_key_id=args.kms_key_arn, opts=child)
        self._let_publish(topic.arn, budget=args.settings.budget is not None)
        for protocol, endpoint in self._receivers(args.settings):
            # Pulumi's state shows names, and a URL may be a secret
            hashed = args.settings.encrypted or protocol == "https"
            label = hashlib.sha256(endpoint.encode()).hexdigest()[:8] if hashed else endpoint
            aws.sns.TopicSubscription(
                f"{name}-{protocol}-{label}",
                topic=topic.arn,
                protocol=protocol,
                endpoint=kept(endpoint, args.settings),
                opts=child,
            )
        if chatbot := args.settings.chatbot:
            _chatbot.make(chatbot, args.iam, topic.arn, self)
        dimensions = args.dimensions(topic.name)
        made = {
            role: aws.cloudwatch.MetricAlarm(
                f"{name}-{role}",
                **_alarm.inputs(alarm, dimensions),
                alarm_actions=[topic.arn],
                ok_actions=[topic.arn],
                opts=child,
            )
            for role, alarm in args.alarms.items()
        }
        self.topic_arn = topic.arn
        self.alarm_names = {role: alarm.name for role, alarm in made.items()}
        if args.settings.budget is not None:
            self._budget(args.settings.budget, args.settings.budget_tag, topic.arn)
        if args.dashboard:
            self._dashboard(args.dashboard, dimensions, [alarm.arn for alarm in made.values()])
        self.register_outputs(
            {"topic_arn": self.topic_arn, "alarm_names": self.alarm_names, "dashboard_url": self.dashboard_url}
        )

    def _dashboard(self, plan: Dashboard, dimensions: _alarm.Dimensions, alarm_arns: list[pulumi.Output[str]]) -> None:
        """A dashboard has no region in its ARN: its name is unique in the account."""
        here = account(self)
        name = pulumi.Output.format("{0}-{1}-{2}", pulumi.get_project(), pulumi.get_stack(), here.region)
        body = pulumi.Output.json_dumps(
            pulumi.Output.all(dimensions=dimensions, alarm_arns=alarm_arns, region=here.region).apply(
                lambda known: _dashboard.body(plan, **known)
            )
        )
        made = aws.cloudwatch.Dashboard(
            self.pulumi_resource_name,
            dashboard_name=name,
            dashboard_body=body,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.dashboard_url = pulumi.Output.all(here.partition, here.region, made.dashboard_name).apply(
            lambda known: _dashboard.url(*known)
        )

    @staticmethod
    def _receivers(settings: MonitoringSettings) -> Iterator[tuple[str, str]]:
        """The protocol and the address of each subscription."""
        yield from (("email", email) for email in settings.emails)
        yield from (("https", url) for url in settings.urls)

    def _budget(self, dollars: float, tag: str | None, topic_arn: pulumi.Output[str]) -> None:
        key, _, value = (tag or "").partition("=")
        aws.budgets.Budget(
            self.pulumi_resource_name,
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=f"{dollars:g}",
            limit_unit="USD",
            # the form of a tag that a user made (AWS Budgets API, Budget, CostFilters)
            cost_filters=[{"name": "TagKeyValue", "values": [f"user:{key}${value}"]}] if tag else None,
            notifications=[
                {
                    "comparison_operator": "GREATER_THAN",
                    "notification_type": kind,
                    "threshold": 100,
                    "threshold_type": "PERCENTAGE",
                    "subscriber_sns_topic_arns": [topic_arn],
                }
                for kind in ("ACTUAL", "FORECASTED")
            ],
            # the topic must already let AWS Budgets publish
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._policy]),
        )

    def _let_publish(self, topic_arn: pulumi.Output[str], *, budget: bool) -> None:
        """CloudWatch may publish for alarms, and AWS Budgets for budgets of this account."""
        here = account(self)
        sources = {"cloudwatch": here.arn("cloudwatch", "alarm:*")}
        if budget:  # a budget's ARN has no region (Cost Management user guide, "Creating an Amazon SNS topic")
            sources["budgets"] = pulumi.Output.format("arn:{0}:budgets::{1}:*", here.partition, here.id)
        statements = [
            _iam.allow(
                ["sns:Publish"],
                topic_arn,
                Principal={"Service": f"{service}.amazonaws.com"},
                Condition={"ArnLike": {"aws:SourceArn": source}, **_iam.from_account(here.id)},
            )
            for service, source in sources.items()
        ]
        self._policy = aws.sns.TopicPolicy(
            self.pulumi_resource_name,
            arn=topic_arn,
            policy=_iam.document(statements),
            opts=pulumi.ResourceOptions(parent=self),
        )
