"""A queue with its dead-letter queue and key, and a table."""

import pulumi
import pulumi_aws as aws

from tests.sandbox.resources.iam import allow
from tests.sandbox.resources.settings import Settings


def queue(settings: Settings) -> aws.sqs.Queue:
    account = aws.get_caller_identity_output().account_id
    root = {"AWS": pulumi.Output.format("arn:aws:iam::{0}:root", account)}
    key = aws.kms.Key(
        "key",
        description="the queue's",
        enable_key_rotation=True,
        rotation_period_in_days=180,
        deletion_window_in_days=7,
        is_enabled=True,
        key_usage="ENCRYPT_DECRYPT",
        customer_master_key_spec="SYMMETRIC_DEFAULT",
        multi_region=False,
        policy=allow("kms:*", "*", Principal=root),
        tags={"Name": "key"},
    )
    aws.kms.Alias("key", name_prefix="alias/jobs-", target_key_id=key.id)
    dead = aws.sqs.Queue("dead", message_retention_seconds=1209600)
    main = aws.sqs.Queue(
        "jobs",
        visibility_timeout_seconds=settings["visibility"],
        message_retention_seconds=345600,
        max_message_size=131072,
        delay_seconds=1,
        receive_wait_time_seconds=20,
        kms_master_key_id=key.arn,
        kms_data_key_reuse_period_seconds=600,
        redrive_policy=pulumi.Output.json_dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 5}),
        tags={"Name": "jobs"},
    )
    aws.sqs.Queue(
        "ordered",
        fifo_queue=True,
        content_based_deduplication=True,
        deduplication_scope="messageGroup",
        fifo_throughput_limit="perMessageGroupId",
        sqs_managed_sse_enabled=True,
    )
    aws.sqs.QueuePolicy("jobs", queue_url=main.url, policy=allow("sqs:SendMessage", main.arn, Principal="*"))
    aws.sqs.RedriveAllowPolicy(
        "dead",
        queue_url=dead.url,
        redrive_allow_policy=pulumi.Output.json_dumps({"redrivePermission": "byQueue", "sourceQueueArns": [main.arn]}),
    )
    return main


def store(settings: Settings) -> None:
    key = aws.kms.Key("store")
    aws.dynamodb.Table(
        "store",
        billing_mode="PAY_PER_REQUEST",
        hash_key="id",
        attributes=[{"name": "id", "type": "S"}, {"name": "state", "type": "S"}, {"name": "created", "type": "N"}],
        global_secondary_indexes=[
            {
                "name": "by-state",
                "key_schemas": [
                    {"attribute_name": "state", "key_type": "HASH"},
                    {"attribute_name": "created", "key_type": "RANGE"},
                ],
                "projection_type": "ALL",
            }
        ],
        ttl={"attribute_name": settings["expiry"], "enabled": True},
        server_side_encryption={"enabled": True, "kms_key_arn": key.arn},
        tags={"Name": "store"},
    )
