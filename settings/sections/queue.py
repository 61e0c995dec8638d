"""The section `queue`."""

import json

from pydantic import Field, JsonValue

from settings import limits
from settings.cron import Cron, Rate
from settings.forms import Kms, MessageGroup, QueueName, ScheduleName, Timezone
from settings.sections.base import Section


class Schedule(Section):
    """A recurring job: EventBridge Scheduler sends it to the queue."""

    name: ScheduleName = Field(description="A name that no other schedule of the stack has.")
    cron: Cron | None = Field(None, description="When, as a cron expression such as `0 3 * * ? *`: each day at 03:00.")
    rate: Rate | None = Field(
        None, description="How often, such as `12 hours`, counted from the deployment on. Set either `cron` or `rate`."
    )
    timezone: Timezone = Field("UTC", description="Time zone of `cron`.")
    body: dict[str, JsonValue] = Field(
        {},
        description="The job, a JSON object of at most 255 KB. In its texts, `<aws.scheduler.scheduled-time>` becomes "
        "the time for which the job was scheduled.",
    )
    group: MessageGroup | None = Field(None, description="The job's message group. A FIFO queue needs it.")

    @property
    def expression(self) -> str:
        """The schedule's expression in AWS's form."""
        return f"rate({self.rate})" if self.rate else f"cron({self.cron})"

    @property
    def text(self) -> str:
        """The message's body."""
        return json.dumps(self.body)


class Queue(Section):
    """The job queue and its dead-letter queue."""

    fifo: bool = Field(False, description="A FIFO queue: order within message groups, and deduplication.")
    name: QueueName | None = Field(None, description="The queue's name. Default: Pulumi generates one.")
    visibility_timeout: int = Field(
        300,
        ge=0,
        le=limits.MAX_VISIBILITY_SECONDS,
        description="Seconds until a received job is visible again, unless the worker extends them.",
    )
    retention_days: int = Field(
        4,
        ge=1,
        le=limits.MAX_RETENTION_DAYS - 1,
        description=f"Days that a waiting job is kept. The dead-letter queue keeps it for {limits.MAX_RETENTION_DAYS}. "
        "When you reduce it, SQS deletes the waiting jobs that are older.",
    )
    max_receive_count: int = Field(5, ge=1, le=1000, description="Attempts before a job goes to the dead-letter queue.")
    kms: Kms = Field("none", description="Encryption: SQS's own key (`none`), a `new` KMS key, or the KMS key's ARN.")
    schedules: tuple[Schedule, ...] = Field((), description="Recurring jobs.")
