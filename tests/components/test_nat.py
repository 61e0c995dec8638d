"""The ways out of private subnets: a NAT instance or gateways."""

import pulumi
import pytest

from components._nat import user_data
from tests.components.networks import (
    ALARM,
    BASE,
    EGRESS,
    EIP,
    GATEWAY,
    INGRESS,
    INSTANCE,
    INTERNET_ACCESS,
    NAT_INSTANCE,
    PRIVATE_ROUTES,
    ROUTE,
    SUBNET,
    A,
    B,
    network,
)


def test_a_nat_instance_serves_both_private_subnets() -> None:
    net = network(nat="instance")
    assert net.names == BASE | INTERNET_ACCESS | PRIVATE_ROUTES | NAT_INSTANCE
    assert net.result["subnet_ids"] == [f"net-private-{A}-id", f"net-private-{B}-id"]
    assert net.result["assign_public_ip"] is False
    for zone in (A, B):
        assert net.one(ROUTE, f"net-private-{zone}").inputs == {
            "routeTableId": f"net-private-{zone}-id",
            "destinationCidrBlock": "0.0.0.0/0",
            "networkInterfaceId": "eni-0123456789abcdef0",
        }


def test_the_nat_instance_forwards_requires_imdsv2_and_ignores_new_images() -> None:
    instance = network(nat="instance").one(INSTANCE)
    assert instance.inputs == {
        "ami": "ami-0123456789abcdef0",
        "instanceType": "t4g.nano",
        "subnetId": f"net-public-{A}-id",
        "vpcSecurityGroupIds": ["net-nat-id"],
        "sourceDestCheck": False,
        "metadataOptions": {"httpTokens": "required"},
        "rootBlockDevice": {"encrypted": True},
        "userData": user_data("10.0.0.0/16"),
        "userDataReplaceOnChange": True,
        "tags": {"Name": "net-nat"},
    }
    assert instance.ignore_changes == ("ami",)


def test_the_nat_instance_boots_after_its_egress_rule_exists() -> None:
    net = network(nat="instance")
    assert net.one(EGRESS).urn in net.one(INSTANCE).dependencies


@pytest.mark.parametrize(("instance_type", "cpu"), [("t4g.nano", "arm64"), ("t3.nano", "x86_64")])
def test_the_image_has_the_architecture_of_the_nat_instance(instance_type: str, cpu: str) -> None:
    net = network(nat="instance", nat_instance_type=instance_type)
    asked = dict(net.calls)["aws:ssm/getParameter:getParameter"]
    assert asked["name"] == f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{cpu}"


def test_the_nat_instance_accepts_traffic_from_the_vpc_only() -> None:
    net = network(nat="instance")
    everything = {"securityGroupId": "net-nat-id", "ipProtocol": "-1"}
    inside = everything | {"cidrIpv4": "10.0.0.0/16", "description": "From the VPC"}
    assert net.one(INGRESS).inputs == inside
    assert net.one(EGRESS).inputs == everything | {"cidrIpv4": "0.0.0.0/0", "description": "To the internet"}


def test_an_alarm_moves_the_nat_instance_from_a_failed_host() -> None:
    partition = {"aws:index/getPartition:getPartition": {"partition": "aws-us-gov", "dnsSuffix": "amazonaws.com"}}
    inputs = network(partition, nat="instance").one(ALARM).inputs
    assert inputs.pop("alarmDescription")
    assert inputs == {
        "namespace": "AWS/EC2",
        "metricName": "StatusCheckFailed_System",
        "dimensions": {"InstanceId": "net-nat-id"},
        "statistic": "Maximum",
        "period": 60,
        "evaluationPeriods": 2,
        "threshold": 1,
        "comparisonOperator": "GreaterThanOrEqualToThreshold",
        "alarmActions": ["arn:aws-us-gov:automate:us-east-1:ec2:recover"],
    }


def test_one_gateway_serves_both_zones() -> None:
    net = network(nat="gateway")
    assert net.names == BASE | INTERNET_ACCESS | PRIVATE_ROUTES | {(EIP, f"net-nat-{A}"), (GATEWAY, f"net-nat-{A}")}
    assert net.one(GATEWAY).inputs == {
        "allocationId": f"net-nat-{A}-id",
        "subnetId": f"net-public-{A}-id",
        "tags": {"Name": f"net-nat-{A}"},
    }
    gateways = {zone: net.one(ROUTE, f"net-private-{zone}").inputs["natGatewayId"] for zone in (A, B)}
    assert gateways == {A: f"net-nat-{A}-id", B: f"net-nat-{A}-id"}


def test_a_gateway_per_zone_keeps_traffic_in_its_zone() -> None:
    net = network(nat="gateway_per_az")
    pairs = {(kind, f"net-nat-{zone}") for kind in (EIP, GATEWAY) for zone in (A, B)}
    assert net.names == BASE | INTERNET_ACCESS | PRIVATE_ROUTES | pairs
    for zone in (A, B):
        assert net.one(GATEWAY, f"net-nat-{zone}").inputs["subnetId"] == f"net-public-{zone}-id"
        assert net.one(ROUTE, f"net-private-{zone}").inputs["natGatewayId"] == f"net-nat-{zone}-id"


@pytest.mark.parametrize("nat", ["instance", "gateway", "gateway_per_az"])
def test_elastic_addresses_depend_on_the_internet_gateway(nat: str) -> None:
    net = network(nat=nat)
    route = net.one(ROUTE, "net-public").urn
    assert all(route in found.dependencies for found in (*net.of(EIP), *net.of(GATEWAY)))


def test_in_tokyo_no_subnet_and_no_nat_gateway_is_in_the_zone_that_fargate_has_not() -> None:
    zones = {"names": [f"ap-northeast-1{z}" for z in "acd"], "zoneIds": ["apne1-az3", "apne1-az1", "apne1-az2"]}
    net = network({"aws:index/getAvailabilityZones:getAvailabilityZones": zones}, nat="gateway_per_az")
    expected = {"ap-northeast-1c", "ap-northeast-1d"}
    assert {subnet.inputs["availabilityZone"] for subnet in net.of(SUBNET)} == expected


def test_a_nat_instance_type_that_its_zone_has_not_is_refused_before_anything_is_created() -> None:
    offers = {"aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": {"locations": ["us-east-1b", "us-east-1c"]}}
    expected = (
        r"ebb:network\.nat_instance_type: t4g\.nano is not offered in us-east-1a, but in us-east-1b, us-east-1c: "
        r"change it, or choose the zones in ebb:network\.zones\."
    )
    with pytest.raises(pulumi.RunError, match=expected):
        network(offers, nat="instance")
    net = network(offers, nat="instance", zones=("us-east-1b", "us-east-1a"))  # it is in the first zone only
    assert dict(net.calls)["aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings"] == {
        "locationType": "availability-zone",
        "filters": [{"name": "instance-type", "values": ["t4g.nano"]}],
    }
