"""IAM policy documents."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from settings import Iam

#: The version of the policy language (IAM user guide, "IAM JSON policy elements: Version"). It is not a date to update.
VERSION = "2012-10-17"
Statement = Mapping[str, Any]
#: Additional permissions to use a table that a KMS key encrypts (DynamoDB developer guide, "Encryption at rest: usage
#: notes", authorizing use of a customer managed key).
TABLE_KEY = ("kms:DescribeKey", "kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo")


def allow(actions: Sequence[str], *resources: pulumi.Input[str], **more: Any) -> Statement:
    """A statement that allows the actions on the resources' ARNs; `more` adds elements such as Condition."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources), **more}


def encrypt_messages(kms_key_arn: pulumi.Input[str] | None) -> list[Statement]:
    """What a sender needs for the queue's KMS key; nothing without a key."""
    if kms_key_arn is None:
        return []
    # SQS gets a data key, encrypts the message with it and decrypts the data key again, with the sender's permissions
    return [allow(["kms:GenerateDataKey", "kms:Decrypt"], kms_key_arn)]


def tls_only(queue_arn: pulumi.Input[str]) -> Statement:
    """A queue's statement that refuses requests without TLS."""
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": queue_arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def use_table(
    actions: Sequence[str], table_arn: pulumi.Input[str], kms_key_arn: pulumi.Input[str] | None
) -> list[Statement]:
    """Statements for the DynamoDB actions on the table, and for the key that encrypts it."""
    statements = [allow([f"dynamodb:{action}" for action in actions], table_arn)]
    if kms_key_arn is not None:
        statements.append(allow(["kms:Decrypt", "kms:GenerateDataKey", *TABLE_KEY], kms_key_arn))
    return statements


def document(statements: Sequence[Statement]) -> pulumi.Output[str]:
    """A policy as JSON. The statements may contain outputs."""
    return pulumi.Output.json_dumps({"Version": VERSION, "Statement": list(statements)})


def trust(service: str, condition: Mapping[str, Any] | None = None) -> pulumi.Output[str]:
    """The trust policy of a role that an AWS service assumes, such as ecs-tasks.amazonaws.com."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": service},
    }
    if condition:
        statement["Condition"] = condition
    return document([statement])


def role(
    name: str, trusted: pulumi.Output[str], settings: Iam, opts: pulumi.ResourceOptions | None = None
) -> aws.iam.Role:
    """A role, with what the settings ask of all roles. Every role of the stack is made here."""
    return aws.iam.Role(
        name,
        assume_role_policy=trusted,
        permissions_boundary=settings.permissions_boundary,
        path=None if settings.path == "/" else settings.path,
        opts=opts,
    )


def from_account(account_id: pulumi.Input[str]) -> Mapping[str, Any]:
    """The condition that the service acts for this account (IAM user guide, "The confused deputy problem")."""
    return {"StringEquals": {"aws:SourceAccount": account_id}}
