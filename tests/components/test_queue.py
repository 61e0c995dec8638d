import dataclasses
from typing import Any

import pytest

from components.queue import JobQueue, JobQueueArgs
from settings import Queue as QueueSettings
from tests.components.harness import ACCOUNT, REGION, Deployed, deploy

QUEUE, POLICY = "aws:sqs/queue:Queue", "aws:sqs/queuePolicy:QueuePolicy"
ALLOW, KEY, ALIAS = "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "aws:kms/key:Key", "aws:kms/alias:Alias"
ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:"
CUSTOMER_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0123"
CHINA = {
    "aws:index/getPartition:getPartition": {"partition": "aws-cn", "dnsSuffix": "amazonaws.com.cn"},
    "aws:index/getRegion:getRegion": {"region": "cn-north-1"},
}


def queue(answers: dict[str, dict[str, Any]] | None = None, table: bool = False, **settings: Any) -> Deployed:
    def program() -> dict[str, Any]:
        refs = JobQueue("jobs", JobQueueArgs(settings=QueueSettings(**settings), table=table)).refs
        return {field.name: getattr(refs, field.name) for field in dataclasses.fields(refs)}

    return deploy(program, answers=answers)


def test_there_are_two_queues_with_a_policy_each_and_a_redrive_allow_policy() -> None:
    made = queue()
    assert made.names == {
        (QUEUE, "jobs"),
        (QUEUE, "jobs-dead-letter"),
        (POLICY, "jobs"),
        (POLICY, "jobs-dead-letter"),
        (ALLOW, "jobs-dead-letter"),
    }
    assert {found.parent_type for found in made.resources.values() if found.type.startswith("aws:")} == {
        "ebb:index:JobQueue"
    }


def test_the_queue_has_the_settings_values_and_a_redrive_policy() -> None:
    made = queue(visibility_timeout=900, retention_days=2, max_receive_count=3).one(QUEUE, "jobs")
    assert made.json("redrivePolicy") == {"deadLetterTargetArn": ARN + "jobs-dead-letter", "maxReceiveCount": 3}
    assert {name: value for name, value in made.inputs.items() if name != "redrivePolicy"} == {
        "visibilityTimeoutSeconds": 900,
        "messageRetentionSeconds": 172_800,
        "receiveWaitTimeSeconds": 20,
        "sqsManagedSseEnabled": True,
    }


def test_the_dead_letter_queue_keeps_jobs_of_this_queue_for_14_days() -> None:
    made = queue()
    dead = made.one(QUEUE, "jobs-dead-letter")
    assert dead.inputs == {"messageRetentionSeconds": 1_209_600, "sqsManagedSseEnabled": True}
    consent = made.one(ALLOW)
    assert consent.inputs["queueUrl"] == f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/jobs-dead-letter"
    assert consent.json("redriveAllowPolicy") == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [ARN + "jobs"],
    }


@pytest.mark.parametrize("name", ["jobs", "jobs-dead-letter"])
def test_both_queues_require_tls(name: str) -> None:
    policy = queue().one(POLICY, name)
    assert policy.inputs["queueUrl"] == f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
    assert policy.statements == [
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": ARN + name,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]


def test_both_queues_of_a_fifo_queue_are_fifo_with_high_throughput() -> None:
    made = queue(fifo=True, name="jobs.fifo")
    fifo = {
        "fifoQueue": True,
        "deduplicationScope": "messageGroup",
        "fifoThroughputLimit": "perMessageGroupId",
        "sqsManagedSseEnabled": True,
    }
    assert made.one(QUEUE, "jobs-dead-letter").inputs == {"messageRetentionSeconds": 1_209_600, **fifo}
    assert made.one(QUEUE, "jobs").inputs.items() >= {"name": "jobs.fifo", **fifo}.items()
    assert made.result["name"] == "jobs.fifo"


def test_by_default_pulumi_generates_the_name() -> None:
    assert "name" not in queue(fifo=True).one(QUEUE, "jobs").inputs


def test_an_existing_key_encrypts_both_queues() -> None:
    made = queue(kms=CUSTOMER_KEY)
    assert made.of(KEY) == made.of(ALIAS) == []
    for found in made.of(QUEUE):
        assert found.inputs["kmsMasterKeyId"] == CUSTOMER_KEY
        assert "sqsManagedSseEnabled" not in found.inputs
    assert made.result["kms_key_arn"] == CUSTOMER_KEY


def test_without_a_kms_key_there_is_no_key_arn() -> None:
    assert queue().result["kms_key_arn"] is None


def test_a_new_key_rotates_has_an_alias_and_encrypts_both_queues() -> None:
    made = queue(kms="new")
    key, alias = made.one(KEY, "jobs-key"), made.one(ALIAS, "jobs-key")
    assert key.inputs["enableKeyRotation"] is True
    assert set(key.inputs) == {"description", "enableKeyRotation", "policy"}
    assert alias.inputs == {"namePrefix": "alias/jobs-", "targetKeyId": "01234567-89ab-cdef-0123-456789abcdef"}
    arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:jobs-key"
    assert [found.inputs["kmsMasterKeyId"] for found in made.of(QUEUE)] == [arn, arn]
    assert made.result["kms_key_arn"] == arn


@pytest.mark.parametrize(
    ("answers", "root", "service"),
    [
        (None, f"arn:aws:iam::{ACCOUNT}:root", f"sqs.{REGION}.amazonaws.com"),
        (CHINA, f"arn:aws-cn:iam::{ACCOUNT}:root", "sqs.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_a_new_key_is_administered_by_the_account_and_used_through_sqs_only(
    answers: dict[str, dict[str, Any]] | None, root: str, service: str
) -> None:
    administer, use, *_ = queue(answers, kms="new").one(KEY).statements
    assert administer["Principal"] == use["Principal"] == {"AWS": root}
    assert administer["Resource"] == use["Resource"] == ["*"]
    assert "kms:PutKeyPolicy" in {action.replace("Put*", "PutKeyPolicy") for action in administer["Action"]}
    assert not {"kms:*", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"} & set(administer["Action"])
    assert use["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert use["Condition"] == {"StringEquals": {"kms:ViaService": service}}


def test_a_key_that_encrypts_the_job_table_is_also_used_through_dynamodb() -> None:
    made = queue(table=True, kms="new")
    _, through_sqs, through_dynamodb, *_ = made.one(KEY).statements
    assert through_sqs == queue(kms="new").one(KEY).statements[1]
    assert through_dynamodb["Sid"] == "UseThroughDynamodb"
    assert through_dynamodb["Action"] == [
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
    ]
    condition = {"StringEquals": {"kms:ViaService": f"dynamodb.{REGION}.amazonaws.com"}}
    assert through_dynamodb == {**through_sqs, **through_dynamodb, "Condition": condition}


def test_alarms_of_this_account_may_encrypt_what_they_report() -> None:
    *_, alarms, _ = queue(kms="new").one(KEY).statements
    assert alarms == {
        "Sid": "EncryptAlarms",
        "Effect": "Allow",
        "Principal": {"Service": ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": ["*"],
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }


def test_the_references_are_those_of_the_created_queues() -> None:
    made = queue(fifo=True, name="jobs.fifo", kms="new", visibility_timeout=900)
    url = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/"
    assert made.result == {
        "fifo": True,
        "visibility_timeout": 900,
        "retention_days": 4,
        "max_receive_count": 5,
        "name": "jobs.fifo",
        "url": url + "jobs",
        "arn": ARN + "jobs",
        "dead_letter_name": "jobs-dead-letter",
        "dead_letter_url": url + "jobs-dead-letter",
        "dead_letter_arn": ARN + "jobs-dead-letter",
        "kms_key_arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:jobs-key",
    }
    (registered,) = (outputs for urn, outputs in made.component_outputs.items() if "JobQueue" in urn)
    for setting in ("fifo", "visibility_timeout", "retention_days", "max_receive_count"):
        del made.result[setting]
    assert registered == {"queue_name" if key == "name" else key: value for key, value in made.result.items()}


def test_cloudwatch_logs_may_use_the_key_for_log_groups_of_this_account() -> None:
    *_, logs = queue(kms="new").one(KEY).statements
    assert logs["Principal"] == {"Service": f"logs.{REGION}.amazonaws.com"}
    groups = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*"
    assert logs["Condition"] == {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}}
    assert {"kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey"} <= set(logs["Action"])
