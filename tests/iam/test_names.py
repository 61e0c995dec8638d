"""The names of resources that a policy allows: partitions, regions, other stacks, pulumi:autonaming."""

import json
import re
from typing import Any

import pytest

from ebb.errors import UserError
from ebb.iam import document
from tests.iam.configurations import MOST, arn
from tests.iam.evaluate import allows
from tests.iam.stacks import ACCOUNT, deployer, preview


def test_a_queue_s_own_name_is_covered_and_no_other() -> None:
    policy = deployer({"ebb:queue": {"name": "encode-jobs"}})
    for name in ("encode-jobs", "jobs-dead-letter-1234567"):
        assert allows(policy, "sqs:CreateQueue", arn("sqs", name))
    for name in ("encode-jobs-2", "jobs-1234567", "other", "encode"):
        assert not allows(policy, "sqs:CreateQueue", arn("sqs", name)), name
    fifo = deployer({"ebb:queue": {"name": "encode.fifo", "fifo": True}})
    assert allows(fifo, "sqs:CreateQueue", arn("sqs", "encode.fifo"))
    assert allows(fifo, "sqs:CreateQueue", arn("sqs", "jobs-dead-letter-1234567.fifo"))


NAMED = {
    "sqs:CreateQueue": ("sqs", "jobs-1234567"),
    "dynamodb:CreateTable": ("dynamodb", "table/job-table-1234567"),
    "ecr:PutImage": ("ecr", "repository/image-1234567"),
    "ecs:UpdateService": ("ecs", "service/worker-1234567/worker-1234567"),
    "ecs:RegisterTaskDefinition": ("ecs", "task-definition/worker-1234567:1"),
    "scheduler:CreateSchedule": ("scheduler", "schedule/default/wake-watch-1234567"),
    "states:UpdateStateMachine": ("states", "stateMachine:wake-watcher-1234567"),
    "cloudwatch:PutMetricAlarm": ("cloudwatch", "alarm:scaling-out-1234567"),
    "logs:CreateLogGroup": ("logs", "log-group:api-access-1234567"),
    "sns:CreateTopic": ("sns", "monitoring-1234567"),
    "ec2:RunInstances": ("ec2", "instance/*"),
}


@pytest.mark.parametrize(("action", "resource"), NAMED.items(), ids=NAMED)
def test_other_names_regions_accounts_and_partitions_are_not_allowed(action: str, resource: tuple[str, str]) -> None:
    service, name = resource
    config = {
        "ebb:jobs": {"keep_days": 1},
        "ebb:scaling": {"watch": True},
        "ebb:network": {"nat": "instance"},
    }
    policy = deployer(config)
    here = arn(service, name)
    assert allows(policy, action, here)
    assert not allows(policy, action, arn(service, name, region="eu-west-1"))
    assert not allows(policy, action, arn(service, name, account="210987654321"))
    assert not allows(policy, action, here.replace("arn:aws:", "arn:aws-cn:"))
    if service != "ec2":  # AWS chooses the ids
        assert not allows(policy, action, re.sub(r"([^/:]+-1234567)", r"x\1", here))


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-central-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_each_arn_is_of_the_stack_s_partition_and_region(region: str, partition: str) -> None:
    config = {key: value for key, value in MOST.items() if key != "ebb:iam"} | {
        "ebb:iam": {"permissions_boundary": f"arn:{partition}:iam::{ACCOUNT}:policy/b"}
    }
    if partition != "aws":  # AWS Chatbot is in no other
        config["ebb:monitoring"] = {key: value for key, value in MOST["ebb:monitoring"].items() if key != "chatbot"}
    for policy in (deployer(config, region=region), preview(config, region=region)):
        found = re.findall(r'"arn:([^:]*):[^:]*:([^:]*):', json.dumps(policy))
        assert {arn_partition for arn_partition, _ in found} == {partition}
        assert {where for _, where in found} == {"", region}
        assert "us-east-1" not in json.dumps(policy)


def named(autonaming: Any, **more: Any) -> document.Document:
    return deployer({"pulumi:autonaming": autonaming, **more}, name="dev.eu")


@pytest.mark.parametrize(
    ("autonaming", "queue"),
    [
        ({"mode": "default"}, "jobs-1234567"),
        ({"mode": "verbatim"}, "jobs"),
        ({"pattern": "${project}-${stack}-${name}-${hex(5)}"}, "ebb-dev.eu-jobs-12345"),
        ({"pattern": "${organization}_${name}_${alphanum(4)}"}, "acme_jobs_12ab"),
        ({"pattern": "${stack}${name}${uuid}"}, "dev.eujobs0d9c1c1e-7e0f-4f52-8a54-0d9b8a1b1b1b"),
        ({"mode": "verbatim", "providers": {"aws": {"pattern": "a-${name}-${num(3)}"}}}, "a-jobs-123"),
        (
            {
                "providers": {
                    "aws": {"mode": "verbatim", "resources": {"aws:sqs/queue:Queue": {"pattern": "q-${name}"}}}
                }
            },
            "q-jobs",
        ),
    ],
)
def test_names_follow_pulumi_s_autonaming(autonaming: Any, queue: str) -> None:
    policy = named(autonaming)
    assert allows(policy, "sqs:CreateQueue", arn("sqs", queue))
    if autonaming != {"mode": "default"}:
        assert not allows(policy, "sqs:CreateQueue", arn("sqs", "jobs-1234567"))


def test_names_that_nobody_makes_are_refused_in_one_sentence() -> None:
    with pytest.raises(
        UserError, match=r"^pulumi:autonaming: with mode disabled aws:\S+ \S+ has no name that Ebb knows; "
    ):
        named({"mode": "disabled"})
    with pytest.raises(UserError, match=r"^pulumi:autonaming must consist of mappings"):
        named("verbatim")
