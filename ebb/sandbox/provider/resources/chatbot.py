"""AWS Chatbot: channels of Slack and Microsoft Teams. No emulator has it: the call is checked, and not made."""

from collections.abc import Callable

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Call, Props, Row, pick

_SHARED = ("configurationName", "iamRoleArn", "guardrailPolicyArns", "snsTopicArns")
_SLACK = ("slackChannelId", "slackTeamId")
_TEAMS = ("channelId", "teamId", "tenantId")
#: AWS Chatbot's API is in four regions only, so a configuration names one.
_REGION = "region"


def _slack(props: Props) -> Call:
    return "chatbot", "create_slack_channel_configuration", pick(props, *_SHARED, *_SLACK)


def _teams(props: Props) -> Call:
    return "chatbot", "create_microsoft_teams_channel_configuration", pick(props, *_SHARED, *_TEAMS)


def _create(kind: str) -> Callable[[Aws, Props], tuple[str, Props]]:
    def create(aws: Aws, props: Props) -> tuple[str, Props]:
        arn = f"arn:aws:chatbot::{aws.account}:chat-configuration/{kind}/{props['configurationName']}"
        return arn, {"chatConfigurationArn": arn}

    return create


def _read(_: Aws, __: str, outputs: Props) -> Props | None:
    return outputs


def _row(name: str, request: Callable[[Props], Call], kind: str, own: tuple[str, ...]) -> Row:
    return Row(
        type=f"aws:chatbot/{name[0].lower()}{name[1:]}:{name}",
        inputs=frozenset({*_SHARED, *own, _REGION}),
        required=frozenset({"configurationName", "iamRoleArn", *own}),
        replaces=frozenset({_REGION}),
        request=request,
        create=_create(kind),
        read=_read,
        update=lambda aws, _, __, new: _create(kind)(aws, new)[1],
        delete=lambda _, __, ___: None,
    )


ROWS = (
    _row("SlackChannelConfiguration", _slack, "slack-channel", _SLACK),
    _row("TeamsChannelConfiguration", _teams, "microsoft-teams-channel", _TEAMS),
)
