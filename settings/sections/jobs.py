"""The section `jobs`."""

from pydantic import Field

from settings.forms import HeaderName, SecretName, WebhookUrl
from settings.sections.base import Section


class Webhook(Section):
    """A URL that EventBridge calls when a job has ended."""

    url: WebhookUrl = Field(description="The address that gets the events, by POST.")
    header: HeaderName = Field("Authorization", description="The header that carries the secret.")
    secret: SecretName = Field(
        description="Where the header's value is: an SSM parameter or a Secrets Manager secret. Read when the webhook "
        "is created (see [architecture.md](architecture.md))."
    )


class Jobs(Section):
    """The job table: each job has a state that can be asked, and a finished job does not run again."""

    keep_days: int | None = Field(
        None,
        ge=1,
        le=365,
        description="Days that a DynamoDB table keeps a job after its end. With it the API has the job resource (see "
        "[api.md](api.md)). Default: no table.",
    )
    events: bool = Field(
        False, description="The worker sends an event to EventBridge's default bus when a job has ended."
    )
    webhook: Webhook | None = Field(None, description="Calls a URL with each of these events.")

    @property
    def table(self) -> bool:
        """Whether the stack has a job table."""
        return self.keep_days is not None
