"""The section `network`."""

from typing import Any

import pytest

import settings
from tests.settings.refused import Cases, each, problems

EXISTING = {"vpc_id": "vpc-0a", "subnet_ids": ["subnet-0a"]}
REFUSED: Cases = {
    "a CIDR that is too small for four subnets": (
        {"network": {"cidr": "10.0.0.0/27"}},
        (
            "network.cidr: must have a prefix from /16 (the largest VPC) to /26 (room for four subnets of /28), "
            'got "10.0.0.0/27".'
        ),
    ),
    "a CIDR with host bits": (
        {"network": {"cidr": "10.0.0.1/16"}},
        'network.cidr: must be an IPv4 network address with its prefix, such as 10.0.0.0/16, got "10.0.0.1/16".',
    ),
    "a CIDR with a netmask": (
        {"network": {"cidr": "10.0.0.0/255.255.0.0"}},
        (
            "network.cidr: must be an IPv4 network address with its prefix, such as 10.0.0.0/16, "
            'got "10.0.0.0/255.255.0.0".'
        ),
    ),
    "a CIDR that a VPC cannot have": (
        {"network": {"cidr": "169.254.0.0/16"}},
        (
            "network.cidr: must not overlap 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16 or addresses from 224.0.0.0 "
            'upwards, got "169.254.0.0/16".'
        ),
    ),
    "a CIDR for an existing VPC": (
        {"network": {**EXISTING, "cidr": "10.1.0.0/16"}},
        'network.cidr: with vpc_id no network is created: remove cidr, got "10.1.0.0/16".',
    ),
    "NAT for an existing VPC": (
        {"network": {**EXISTING, "nat": "gateway"}},
        'network.nat: with vpc_id no network is created: remove nat, got "gateway".',
    ),
    "endpoints for an existing VPC": (
        {"network": {**EXISTING, "endpoints": ["sqs"]}},
        'network.endpoints: with vpc_id no network is created: remove endpoints, got ["sqs"].',
    ),
    "a flow log for an existing VPC": (
        {"network": {**EXISTING, "flow_log_days": 30}},
        "network.flow_log_days: with vpc_id no network is created: remove flow_log_days, got 30.",
    ),
    "an existing VPC without subnets": (
        {"network": {"vpc_id": "vpc-0a"}},
        'network.vpc_id: an existing VPC needs subnet_ids for the tasks, got "vpc-0a".',
    ),
    "subnets without a VPC": (
        {"network": {"subnet_ids": ["subnet-0a"]}},
        'network.subnet_ids: needs the vpc_id of an existing VPC, got ["subnet-0a"].',
    ),
    "security groups without a VPC": (
        {"network": {"security_group_ids": ["sg-0a"]}},
        'network.security_group_ids: needs the vpc_id of an existing VPC, got ["sg-0a"].',
    ),
    "a VPC that is not an id": (
        {"network": {"vpc_id": "my-vpc", "subnet_ids": ["subnet-0a"]}},
        'network.vpc_id: must be a VPC\'s id, such as vpc-0123456789abcdef0, got "my-vpc".',
    ),
    "the type of a NAT instance without the instance": (
        {"network": {"nat": "gateway", "nat_instance_type": "t3.nano"}},
        'network.nat_instance_type: needs nat: instance, got "t3.nano".',
    ),
    "an instance type without a size": (
        {"network": {"nat": "instance", "nat_instance_type": "nano"}},
        'network.nat_instance_type: must be an EC2 instance type, such as t4g.nano or t3.nano, got "nano".',
    ),
    "a value for nat that does not exist": (
        {"network": {"nat": "single"}},
        "network.nat: must be 'none', 'instance', 'gateway' or 'gateway_per_az', got \"single\".",
    ),
    "public tasks with NAT": (
        {"network": {"nat": "gateway", "assign_public_ip": True}},
        "network.assign_public_ip: with nat: gateway tasks are in private subnets, got true.",
    ),
    "private tasks without endpoints": (
        {"network": {"assign_public_ip": False}},
        (
            "network.endpoints: tasks without NAT and public addresses need endpoints; missing: "
            "ecr.api, ecr.dkr, logs, sqs, ecs, got []."
        ),
    ),
    "endpoints without those for secrets and exec": (
        {
            "network": {"endpoints": ["ecr.api", "ecr.dkr", "logs", "sqs", "ecs"]},
            "worker": {"secrets": {"KEY": "/app/key"}, "exec": True},
        },
        (
            "network.endpoints: tasks without NAT and public addresses need endpoints; missing: ssm, "
            'ssmmessages, got ["ecr.api", "ecr.dkr", "logs", "sqs", "ecs"].'
        ),
    ),
    "endpoints without ECS for protected tasks": (
        {"network": {"endpoints": ["ecr.api", "ecr.dkr", "logs", "sqs"]}},
        (
            "network.endpoints: tasks without NAT and public addresses need endpoints; missing: ecs, "
            'got ["ecr.api", "ecr.dkr", "logs", "sqs"].'
        ),
    ),
    "an endpoint twice": (
        {"network": {"nat": "gateway", "endpoints": ["sqs", "sqs"]}},
        'network.endpoints: must not contain duplicates, got ["sqs", "sqs"].',
    ),
    "a subnet twice": (
        {"network": {"vpc_id": "vpc-0a", "subnet_ids": ["subnet-0a", "subnet-0a"]}},
        'network.subnet_ids: must not contain duplicates, got ["subnet-0a", "subnet-0a"].',
    ),
    "more security groups than a task can have": (
        {"network": {**EXISTING, "security_group_ids": [f"sg-{number}" for number in range(6)]}},
        'network.security_group_ids: must have at most 5 items, got ["sg-0", "sg-1", "sg-2", "sg-3", "sg-4", "sg-5"].',
    ),
    "a section that is not a mapping": ({"network": "none"}, 'network: must be a mapping, got "none".'),
}


@each(REFUSED)
def test_is_refused(raw: dict[str, Any], sentence: str) -> None:
    assert problems(raw) == [sentence]


def test_unprotected_tasks_need_no_endpoint_for_ecs() -> None:
    worker = {"protection": False, "job_timeout": 110}
    read = settings.read({"network": {"endpoints": ["ecr.api", "ecr.dkr", "logs", "sqs"]}, "worker": worker})
    assert not read.worker.protection


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        ({"zones": ["us-east-1a"]}, 'ebb:network.zones: a new VPC has 2 zones, got ["us-east-1a"].'),
        (
            {"zones": ["use1-az1", "use1-az2"], "vpc_id": "vpc-0", "subnet_ids": ["subnet-0"]},
            'ebb:network.zones: with vpc_id no network is created: remove zones, got ["use1-az1", "use1-az2"].',
        ),
        (
            {"zones": ["us-east-1", "us-east-1a"]},
            (
                "ebb:network.zones.0: must be an availability zone's name or id, such as us-east-1a or use1-az1, "
                'got "us-east-1".'
            ),
        ),
    ],
)
def test_zones_are_two_of_a_new_vpc(network: dict[str, Any], sentence: str) -> None:
    assert problems({"network": network}) == [sentence]
