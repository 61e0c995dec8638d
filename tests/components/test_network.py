"""The network: a VPC or an existing one, its subnets, zones and routes."""

import pulumi
import pytest

from components.network import Network, NetworkArgs
from settings import Network as NetworkSettings
from tests.components.harness import deploy
from tests.components.networks import ASSOCIATION, BASE, INTERNET_ACCESS, ROUTE, SUBNET, VPC, A, B, network


def test_without_nat_tasks_have_public_addresses() -> None:
    net = network()
    assert net.names == BASE | INTERNET_ACCESS
    assert net.result == {
        "vpc_id": "net-id",
        "subnet_ids": [f"net-public-{A}-id", f"net-public-{B}-id"],
        "security_group_ids": (),
        "assign_public_ip": True,
    }


def test_the_vpc_supports_dns() -> None:
    assert network().one(VPC).inputs == {
        "cidrBlock": "10.0.0.0/16",
        "enableDnsSupport": True,
        "enableDnsHostnames": True,
        "tags": {"Name": "net"},
    }


def test_subnets_are_in_two_zones() -> None:
    net = network(cidr="10.9.0.0/20")
    assert {subnet.name: subnet.inputs for subnet in net.of(SUBNET)} == {
        f"net-{role}-{zone}": {
            "vpcId": "net-id",
            "availabilityZone": zone,
            "cidrBlock": cidr,
            "tags": {"Name": f"net-{role}-{zone}"},
        }
        for role, zone, cidr in (
            ("public", A, "10.9.0.0/22"),
            ("public", B, "10.9.4.0/22"),
            ("private", A, "10.9.8.0/22"),
            ("private", B, "10.9.12.0/22"),
        )
    }


def test_zones_are_sorted_and_local_zones_are_excluded() -> None:
    token = "aws:index/getAvailabilityZones:getAvailabilityZones"
    net = network({token: {"names": ["us-west-1c", "us-west-1a"], "zoneIds": ["usw1-az1", "usw1-az3"]}})
    assert {subnet.inputs["availabilityZone"] for subnet in net.of(SUBNET)} == {"us-west-1a", "us-west-1c"}
    asked = dict(net.calls)[token]
    assert asked == {"filters": [{"name": "opt-in-status", "values": ["opt-in-not-required"]}]}


def test_public_subnets_share_a_route_table_and_private_subnets_do_not() -> None:
    net = network()
    pairs = {(found.inputs["subnetId"], found.inputs["routeTableId"]) for found in net.of(ASSOCIATION)}
    assert pairs == {
        (f"net-public-{A}-id", "net-public-id"),
        (f"net-public-{B}-id", "net-public-id"),
        (f"net-private-{A}-id", f"net-private-{A}-id"),
        (f"net-private-{B}-id", f"net-private-{B}-id"),
    }
    assert net.one(ROUTE).inputs == {
        "routeTableId": "net-public-id",
        "destinationCidrBlock": "0.0.0.0/0",
        "gatewayId": "net-internet-id",
    }


def test_in_an_existing_vpc_nothing_is_created() -> None:
    net = network(vpc_id="vpc-1", subnet_ids=("subnet-1", "subnet-2"), security_group_ids=("sg-1",))
    assert net.names == set()
    assert net.calls == []
    assert net.result == {
        "vpc_id": "vpc-1",
        "subnet_ids": ["subnet-1", "subnet-2"],
        "security_group_ids": ("sg-1",),
        "assign_public_ip": False,
    }


def test_public_addresses_in_an_existing_vpc_are_optional() -> None:
    assert network(vpc_id="vpc-1", subnet_ids=("subnet-1",), assign_public_ip=True).result["assign_public_ip"] is True


@pytest.mark.parametrize("nat", ["none", "instance", "gateway", "gateway_per_az"])
def test_everything_belongs_to_the_component(nat: str) -> None:
    net = network(nat=nat, endpoints=("sqs",), assign_public_ip=True if nat == "none" else None)
    (component,) = net.of("ebb:index:Network")
    assert {found.parent_type for found in net.resources.values() if found is not component} == {"ebb:index:Network"}
    assert net.component_outputs[component.urn] == {"vpc_id": "net-id", "subnet_ids": net.result["subnet_ids"]}


def test_children_do_not_get_the_options_of_the_component() -> None:
    def program() -> None:
        outer = pulumi.ComponentResource("ebb:index:Outer", "outer")
        args = NetworkArgs(settings=NetworkSettings())
        Network("net", args, pulumi.ResourceOptions(parent=outer))

    net = deploy(program)
    assert net.one("ebb:index:Network").parent_type == "ebb:index:Outer"
    assert net.one(VPC).parent_type == "ebb:index:Network"


def test_arguments_are_keyword_only_and_frozen() -> None:
    with pytest.raises(TypeError):
        NetworkArgs(NetworkSettings())  # type: ignore[call-arg]
    args = NetworkArgs(settings=NetworkSettings())
    with pytest.raises(AttributeError):
        args.settings = NetworkSettings(nat="gateway")  # type: ignore[misc]


def test_the_zones_of_the_settings_are_used() -> None:
    net = network(zones=("use1-az3", "us-east-1a"))
    assert {subnet.inputs["availabilityZone"] for subnet in net.of(SUBNET)} == {"us-east-1c", "us-east-1a"}


def test_a_zone_of_another_region_is_refused_in_one_sentence() -> None:
    with pytest.raises(pulumi.RunError, match=r"ebb:network\.zones: eu-west-1a is no zone of this account's region"):
        network(zones=("eu-west-1a", "eu-west-1b"))
