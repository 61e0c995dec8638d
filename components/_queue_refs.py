"""What the components need of the job queue."""

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class QueueRefs:
    """What other components need of the job queue and its dead-letter queue.

    `visibility_timeout` is in seconds. `kms_key_arn` is None if SQS's own key encrypts the queues.
    """

    fifo: bool
    visibility_timeout: int
    retention_days: int
    max_receive_count: int
    name: pulumi.Input[str]
    url: pulumi.Input[str]
    arn: pulumi.Input[str]
    dead_letter_name: pulumi.Input[str]
    dead_letter_url: pulumi.Input[str]
    dead_letter_arn: pulumi.Input[str]
    kms_key_arn: pulumi.Input[str] | None = None
