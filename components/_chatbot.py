"""Channels of Slack and Microsoft Teams that receive alarms, by AWS Chatbot."""

from typing import Any

import pulumi
import pulumi_aws as aws

from components import _iam
from components._account import account
from settings import Chatbot, Iam
from settings.limits import CHATBOT_REGION

#: What AWS's own role for notifications allows (AWS Chatbot administrator guide, "IAM policies", notification
#: permissions): AWS Chatbot shows the graph of an alarm's metric.
READ_METRICS = ("cloudwatch:Describe*", "cloudwatch:Get*", "cloudwatch:List*")


def make(settings: Chatbot, iam: Iam, topic_arn: pulumi.Input[str], parent: pulumi.ComponentResource) -> None:
    """The role and a configuration for each channel. AWS Chatbot subscribes them to the topic itself."""
    name, here = parent.pulumi_resource_name, account(parent)
    child = pulumi.ResourceOptions(parent=parent)
    # no condition on the source: AWS Chatbot documents none. A channel takes roles of the same account only (PassRole)
    role = _iam.role(f"{name}-chatbot", _iam.trust("chatbot.amazonaws.com"), iam, child)
    read = _iam.document([_iam.allow(READ_METRICS, "*")])
    policy = aws.iam.RolePolicy(f"{name}-chatbot", role=role.name, policy=read, opts=child)
    after = pulumi.ResourceOptions(parent=parent, depends_on=[policy])
    own = pulumi.Output.format("{0}-{1}-{2}", pulumi.get_project(), pulumi.get_stack(), here.region)
    # the limit of every role in the channel; AWS's default is AdministratorAccess
    guardrail = pulumi.Output.format("arn:{0}:iam::aws:policy/CloudWatchReadOnlyAccess", here.partition)
    shared: dict[str, Any] = {
        "iam_role_arn": role.arn,
        "guardrail_policy_arns": [guardrail],
        "sns_topic_arns": [topic_arn],
        "region": CHATBOT_REGION,
        "opts": after,
    }
    if slack := settings.slack:
        aws.chatbot.SlackChannelConfiguration(
            f"{name}-slack",
            configuration_name=pulumi.Output.concat(own, "-slack"),
            slack_team_id=slack.workspace,
            slack_channel_id=slack.channel,
            **shared,
        )
    if teams := settings.teams:
        aws.chatbot.TeamsChannelConfiguration(
            f"{name}-teams",
            configuration_name=pulumi.Output.concat(own, "-teams"),
            tenant_id=teams.tenant,
            team_id=teams.team,
            channel_id=teams.channel,
            **shared,
        )
