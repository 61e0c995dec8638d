"""The job queue, its dead-letter queue and, on request, the KMS key that encrypts both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components import _iam, guard
from components._account import Account, account
from components._queue_refs import QueueRefs
from settings import Queue as QueueSettings
from settings.limits import MAX_RECEIVE_WAIT_SECONDS, MAX_RETENTION_DAYS

DAY = 24 * 3600  # seconds
#: Permissions that each service uses with the permissions of its caller (SQS developer guide, "Key management";
#: DynamoDB developer guide, "Encryption at rest: usage notes").
USED_BY = {
    "sqs": ("kms:Decrypt", "kms:GenerateDataKey"),
    "dynamodb": (
        *("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"),
        *("kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
    ),
}
#: What a key's administrators may do (KMS developer guide, "Allows key administrators"). It does not include using it.
KEY_ADMINISTRATION = (
    *("Create*", "Describe*", "Enable*", "List*", "Put*", "Update*", "Revoke*", "Disable*", "Get*", "Delete*"),
    *("TagResource", "UntagResource", "ScheduleKeyDeletion", "CancelKeyDeletion", "RotateKeyOnDemand"),
)

#: What CloudWatch Logs does with a key.
LOG_KEY = (
    *("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"),
    *("kms:ReEncryptFrom", "kms:ReEncryptTo"),
)


@dataclass(frozen=True, kw_only=True)
class JobQueueArgs:
    """The settings' section `queue`. `table`: the job table uses the queue's KMS key."""

    settings: QueueSettings
    table: bool = False


class JobQueue(pulumi.ComponentResource):
    """A standard or FIFO queue with its dead-letter queue.

    Creates:
    - the queue and the dead-letter queue, which accepts messages of this queue only
    - a policy for each that requires TLS
    - with `kms: new`, a KMS key and its alias
    """

    refs: QueueRefs

    def __init__(self, name: str, args: JobQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:JobQueue", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        settings = args.settings
        own_key = pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(hooks=guard.keep_own_key(settings.kms)))
        kms_key_arn = self._key(name, settings.kms, args.table, own_key)
        common: dict[str, Any] = {"kms_master_key_id": kms_key_arn}
        if kms_key_arn is None:
            common = {"sqs_managed_sse_enabled": True}
        if settings.fifo:
            # limits and deduplication per message group (SQS developer guide, "High throughput for FIFO queues")
            common |= {
                "fifo_queue": True,
                "deduplication_scope": "messageGroup",
                "fifo_throughput_limit": "perMessageGroupId",
            }
        kept = pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(hooks=guard.keep_with_messages()))
        dead = aws.sqs.Queue(
            f"{name}-dead-letter",
            # a moved message keeps the date on which it was sent, so this must be longer than the queue's own retention
            message_retention_seconds=MAX_RETENTION_DAYS * DAY,
            **common,
            opts=kept,
        )
        queue = aws.sqs.Queue(
            name,
            name=settings.name,
            visibility_timeout_seconds=settings.visibility_timeout,
            message_retention_seconds=settings.retention_days * DAY,
            receive_wait_time_seconds=MAX_RECEIVE_WAIT_SECONDS,  # the fewest empty responses to pay for
            redrive_policy=pulumi.Output.json_dumps(
                {"deadLetterTargetArn": dead.arn, "maxReceiveCount": settings.max_receive_count}
            ),
            **common,
            opts=kept,
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
            policy = _iam.document([_iam.tls_only(resource.arn)])
            aws.sqs.QueuePolicy(owner, queue_url=resource.url, policy=policy, opts=child)

        self.refs = QueueRefs(
            fifo=settings.fifo,
            visibility_timeout=settings.visibility_timeout,
            retention_days=settings.retention_days,
            max_receive_count=settings.max_receive_count,
            name=queue.name,
            url=queue.url,
            arn=queue.arn,
            dead_letter_name=dead.name,
            dead_letter_url=dead.url,
            dead_letter_arn=dead.arn,
            kms_key_arn=kms_key_arn,
        )
        self.register_outputs(
            {
                "url": queue.url,
                "arn": queue.arn,
                "queue_name": queue.name,
                "dead_letter_url": dead.url,
                "dead_letter_arn": dead.arn,
                "dead_letter_name": dead.name,
                "kms_key_arn": kms_key_arn,
            }
        )

    def _key(self, name: str, kms: str, table: bool, opts: pulumi.ResourceOptions) -> pulumi.Output[str] | None:
        if kms == "none":
            return None
        if kms != "new":
            return pulumi.Output.from_input(kms)
        child = pulumi.ResourceOptions(parent=self)
        key = aws.kms.Key(
            f"{name}-key",
            description="Encrypts the job queue, its dead-letter queue, the logs and what alarms report",
            enable_key_rotation=True,
            policy=self._key_policy(USED_BY if table else {"sqs": USED_BY["sqs"]}),
            opts=opts,
        )
        aws.kms.Alias(f"{name}-key", name_prefix=f"alias/{name}-", target_key_id=key.key_id, opts=child)
        return key.arn

    def _key_policy(self, used_by: Mapping[str, Sequence[str]]) -> pulumi.Output[str]:
        """The account may administer the key. Its roles may use the key through these services only."""
        here = account(self)
        root = pulumi.Output.format("arn:{0}:iam::{1}:root", here.partition, here.id)
        principal = {"Principal": {"AWS": root}}
        # in a key policy the resource "*" is the key itself (KMS developer guide, "Key policies")
        administer = [f"kms:{verb}" for verb in KEY_ADMINISTRATION]
        statements = [_iam.allow(administer, "*", Sid="Administer", **principal)]
        for service, actions in used_by.items():
            through = pulumi.Output.format("{0}.{1}.{2}", service, here.region, here.dns_suffix)
            condition = {"StringEquals": {"kms:ViaService": through}}
            sid = f"UseThrough{service.capitalize()}"
            statements.append(_iam.allow(actions, "*", Sid=sid, **principal, Condition=condition))
        # CloudWatch and AWS Budgets publish to an encrypted topic themselves (SNS developer guide, "Enable
        # compatibility between event sources from AWS services and encrypted topics")
        services = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
        alarms = {"Principal": {"Service": services}, "Condition": _iam.from_account(here.id)}
        statements.append(_iam.allow(["kms:Decrypt", "kms:GenerateDataKey"], "*", Sid="EncryptAlarms", **alarms))
        statements.append(self._logs_statement(here))
        return _iam.document(statements)

    def _logs_statement(self, here: Account) -> _iam.Statement:
        """CloudWatch Logs encrypts this account's log groups with the key (CloudWatch Logs user guide, "Encrypt log
        data in CloudWatch Logs using AWS KMS").
        """
        groups = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": here.arn("logs", "log-group:*")}}
        service = pulumi.Output.format("logs.{0}.{1}", here.region, here.dns_suffix)
        logs = {"Principal": {"Service": service}, "Condition": groups}
        return _iam.allow(LOG_KEY, "*", Sid="EncryptLogs", **logs)
