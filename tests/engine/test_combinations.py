"""Each way to configure the stack is deployed by settings alone, through the real engine, and destroyed.

A deployment takes long, so one of them has several ways that do not touch each other.
"""

from collections import Counter
from typing import Any

import pytest

import settings
from ebb.project import read_settings
from ebb.sandbox.emulators.region import Region
from tests.engine.conftest import Deploy
from tests.helpers.stacks import configuration

ENDPOINTS = ["ecr.api", "ecr.dkr", "logs", "sqs", "ecs"]
TABLE_A = [{"upper": 0, "change": 0}, {"lower": 1, "change": 1}]
TABLE_B = [{"upper": 0, "change": -1}, {"lower": 1, "change": 1}]
NETWORK, QUEUE, API, WORKER, SCALING = "ebb:network", "ebb:queue", "ebb:api", "ebb:worker", "ebb:scaling"

#: Title: settings over tests/stacks/Pulumi.sandbox.yaml, and how many resources of a type they make.
CASES: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "standard queue, no NAT, ARM64; another handler, done once; secrets, variables, statements, log retention, disk, "
    "ECS Exec; no tracing, another stage, one task at least": (
        {
            WORKER: {
                "architecture": "ARM64",
                "handler": "worker.handler:handle",
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
            API: {"log_retention_days": 7, "account_log_role": "create", "tracing": False, "stage": "v1"},
            SCALING: {"min_tasks": 1, "surplus": False},
            "ebb:jobs": {"keep_days": 365},
        },
        {"aws:sqs/queue:Queue": 2, "aws:dynamodb/table:Table": 1, "aws:ec2/vpcEndpoint:VpcEndpoint": 2,
         "aws:apigateway/stage:Stage": 1, "aws:ec2/natGateway:NatGateway": 0, "aws:ecr/repository:Repository": 1,
         "aws:ecs/taskDefinition:TaskDefinition": 1},
    ),
    "FIFO queue with a new key and a recurring job, no GET, signed requests, execution log; one NAT gateway, flow log, "
    "Spot, Container Insights": (
        {
            QUEUE: {
                "fifo": True,
                "name": "jobs.fifo",
                "kms": "new",
                "schedules": [{"name": "nightly", "cron": "0 3 * * ? *", "timezone": "Europe/Berlin", "group": "g"}],
            },
            API: {"auth": "iam", "get_endpoint": False, "execution_log": "ERROR"},
            NETWORK: {"nat": "gateway", "flow_log_days": 365},
            WORKER: {"spot_weight": 80, "insights": True},
        },
        {"aws:kms/key:Key": 1, "aws:apigateway/method:Method": 4, "aws:ec2/natGateway:NatGateway": 1,
         "aws:ec2/eip:Eip": 1, "aws:scheduler/schedule:Schedule": 2, "aws:ec2/flowLog:FlowLog": 1,
         "aws:cloudwatch/logGroup:LogGroup": 4},
    ),
    "NAT instance, X86_64, API key with a quota, domain name, firewall, networks and origins; steps, and scale-in to "
    "zero by CPU": (
        {
            NETWORK: {"nat": "instance", "nat_instance_type": "t3.nano"},
            WORKER: {"architecture": "X86_64"},
            API: {
                "auth": "api_key",
                "daily_quota": 1000,
                "allow": ["203.0.113.0/24"],
                "cors": ["https://app.example.com"],
                "waf": True,
                "domain": {
                    "name": "jobs.example.com",
                    "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/1",
                    "zone_id": "Z0123456789",
                },
            },
            SCALING: {"max_tasks": 1, "steps": TABLE_A, "scale_in": "cpu", "surplus": False},
        },
        {"aws:ec2/instance:Instance": 1, "aws:apigateway/apiKey:ApiKey": 1, "aws:apigateway/usagePlan:UsagePlan": 1,
         "aws:apigateway/domainName:DomainName": 1, "aws:route53/record:Record": 1, "aws:wafv2/webAcl:WebAcl": 1,
         "aws:appautoscaling/policy:Policy": 2},
    ),
    "a NAT gateway per zone, permissions boundary, role path, e-mails; steps that add and remove, with a cooldown": (
        {
            "ebb:iam": {"permissions_boundary": "arn:aws:iam::aws:policy/PowerUserAccess", "path": "/teams/video/"},
            NETWORK: {"nat": "gateway_per_az"},
            "ebb:monitoring": {"emails": ["a@example.com", "b@example.com"]},
            SCALING: {"max_tasks": 1, "steps": TABLE_B, "cooldown": 300, "surplus": False},
        },
        {"aws:ec2/natGateway:NatGateway": 2, "aws:sns/topicSubscription:TopicSubscription": 2,
         "aws:appautoscaling/target:Target": 1},
    ),
    "endpoints only; commands without protection, several at once, once, long bodies, no metrics or health check, "
    "read-write root; steps that add, with a cooldown": (
        {
            SCALING: {"steps": [{"lower": 1, "upper": 10, "change": 1}, {"lower": 10, "change": 3}], "cooldown": 60,
                      "surplus": False},
            NETWORK: {"endpoints": [name for name in ENDPOINTS if name != "ecs"]},
            QUEUE: {"kms": "new"},
            "ebb:jobs": {"keep_days": 4},
            WORKER: {
                "command": ["/app/encode", "--fast"],
                "concurrency": 4,
                "job_timeout": 5,
                "protection": False,
                "max_body_bytes": 10_000_000,
                "payload_bucket": "company-bodies",
                "metrics": False,
                "health_check": False,
                "read_only_root": False,
            },
        },
        {"aws:dynamodb/table:Table": 1, "aws:ec2/vpcEndpoint:VpcEndpoint": 6, "aws:kms/key:Key": 1,
         "aws:ec2/internetGateway:InternetGateway": 0, "aws:appautoscaling/policy:Policy": 3,
         "aws:ecs/taskDefinition:TaskDefinition": 1},
    ),
}  # fmt: skip
#: The same over tests/stacks/Pulumi.shared.yaml, which uses an existing VPC, security group, cluster, key and image.
EXISTING: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "existing VPC, security group, cluster, key and image by tag; FIFO queue; done once with the existing key": (
        {"ebb:jobs": {"keep_days": 4}},
        {"aws:ec2/vpc:Vpc": 0, "aws:ec2/securityGroup:SecurityGroup": 0, "aws:ecs/cluster:Cluster": 0,
         "aws:kms/key:Key": 0, "aws:ecr/repository:Repository": 0, "aws:sqs/queue:Queue": 2,
         "aws:dynamodb/table:Table": 1, "aws:ec2/vpcEndpoint:VpcEndpoint": 0},
    ),
    "existing VPC with public tasks, new security group and cluster, image by digest; secrets of both stores": (
        {
            NETWORK: {"security_group_ids": None, "assign_public_ip": True},
            WORKER: {
                "image": {"tag": None, "digest": "sha256:" + "0" * 64},
                "cluster": None,
                "secrets": {
                    "DATABASE_URL": "/company/encoder/database-url",
                    "LICENSE_KEY": "arn:aws:secretsmanager:us-east-1:123456789012:secret:license-AbCdEf",
                },
                "secrets_kms_key": "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef",
            },
        },
        {"aws:ec2/securityGroup:SecurityGroup": 1, "aws:ecs/cluster:Cluster": 1,
         "aws:ecs/taskDefinition:TaskDefinition": 1},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", [*CASES, *EXISTING])
def test_a_combination_of_settings_deploys_with_its_warnings_and_is_destroyed(
    deploy: Deploy, region: Region, case: str
) -> None:
    overrides, makes = {**CASES, **EXISTING}[case]
    name = "shared" if case in EXISTING else "sandbox"
    stack = deploy(name, overrides)
    before = region.inventory()
    output: list[str] = []
    made = Counter(change.type for change in stack.up(output.append))
    assert {type_: made[type_] for type_ in makes} == makes
    for warning in settings.warnings(read_settings(configuration(name, overrides))):
        assert any("warning" in line and warning in line for line in output), "\n".join(output)
    assert stack.preview() == []
    stack.destroy()
    assert region.inventory() == before
