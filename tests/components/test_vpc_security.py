"""What a new VPC lets through, and its flow log."""

import pulumi
import pytest

from components.network import Network, NetworkArgs
from settings import Network as NetworkSettings
from tests.components.harness import ACCOUNT, REGION, deploy
from tests.components.networks import ACL, DEFAULT_ACL, DEFAULT_GROUP, FLOW_LOG, SUBNET, network

LOGS, ROLE, POLICY = "aws:cloudwatch/logGroup:LogGroup", "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"


@pytest.mark.parametrize("nat", ["none", "instance", "gateway"])
def test_each_subnet_lets_in_the_vpc_and_answers_only(nat: str) -> None:
    made = network(nat=nat, cidr="10.4.0.0/16")
    acl = made.one(ACL).inputs
    assert sorted(acl["subnetIds"]) == sorted(f"{subnet.name}-id" for subnet in made.of(SUBNET))
    rules = [(rule["cidrBlock"], rule["protocol"], rule["fromPort"], rule["toPort"]) for rule in acl["ingress"]]
    anywhere = "0.0.0.0/0"
    assert rules == [
        ("10.4.0.0/16", "-1", 0, 0),
        *((anywhere, protocol, 1024, 65535) for protocol in ("6", "17")),
        (anywhere, "1", 0, 0),
    ]
    assert [(rule["cidrBlock"], rule["protocol"]) for rule in acl["egress"]] == [(anywhere, "-1")]


def test_what_aws_makes_with_a_vpc_lets_nothing_through_once_the_subnets_have_left_it() -> None:
    made = network()
    default = made.one(DEFAULT_ACL)
    assert default.inputs == {"defaultNetworkAclId": "acl-0123456789abcdef0", "tags": {"Name": "net-default"}}
    assert made.one(ACL).urn in default.dependencies
    assert made.one(DEFAULT_GROUP).inputs == {"vpcId": "net-id", "tags": {"Name": "net-default"}}


def test_a_flow_log_is_optional_and_kept_for_some_days() -> None:
    assert network().of(FLOW_LOG) == network().of(LOGS) == []

    def program() -> None:
        Network(
            "net", NetworkArgs(settings=NetworkSettings(flow_log_days=90), logs_key_arn=pulumi.Output.from_input(KEY))
        )

    made = deploy(program)
    assert made.one(LOGS).inputs == {"retentionInDays": 90, "kmsKeyId": KEY}
    log = made.one(FLOW_LOG)
    assert log.inputs == {
        "vpcId": "net-id",
        "trafficType": "ALL",
        "logDestination": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:net-flow",
        "iamRoleArn": f"arn:aws:iam:{REGION}:{ACCOUNT}:net-flow",
        "tags": {"Name": "net-flow"},
    }
    assert made.one(POLICY).urn in log.dependencies
    (trusted,) = made.one(ROLE).statements
    assert trusted["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
    assert trusted["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    (allowed,) = made.one(POLICY).statements
    assert allowed["Resource"] == [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:net-flow:*"]
