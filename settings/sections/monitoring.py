"""The section `monitoring`."""

from typing import Annotated

from pydantic import AfterValidator, Field

from settings.forms import Email, unique
from settings.sections.base import Section


class Monitoring(Section):
    """Who is notified of problems."""

    emails: Annotated[tuple[Email, ...], AfterValidator(unique)] = Field(
        (), description="Addresses that receive alarms."
    )
