"""What the component Monitoring needs."""

from collections.abc import Iterator

from ebb.iam.document import ANY, Part
from ebb.iam.stack import Stack
from settings.limits import CHATBOT_REGION

_ALARM, _TOPIC = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:sns/topic:Topic"
_BUDGET = "aws:budgets/budget:Budget"


def parts(stack: Stack) -> Iterator[Part]:
    """The parts of the alarms, of who is notified, of the budget and of the dashboard."""
    place = stack.place
    logical = [
        "scaling-*",
        "monitoring-*",
        *(["network-nat-recover"] if stack.settings.network.nat == "instance" else []),
    ]
    yield Part(sid="AllAlarms", read=("cloudwatch:DescribeAlarms",), resources=ANY)
    yield Part(
        sid="Alarms",
        read=("cloudwatch:ListTagsForResource",),
        change=(
            *("cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"),
            "cloudwatch:UntagResource",
        ),
        resources=tuple(place.arn("cloudwatch", f"alarm:{name}") for name in stack.names.of(_ALARM, *logical)),
    )
    if stack.settings.monitoring.budget is not None:
        yield Part(
            sid="Budget",
            read=("budgets:ListTagsForResource", "budgets:ViewBudget"),
            change=("budgets:ModifyBudget", "budgets:TagResource", "budgets:UntagResource"),
            resources=tuple(
                place.everywhere("budgets", f"budget/{name}") for name in stack.names.of(_BUDGET, "monitoring")
            ),
        )
    yield from _chatbot(stack)
    if stack.settings.monitoring.dashboard:
        name = f"dashboard/{stack.names.project}-{stack.names.stack}-{place.region}"
        yield Part(
            sid="Dashboard",
            read=("cloudwatch:GetDashboard",),
            change=("cloudwatch:DeleteDashboards", "cloudwatch:PutDashboard"),
            resources=(place.everywhere("cloudwatch", name),),
        )
    if stack.settings.monitoring.subscribes:
        yield Part(
            sid="Subscriptions",
            read=("sns:GetSubscriptionAttributes",),
            change=("sns:SetSubscriptionAttributes", "sns:Unsubscribe"),
            resources=ANY,
        )
    subscribing = ("sns:ListSubscriptionsByTopic", "sns:Subscribe") if stack.settings.monitoring.subscribes else ()
    yield Part(
        sid="Topic",
        read=("sns:GetTopicAttributes", "sns:ListTagsForResource"),
        change=(
            *("sns:CreateTopic", "sns:DeleteTopic", "sns:SetTopicAttributes", "sns:TagResource", "sns:UntagResource"),
            *subscribing,
        ),
        resources=tuple(place.arn("sns", name) for name in stack.names.of(_TOPIC, "monitoring")),
    )


def _chatbot(stack: Stack) -> Iterator[Part]:
    """AWS Chatbot's actions by the kind of channel. What creates or lists has no resource."""
    chatbot = stack.settings.monitoring.chatbot
    if chatbot is None:
        return
    kinds: list[tuple[str, str, str]] = []  # in actions, in ARNs, and what lists
    if chatbot.slack:
        kinds.append(("Slack", "slack-channel", "chatbot:DescribeSlackChannelConfigurations"))
    if chatbot.teams:
        kinds.append(("MicrosoftTeams", "microsoft-teams-channel", "chatbot:ListMicrosoftTeamsChannelConfigurations"))
    yield Part(
        sid="AllChannels",
        read=(*(lists for _, _, lists in kinds), "chatbot:ListTagsForResource"),
        change=tuple(f"chatbot:Create{kind}ChannelConfiguration" for kind, _, _ in kinds),
        resources=ANY,
        condition={"StringEquals": {"aws:RequestedRegion": CHATBOT_REGION}},
    )
    own = f"{stack.names.project}-{stack.names.stack}-{stack.place.region}"
    yield Part(
        sid="Channels",
        change=(
            *(f"chatbot:{verb}{kind}ChannelConfiguration" for kind, _, _ in kinds for verb in ("Delete", "Update")),
            *("chatbot:TagResource", "chatbot:UntagResource"),
        ),
        resources=tuple(
            stack.place.everywhere("chatbot", f"chat-configuration/{kind}/{own}-*") for _, kind, _ in kinds
        ),
    )
