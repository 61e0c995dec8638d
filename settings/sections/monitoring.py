"""The section `monitoring`."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from settings.forms import (
    CostTag,
    Email,
    HttpsUrl,
    SlackChannel,
    SlackWorkspace,
    TeamsChannel,
    TeamsTeam,
    TeamsTenant,
    Text,
    unique,
)
from settings.sections.base import Section


class Slack(Section):
    """A channel of Slack. Invite the app to it: `/invite @Amazon Q`."""

    workspace: SlackWorkspace = Field(
        description="The workspace, which an administrator authorized once in the AWS account, in the console of "
        "Amazon Q Developer in chat applications."
    )
    channel: SlackChannel = Field(
        description="The channel, the last part of its link. Only one stack of an AWS account can have it."
    )


class Teams(Section):
    """A channel of Microsoft Teams. All ids are in the channel's link."""

    tenant: TeamsTenant = Field(description="The tenant (`tenantId`).")
    team: TeamsTeam = Field(
        description="The team (`groupId`), which an administrator authorized once in the AWS account, in the console "
        "of Amazon Q Developer in chat applications. Only one stack of an AWS account can have it."
    )
    channel: TeamsChannel = Field(description="The channel, as in the link, such as `19%3Aabc%40thread.tacv2`.")


class Chatbot(Section):
    """Alarms in a chat, by AWS Chatbot (Amazon Q Developer in chat applications). It is free."""

    slack: Slack | None = Field(None, description="A channel of Slack.")
    teams: Teams | None = Field(None, description="A channel of Microsoft Teams.")


class Monitoring(Section):
    """Who is notified of problems, and of which."""

    emails: Annotated[tuple[Email, ...], AfterValidator(unique)] = Field(
        (), description="Addresses that receive alarms. Each must confirm once."
    )
    urls: Annotated[tuple[HttpsUrl, ...], AfterValidator(unique)] = Field(
        (), description="HTTPS addresses that receive alarms from SNS by POST. Each must confirm the subscription once."
    )
    chatbot: Chatbot | None = Field(
        None,
        description="Channels of Slack and Microsoft Teams that receive alarms, such as "
        "`{slack: {workspace: T0123456789, channel: C0123456789}}`.",
    )
    alarms: Literal["all", "essential"] = Field(
        "all",
        description="`essential`: only the alarms on waiting jobs, dead letters and the watcher. `all`: also on tasks "
        "without work, attempts that fail, the API, schedules, workflows, disk, the table, NAT and the notifications "
        "(see [runbook.md](runbook.md)). The price is $0.10 a month for each metric of an alarm.",
    )
    budget: float | None = Field(
        None,
        gt=0,
        description="US dollars a month. AWS Budgets notifies the same receivers when the costs are above it, or will "
        "be by its forecast. It is free, and some hours late. Default: no budget.",
    )
    budget_tag: CostTag | None = Field(
        None,
        description="The cost allocation tag, `KEY=VALUE`, whose costs the budget counts. The account must have "
        "activated it, otherwise the costs are 0. Default: all costs of the account.",
    )
    dashboard: bool = Field(
        True,
        description="A CloudWatch dashboard. Three of an account are free; each further one is $3.00 a month.",
    )
    runbook: Text = Field(
        "docs/runbook.md",
        description="Where your copy of [runbook.md](runbook.md) is, such as a URL. Each alarm links to its paragraph.",
    )

    @property
    def notifies(self) -> bool:
        """Whether someone receives the alarms."""
        return self.subscribes or self.chatbot is not None

    @property
    def subscribes(self) -> bool:
        """Whether the stack creates subscriptions. AWS Chatbot creates those of its channels itself."""
        return bool(self.emails or self.urls)
