"""The section `queue`."""

from pydantic import Field

from settings import limits
from settings.forms import Kms, QueueName
from settings.sections.base import Section


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
