"""The job queue.

Creates the queue and its dead-letter queue (encrypted, TLS only, the dead-letter queue for this queue alone), and on
request a KMS key with its alias.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components import _iam
from settings import Queue as QueueSettings

DAY = 24 * 3600  # seconds
#: Seconds that a dead letter is kept: SQS's most (SetQueueAttributes), and more than the queue itself keeps a job,
#: since a moved message keeps its first day.
DEAD_LETTER_RETENTION = 14 * DAY
#: Seconds that a receive waits for a message: SQS's most, and the fewest empty answers to pay for.
RECEIVE_WAIT = 20
#: What each service does with the key on behalf of whoever uses it (SQS developer guide, "Key management"; DynamoDB
#: developer guide, "Encryption at rest: usage notes").
USED_BY = {
    "sqs": ("kms:Decrypt", "kms:GenerateDataKey"),
    "dynamodb": (
        *("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"),
        *("kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
    ),
}
#: What the KMS developer guide lets a key's administrators do ("Allows key administrators"); using it is not in it.
KEY_ADMINISTRATION = (
    *("Create*", "Describe*", "Enable*", "List*", "Put*", "Update*", "Revoke*", "Disable*", "Get*", "Delete*"),
    *("TagResource", "UntagResource", "ScheduleKeyDeletion", "CancelKeyDeletion", "RotateKeyOnDemand"),
)


@dataclass(frozen=True, kw_only=True)
class JobQueueArgs:
    """The settings' section `queue`, and whether the idempotency store is encrypted with its key, too."""

    settings: QueueSettings
    once: bool = False


class JobQueue(pulumi.ComponentResource):
    """A standard or FIFO queue with its dead-letter queue."""

    url: pulumi.Output[str]
    arn: pulumi.Output[str]
    queue_name: pulumi.Output[str]
    dead_letter_url: pulumi.Output[str]
    dead_letter_arn: pulumi.Output[str]
    dead_letter_name: pulumi.Output[str]
    #: The customer key that encrypts both queues, None with SQS's own.
    kms_key_arn: pulumi.Output[str] | None

    def __init__(self, name: str, args: JobQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:JobQueue", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        settings = args.settings
        self.kms_key_arn = self._key(name, settings.kms, args.once)
        common: dict[str, Any] = {"kms_master_key_id": self.kms_key_arn}
        if self.kms_key_arn is None:
            common = {"sqs_managed_sse_enabled": True}
        if settings.fifo:
            # high throughput: limits, and deduplication, by message group (SQS developer guide, "High throughput")
            common |= {
                "fifo_queue": True,
                "deduplication_scope": "messageGroup",
                "fifo_throughput_limit": "perMessageGroupId",
            }
        dead = aws.sqs.Queue(
            f"{name}-dead-letter", message_retention_seconds=DEAD_LETTER_RETENTION, **common, opts=child
        )
        queue = aws.sqs.Queue(
            name,
            name=settings.name,
            visibility_timeout_seconds=settings.visibility_timeout,
            message_retention_seconds=settings.retention_days * DAY,
            receive_wait_time_seconds=RECEIVE_WAIT,
            redrive_policy=pulumi.Output.json_dumps(
                {"deadLetterTargetArn": dead.arn, "maxReceiveCount": settings.max_receive_count}
            ),
            **common,
            opts=child,
        )
        aws.sqs.RedriveAllowPolicy(
            f"{name}-dead-letter",
            queue_url=dead.url,
            redrive_allow_policy=pulumi.Output.json_dumps(
                {"redrivePermission": "byQueue", "sourceQueueArns": [queue.arn]}
            ),
            opts=child,
        )
        for owner, resource in ((name, queue), (f"{name}-dead-letter", dead)):
            aws.sqs.QueuePolicy(owner, queue_url=resource.url, policy=_tls_only(resource.arn), opts=child)

        self.url, self.arn, self.queue_name = queue.url, queue.arn, queue.name
        self.dead_letter_url, self.dead_letter_arn, self.dead_letter_name = dead.url, dead.arn, dead.name
        self.register_outputs(
            {
                "url": self.url,
                "arn": self.arn,
                "queue_name": self.queue_name,
                "dead_letter_url": self.dead_letter_url,
                "dead_letter_arn": self.dead_letter_arn,
                "dead_letter_name": self.dead_letter_name,
                "kms_key_arn": self.kms_key_arn,
            }
        )

    def _key(self, name: str, kms: str, once: bool) -> pulumi.Output[str] | None:
        if kms == "none":
            return None
        if kms != "new":
            return pulumi.Output.from_input(kms)
        child = pulumi.ResourceOptions(parent=self)
        key = aws.kms.Key(
            f"{name}-key",
            description="Encrypts the job queue and its dead-letter queue",
            enable_key_rotation=True,
            policy=_key_policy(pulumi.InvokeOutputOptions(parent=self), USED_BY if once else {"sqs": USED_BY["sqs"]}),
            opts=child,
        )
        aws.kms.Alias(f"{name}-key", name_prefix=f"alias/{name}-", target_key_id=key.key_id, opts=child)
        return key.arn


def _tls_only(queue_arn: pulumi.Input[str]) -> pulumi.Output[str]:
    return _iam.document(
        [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sqs:*",
                "Resource": queue_arn,
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ]
    )


def _key_policy(invoke: pulumi.InvokeOutputOptions, used_by: Mapping[str, Sequence[str]]) -> pulumi.Output[str]:
    """The account administers the key; roles with a permission of their own use it, through these services alone."""
    partition = aws.get_partition_output(opts=invoke)
    region = aws.get_region_output(opts=invoke).region
    root = pulumi.Output.format(
        "arn:{0}:iam::{1}:root", partition.partition, aws.get_caller_identity_output(opts=invoke).account_id
    )
    # in a key's policy the resource "*" is the key itself (KMS developer guide, "Key policies")
    own = {"Principal": {"AWS": root}}
    statements = [_iam.allow([f"kms:{verb}" for verb in KEY_ADMINISTRATION], "*", Sid="Administer", **own)]
    for service, actions in used_by.items():
        through = pulumi.Output.format("{0}.{1}.{2}", service, region, partition.dns_suffix)
        condition = {"StringEquals": {"kms:ViaService": through}}
        statements.append(_iam.allow(actions, "*", Sid=f"UseThrough{service.capitalize()}", **own, Condition=condition))
    return _iam.document(statements)
