"""VPC endpoints: of each route table, and for private subnets without a way out."""

from typing import Any

import pulumi
import pytest

from tests.components.networks import BASE, ENDPOINT, GROUP, INGRESS, INTERNET, A, B, network


@pytest.mark.parametrize("settings", [{}, {"endpoints": ("sqs",)}, {"nat": "gateway"}])
def test_every_route_table_has_a_gateway_endpoint_for_dynamodb_if_tasks_use_it(settings: dict[str, Any]) -> None:
    net = network(dynamodb=True, **settings)
    assert net.names == network(**settings).names | {(ENDPOINT, "net-dynamodb")}
    assert net.one(ENDPOINT, "net-dynamodb").inputs == {
        **net.one(ENDPOINT, "net-s3").inputs,
        "serviceName": "com.amazonaws.us-east-1.dynamodb",
        "tags": {"Name": "net-dynamodb"},
    }


def test_an_existing_vpc_gets_no_endpoint_for_dynamodb() -> None:
    assert network(dynamodb=True, vpc_id="vpc-0a", subnet_ids=("subnet-0a",)).names == set()


def test_every_route_table_has_a_gateway_endpoint_for_s3() -> None:
    assert network().one(ENDPOINT).inputs == {
        "vpcId": "net-id",
        "serviceName": "com.amazonaws.us-east-1.s3",
        "vpcEndpointType": "Gateway",
        "routeTableIds": ["net-public-id", f"net-private-{A}-id", f"net-private-{B}-id"],
        "tags": {"Name": "net-s3"},
    }


def test_with_endpoints_only_there_is_no_path_to_the_internet() -> None:
    services = ("ecr.api", "ecr.dkr", "logs", "sqs", "ecs")
    net = network(endpoints=services)
    made = {(ENDPOINT, f"net-{service}") for service in services}
    assert net.names == BASE | made | {(GROUP, "net-endpoints"), (INGRESS, "net-endpoints")}
    assert net.result["subnet_ids"] == [f"net-private-{A}-id", f"net-private-{B}-id"]
    assert net.result["assign_public_ip"] is False
    for service in services:
        assert net.one(ENDPOINT, f"net-{service}").inputs == {
            "vpcId": "net-id",
            "serviceName": f"com.amazonaws.us-east-1.{service}",
            "vpcEndpointType": "Interface",
            "subnetIds": [f"net-private-{A}-id", f"net-private-{B}-id"],
            "securityGroupIds": ["net-endpoints-id"],
            "privateDnsEnabled": True,
            "tags": {"Name": f"net-{service}"},
        }


def test_endpoints_accept_https_from_the_vpc() -> None:
    assert network(cidr="10.9.0.0/20", endpoints=("sqs",)).one(INGRESS).inputs == {
        "securityGroupId": "net-endpoints-id",
        "description": "HTTPS from the VPC",
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "cidrIpv4": "10.9.0.0/20",
    }


def test_endpoints_are_in_the_subnets_of_the_tasks() -> None:
    behind_nat = network(nat="gateway", endpoints=("sqs",))
    assert behind_nat.one(ENDPOINT, "net-sqs").inputs["subnetIds"] == behind_nat.result["subnet_ids"]
    assert (INTERNET, "net-internet") in behind_nat.names
    public = network(assign_public_ip=True, endpoints=("sqs",))
    assert public.result["subnet_ids"] == [f"net-public-{A}-id", f"net-public-{B}-id"]
    assert public.one(ENDPOINT, "net-sqs").inputs["subnetIds"] == public.result["subnet_ids"]


def test_an_endpoint_service_that_a_zone_has_not_is_refused_before_anything_is_created() -> None:
    offers = {"aws:ec2/getVpcEndpointService:getVpcEndpointService": {"availabilityZones": ["us-east-1a"]}}
    expected = (
        r"ebb:network\.endpoints: the endpoint service com\.amazonaws\.us-east-1\.sqs is not offered in us-east-1b, "
        r"but in us-east-1a: change it, or choose the zones"
    )
    with pytest.raises(pulumi.RunError, match=expected):
        network(offers, nat="gateway", endpoints=("sqs",))
    assert network(offers, nat="gateway").calls[-1][0] != "aws:ec2/getVpcEndpointService:getVpcEndpointService"


def test_interface_endpoints_in_china_have_their_own_names() -> None:
    net = network(
        {"aws:index/getRegion:getRegion": {"region": "cn-north-1"}},
        endpoints=("ecr.api", "ecr.dkr", "logs", "sqs", "ecs"),
    )
    named = {endpoint.inputs["serviceName"] for endpoint in net.of(ENDPOINT)}
    assert {name for name in named if name.startswith("cn.")} == {
        f"cn.com.amazonaws.cn-north-1.{service}" for service in ("ecr.api", "ecr.dkr", "sqs")
    }
    assert {"com.amazonaws.cn-north-1.s3", "com.amazonaws.cn-north-1.ecs"} < named
