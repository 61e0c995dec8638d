"""The job table: the state of each job, which callers ask and workers write."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

#: Attributes that DynamoDB uses: the job's id, and the time at which DynamoDB may delete the item.
KEY = "id"
EXPIRY = "expires"
#: The indexes and their keys: jobs in a state, and jobs with the caller's own key, by the time of their creation.
BY_STATE, BY_REFERENCE = "by-state", "by-reference"
INDEXES = {BY_STATE: "state", BY_REFERENCE: "reference"}
CREATED = "created"


@dataclass(frozen=True, kw_only=True)
class JobTableArgs:
    """The KMS key that encrypts the table. None: DynamoDB's own key."""

    kms_key_arn: pulumi.Input[str] | None = None


class JobTable(pulumi.ComponentResource):
    """A table with one item a job. Bodies are not in it.

    Creates:
    - a DynamoDB table, billed per request, that deletes old items itself, with an index by state and one by reference
    """

    table_name: pulumi.Output[str]
    table_arn: pulumi.Output[str]

    def __init__(self, name: str, args: JobTableArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        # of release 0.1.0, with the table's items; its keys are the same
        before = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_="ebb:index:IdempotencyStore", name="once")])
        super().__init__("ebb:index:JobTable", name, None, pulumi.ResourceOptions.merge(opts, before))
        key = args.kms_key_arn
        table = aws.dynamodb.Table(
            name,
            billing_mode="PAY_PER_REQUEST",
            hash_key=KEY,
            attributes=[
                *(aws.dynamodb.TableAttributeArgs(name=each, type="S") for each in (KEY, *INDEXES.values())),
                aws.dynamodb.TableAttributeArgs(name=CREATED, type="N"),
            ],
            global_secondary_indexes=[_index(*each) for each in INDEXES.items()],
            ttl={"attribute_name": EXPIRY, "enabled": True},
            # by default DynamoDB encrypts with its own key, free of charge
            server_side_encryption=None if key is None else {"enabled": True, "kms_key_arn": key},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.table_name, self.table_arn = table.name, table.arn
        self.register_outputs({"table_name": self.table_name, "table_arn": self.table_arn})


def _index(name: str, attribute: str) -> aws.dynamodb.TableGlobalSecondaryIndexArgs:
    keys = {attribute: "HASH", CREATED: "RANGE"}
    return aws.dynamodb.TableGlobalSecondaryIndexArgs(
        name=name,
        key_schemas=[
            aws.dynamodb.TableGlobalSecondaryIndexKeySchemaArgs(attribute_name=key, key_type=kind)
            for key, kind in keys.items()
        ],
        projection_type="ALL",
    )
