"""Channels of Slack and Microsoft Teams."""

import pulumi
import pulumi_aws as aws


def chat(topic: aws.sns.Topic) -> None:
    role = pulumi.Output.format("arn:aws:iam::{0}:role/chat", topic.owner)
    guardrails = ["arn:aws:iam::aws:policy/CloudWatchReadOnlyAccess"]
    aws.chatbot.SlackChannelConfiguration(
        "slack",
        configuration_name="slack",
        slack_team_id="T0123456789",
        slack_channel_id="C0123456789",
        iam_role_arn=role,
        guardrail_policy_arns=guardrails,
        sns_topic_arns=[topic.arn],
        region="us-east-2",
    )
    aws.chatbot.TeamsChannelConfiguration(
        "teams",
        configuration_name="teams",
        tenant_id="01234567-89ab-cdef-0123-456789abcdef",
        team_id="01234567-89ab-cdef-0123-456789abcdef",
        channel_id="19%3Aabc%40thread.tacv2",
        iam_role_arn=role,
        guardrail_policy_arns=guardrails,
        sns_topic_arns=[topic.arn],
        region="us-east-2",
    )
