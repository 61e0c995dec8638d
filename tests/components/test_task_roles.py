"""What the task role and the execution role may do."""

from tests.components.harness import ACCOUNT, REGION
from tests.components.services import (
    DEAD,
    KEY,
    POLICY,
    QUEUE,
    REPOSITORY,
    ROLE,
    SERVICE,
    TABLE,
    allow,
    service,
    statements,
)

PULL_AND_LOG = [
    allow(["ecr:GetAuthorizationToken"], "*"),
    allow(["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"], REPOSITORY),
    allow(["logs:CreateLogStream", "logs:PutLogEvents"], f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:worker:*"),
]
CONSUME = [
    allow(
        [
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
        ],
        QUEUE,
    ),
    allow(["sqs:SendMessage"], DEAD),
    allow(["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"], f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/worker/*"),
]


def test_the_execution_role_may_pull_this_image_and_write_these_logs() -> None:
    assert statements("execution") == PULL_AND_LOG


def test_the_execution_role_may_read_these_secrets_and_use_their_key() -> None:
    stored = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:app-AbCdEf"
    elsewhere = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shared/licence"
    found = statements(
        "execution",
        secrets={
            "A": "/app/a",
            "B": "plain",
            "C": elsewhere,
            "D": f"{stored}:user::",
            "E": f"{stored}:code::",
            "F": "/app/a",
        },
        secrets_kms_key=KEY,
    )
    parameter = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter"
    assert found[:3] == PULL_AND_LOG
    assert found[3:] == [
        allow(["ssm:GetParameters"], f"{parameter}/app/a", elsewhere, f"{parameter}/plain"),
        allow(["secretsmanager:GetSecretValue"], stored),
        allow(["kms:Decrypt"], KEY),
    ]


def test_without_secrets_their_key_may_not_be_used() -> None:
    assert statements("execution", secrets_kms_key=KEY) == PULL_AND_LOG


def test_the_task_role_may_consume_this_queue_and_protect_tasks_of_this_cluster() -> None:
    assert statements("task") == CONSUME


def test_the_task_role_may_use_the_queues_kms_key() -> None:
    assert statements("task", kms_key_arn=KEY) == [*CONSUME, allow(["kms:Decrypt", "kms:GenerateDataKey"], KEY)]


def test_an_unprotected_task_may_not_call_ecs() -> None:
    assert statements("task", protection=False, job_timeout=60) == CONSUME[:2]


def test_the_task_role_may_read_and_update_items_of_the_job_table() -> None:
    items = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"]
    assert statements("task", table=True) == [*CONSUME, allow(items, TABLE)]
    of_table = ["kms:DescribeKey", "kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
    assert statements("task", table=True, kms_key_arn=KEY)[4:] == [
        allow(["kms:Decrypt", "kms:GenerateDataKey", *of_table], KEY)
    ]


def test_with_events_the_task_role_may_send_events_of_its_own_source_to_the_default_bus() -> None:
    bus = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
    own = {"Condition": {"StringEquals": {"events:source": "ebb"}}}
    found = statements("task", table=True, jobs={"keep_days": 1, "events": True})
    assert found[4:] == [allow(["events:PutEvents"], bus) | own]


def test_the_task_role_may_only_read_from_the_payload_bucket() -> None:
    found = statements("task", payload_bucket="company-bodies")
    assert found == [
        *CONSUME,
        allow(["s3:GetObject"], "arn:aws:s3:::company-bodies/*"),
        allow(["s3:ListBucket"], "arn:aws:s3:::company-bodies"),
    ]


def test_exec_needs_its_four_channels() -> None:
    channels = ["CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel"]
    expected = allow([f"ssmmessages:{channel}" for channel in channels], "*")
    assert statements("task", exec=True) == [*CONSUME, expected]
    assert service(exec=True).one(SERVICE).inputs["enableExecuteCommand"] is True


def test_the_task_role_has_the_users_statements() -> None:
    found = statements(
        "task",
        statements=[
            {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::videos/*"]},
            {"effect": "Deny", "actions": ["s3:DeleteObject"], "resources": ["arn:aws:s3:::videos/*"]},
        ],
    )
    assert found[3:] == [
        allow(["s3:GetObject"], "arn:aws:s3:::videos/*"),
        {"Effect": "Deny", "Action": ["s3:DeleteObject"], "Resource": ["arn:aws:s3:::videos/*"]},
    ]


def test_only_tasks_of_this_account_may_assume_the_task_role() -> None:
    made = service()
    trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}
    condition = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    for role in ("worker-execution", "worker-task"):
        assert made.one(ROLE, role).statements == [{**trusted, "Condition": condition}]


def test_arns_have_the_partition() -> None:
    partition = {"aws:index/getPartition:getPartition": {"partition": "aws-cn", "dnsSuffix": "amazonaws.com.cn"}}
    made = service(cluster="company", secrets={"A": "/a"}, payload_bucket="bodies", answers=partition)
    assert made.one(POLICY, "worker-task").statements[3]["Resource"] == ["arn:aws-cn:s3:::bodies/*"]
    assert made.one(SERVICE).inputs["cluster"] == f"arn:aws-cn:ecs:{REGION}:{ACCOUNT}:cluster/company"
    assert made.one(POLICY, "worker-execution").statements[3]["Resource"] == [
        f"arn:aws-cn:ssm:{REGION}:{ACCOUNT}:parameter/a"
    ]
