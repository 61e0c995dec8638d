"""Each way to configure the stack is deployed: by settings alone, through the real engine, and away again."""

from collections import Counter
from typing import Any

import pytest

from ebb.sandbox.emulators.region import Region
from tests.engine.conftest import Deploy

ENDPOINTS = ["ecr.api", "ecr.dkr", "logs", "sqs", "ecs"]
TABLE_A = [{"upper": 0, "change": 0}, {"lower": 1, "change": 1}]
TABLE_B = [{"upper": 0, "change": -1}, {"lower": 1, "change": 1}]
NETWORK, QUEUE, API, WORKER, SCALING = "ebb:network", "ebb:queue", "ebb:api", "ebb:worker", "ebb:scaling"

#: Title: settings over tests/stacks/Pulumi.sandbox.yaml, and how many resources of a type they make.
CASES: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "standard queue, no NAT, built image, ARM64, recommended policy with surplus, no auth, GET": (
        {WORKER: {"architecture": "ARM64"}},
        {"aws:sqs/queue:Queue": 2, "aws:ec2/natGateway:NatGateway": 0, "aws:ecr/repository:Repository": 1},
    ),
    "FIFO queue with a new key, no GET, signed requests": (
        {QUEUE: {"fifo": True, "name": "jobs.fifo", "kms": "new"}, API: {"auth": "iam", "get_endpoint": False}},
        {"aws:kms/key:Key": 1, "aws:apigateway/method:Method": 1},
    ),
    "NAT instance, X86_64, API key with a quota": (
        {
            NETWORK: {"nat": "instance", "nat_instance_type": "t3.nano"},
            WORKER: {"architecture": "X86_64"},
            API: {"auth": "api_key", "daily_quota": 1000},
        },
        {"aws:ec2/instance:Instance": 1, "aws:apigateway/apiKey:ApiKey": 1, "aws:apigateway/usagePlan:UsagePlan": 1},
    ),
    "one NAT gateway, Spot": (
        {NETWORK: {"nat": "gateway"}, WORKER: {"spot_weight": 80}},
        {"aws:ec2/natGateway:NatGateway": 1, "aws:ec2/eip:Eip": 1},
    ),
    "a NAT gateway per zone, e-mails": (
        {NETWORK: {"nat": "gateway_per_az"}, "ebb:monitoring": {"emails": ["a@example.com", "b@example.com"]}},
        {"aws:ec2/natGateway:NatGateway": 2, "aws:sns/topicSubscription:TopicSubscription": 2},
    ),
    "endpoints only": (
        {NETWORK: {"endpoints": ENDPOINTS}},
        {"aws:ec2/vpcEndpoint:VpcEndpoint": 6, "aws:ec2/internetGateway:InternetGateway": 0},
    ),
    "secrets with the account's key, variables, statements, log retention, disk, ECS Exec": (
        {
            WORKER: {
                "secrets": {
                    "DATABASE_URL": "/app/database-url",
                    "LICENSE": "arn:aws:secretsmanager:us-east-1:000000000000:secret:license-AbCdEf",
                },
                "environment": {"LEVEL": "debug"},
                "statements": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::videos/*"]}],
                "log_retention_days": 7,
                "ephemeral_storage": 50,
                "exec": True,
            },
            API: {"log_retention_days": 7, "account_log_role": "create"},
        },
        {"aws:ecs/taskDefinition:TaskDefinition": 1},
    ),
    "endpoints only for unprotected commands, several at once, done once, long bodies, no metrics, no health check": (
        {
            NETWORK: {"endpoints": [name for name in ENDPOINTS if name != "ecs"]},
            QUEUE: {"kms": "new"},
            WORKER: {
                "command": ["/app/encode", "--fast"],
                "concurrency": 4,
                "job_timeout": 5,
                "protection": False,
                "once_days": 4,
                "max_body_bytes": 10_000_000,
                "payload_bucket": "company-bodies",
                "metrics": False,
                "health_check": False,
            },
        },
        {"aws:dynamodb/table:Table": 1, "aws:ec2/vpcEndpoint:VpcEndpoint": 6, "aws:kms/key:Key": 1},
    ),
    "another handler, done once, in a new VPC with a way out": (
        {WORKER: {"handler": "worker.handler:handle", "once_days": 365}},
        {"aws:dynamodb/table:Table": 1, "aws:ec2/vpcEndpoint:VpcEndpoint": 2},
    ),
    "read-write root, permissions boundary": (
        {WORKER: {"read_only_root": False, "permissions_boundary": "arn:aws:iam::aws:policy/PowerUserAccess"}},
        {"aws:ecs/taskDefinition:TaskDefinition": 1},
    ),
    "a table that only adds, with its own cooldown, and scale-in by the queue": (
        {SCALING: {"steps": [{"lower": 1, "upper": 10, "change": 1}, {"lower": 10, "change": 3}], "cooldown": 60,
                   "surplus": False}},
        {"aws:appautoscaling/policy:Policy": 2},
    ),
    "recipe A: a table, and to zero on idle CPU, in one deployment": (
        {SCALING: {"max_tasks": 1, "steps": TABLE_A, "scale_in": "cpu", "surplus": False}},
        {"aws:appautoscaling/policy:Policy": 2},
    ),
    "recipe B: both ways by one table, cooldown 300 s": (
        {SCALING: {"max_tasks": 1, "steps": TABLE_B, "cooldown": 300, "surplus": False}},
        {"aws:appautoscaling/target:Target": 1},
    ),
    "no tracing, another stage, more than no tasks at the least": (
        {API: {"tracing": False, "stage": "v1"}, SCALING: {"min_tasks": 1, "surplus": False}},
        {"aws:apigateway/stage:Stage": 1},
    ),
}  # fmt: skip
#: The same over tests/stacks/Pulumi.shared.yaml, which adopts a VPC, a security group, a cluster, a key and an image.
ADOPTING: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "adopted VPC, security group, cluster, key and image by tag, FIFO queue": (
        {},
        {"aws:ec2/vpc:Vpc": 0, "aws:ec2/securityGroup:SecurityGroup": 0, "aws:ecs/cluster:Cluster": 0,
         "aws:kms/key:Key": 0, "aws:ecr/repository:Repository": 0, "aws:sqs/queue:Queue": 2},
    ),
    "adopted VPC with public tasks and a security group of its own, image by digest, new cluster": (
        {
            NETWORK: {"security_group_ids": None, "assign_public_ip": True},
            WORKER: {"image": {"tag": None, "digest": "sha256:" + "0" * 64}, "cluster": None},
        },
        {"aws:ec2/securityGroup:SecurityGroup": 1, "aws:ecs/cluster:Cluster": 1},
    ),
    "an idempotency store with the adopted key, in an adopted VPC": (
        {WORKER: {"once_days": 4}},
        {"aws:dynamodb/table:Table": 1, "aws:ec2/vpcEndpoint:VpcEndpoint": 0},
    ),
    "secrets of both stores with a customer's key": (
        {
            WORKER: {
                "secrets": {
                    "DATABASE_URL": "/company/encoder/database-url",
                    "LICENSE_KEY": "arn:aws:secretsmanager:us-east-1:123456789012:secret:license-AbCdEf",
                },
                "secrets_kms_key": "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef",
            }
        },
        {"aws:ecs/taskDefinition:TaskDefinition": 1},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", [*CASES, *ADOPTING])
def test_a_combination_of_settings_deploys_and_goes_away_again(deploy: Deploy, region: Region, case: str) -> None:
    overrides, makes = {**CASES, **ADOPTING}[case]
    stack = deploy("shared" if case in ADOPTING else "sandbox", overrides)
    before = region.inventory()
    made = Counter(change.type for change in stack.up())
    assert {type_: made[type_] for type_ in makes} == makes
    assert stack.preview() == []
    stack.destroy()
    assert region.inventory() == before


def test_the_widespread_tables_draw_a_warning_in_preview(deploy: Deploy) -> None:
    for overrides, words in (
        ({"max_tasks": 1, "steps": TABLE_A, "scale_in": "cpu", "surplus": False}, "CPU is not evidence of idleness"),
        ({"max_tasks": 1, "steps": TABLE_B, "surplus": False}, "running jobs look like an empty queue"),
    ):
        said: list[str] = []
        deploy("sandbox", {SCALING: overrides}).preview(said.append)
        assert any("warning" in line and words in line for line in said), "\n".join(said)
