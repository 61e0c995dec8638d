"""The idempotency store: the jobs that are done or being done, so that none is done again while it is remembered.

Creates a DynamoDB table, billed by request, that forgets its items by itself.
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

#: The table's attributes that the worker and DynamoDB agree on: the message's id, and when DynamoDB may forget it.
KEY, EXPIRY = "id", "expires"


@dataclass(frozen=True, kw_only=True)
class IdempotencyStoreArgs:
    """What encrypts the table: a customer key, or (None) DynamoDB's own."""

    kms_key_arn: pulumi.Input[str] | None = None


class IdempotencyStore(pulumi.ComponentResource):
    """A table of jobs. It can be lost: without it a redelivered job runs again, which is what there is without it."""

    table_name: pulumi.Output[str]
    table_arn: pulumi.Output[str]

    def __init__(self, name: str, args: IdempotencyStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:IdempotencyStore", name, None, opts)
        key = args.kms_key_arn
        table = aws.dynamodb.Table(
            name,
            billing_mode="PAY_PER_REQUEST",
            hash_key=KEY,
            attributes=[{"name": KEY, "type": "S"}],
            ttl={"attribute_name": EXPIRY, "enabled": True},
            # left out, DynamoDB encrypts with a key of its own, free of charge
            server_side_encryption=None if key is None else {"enabled": True, "kms_key_arn": key},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.table_name, self.table_arn = table.name, table.arn
        self.register_outputs({"table_name": self.table_name, "table_arn": self.table_arn})
