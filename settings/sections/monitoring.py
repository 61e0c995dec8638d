"""The section `monitoring`."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from settings.forms import CostTag, Email, HttpsUrl, Text, unique
from settings.sections.base import Section


class Monitoring(Section):
    """Who is notified of problems, and of which."""

    emails: Annotated[tuple[Email, ...], AfterValidator(unique)] = Field(
        (), description="Addresses that receive alarms. Each must confirm once."
    )
    urls: Annotated[tuple[HttpsUrl, ...], AfterValidator(unique)] = Field(
        (), description="HTTPS addresses that receive alarms from SNS by POST. Each must confirm the subscription once."
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
        return bool(self.emails or self.urls)
