"""The idempotency store: a table of jobs that are running or finished, so that no job runs twice (`once_days`)."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

#: Attributes that the worker and DynamoDB use: the message's id, and the time at which DynamoDB may delete the item.
KEY = "id"
EXPIRY = "expires"


@dataclass(frozen=True, kw_only=True)
class IdempotencyStoreArgs:
    """The KMS key that encrypts the table. None: DynamoDB's own key."""

    kms_key_arn: pulumi.Input[str] | None = None


class IdempotencyStore(pulumi.ComponentResource):
    """A table of jobs.

    Creates:
    - a DynamoDB table, billed per request, that deletes old items itself

    The table may be deleted: a redelivered job can then run a second time, as without this feature.
    """

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
            # by default DynamoDB encrypts with its own key, free of charge
            server_side_encryption=None if key is None else {"enabled": True, "kms_key_arn": key},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.table_name, self.table_arn = table.name, table.arn
        self.register_outputs({"table_name": self.table_name, "table_arn": self.table_arn})
