from typing import Any

import pulumi
import pytest

from components._nat import user_data
from components.network import Network, NetworkArgs
from settings import Network as NetworkSettings
from tests.components.harness import Deployed, deploy

A, B = "us-east-1a", "us-east-1b"
VPC, SUBNET, TABLE = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/routeTable:RouteTable"
ASSOCIATION, ROUTE = "aws:ec2/routeTableAssociation:RouteTableAssociation", "aws:ec2/route:Route"
INTERNET, EIP, GATEWAY = "aws:ec2/internetGateway:InternetGateway", "aws:ec2/eip:Eip", "aws:ec2/natGateway:NatGateway"
INSTANCE, ALARM = "aws:ec2/instance:Instance", "aws:cloudwatch/metricAlarm:MetricAlarm"
GROUP, ENDPOINT = "aws:ec2/securityGroup:SecurityGroup", "aws:ec2/vpcEndpoint:VpcEndpoint"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
#: Resources of every new VPC.
BASE = {
    (VPC, "net"),
    *((SUBNET, f"net-{role}-{zone}") for role in ("public", "private") for zone in (A, B)),
    *((TABLE, f"net-{role}") for role in ("public", f"private-{A}", f"private-{B}")),
    *((ASSOCIATION, f"net-{role}-{zone}") for role in ("public", "private") for zone in (A, B)),
    (ENDPOINT, "net-s3"),
}
INTERNET_ACCESS = {(INTERNET, "net-internet"), (ROUTE, "net-public")}
PRIVATE_ROUTES = {(ROUTE, f"net-private-{zone}") for zone in (A, B)}
NAT_INSTANCE = {
    (INSTANCE, "net-nat"),
    (EIP, "net-nat"),
    (GROUP, "net-nat"),
    (INGRESS, "net-nat"),
    (EGRESS, "net-nat"),
    (ALARM, "net-nat-recover"),
}


def network(answers: dict[str, dict[str, Any]] | None = None, dynamodb: bool = False, **settings: Any) -> Deployed:
    def program() -> dict[str, Any]:
        made = Network("net", NetworkArgs(settings=NetworkSettings(**settings), dynamodb=dynamodb))
        return {
            "vpc_id": made.vpc_id,
            "subnet_ids": made.subnet_ids,
            "security_group_ids": made.security_group_ids,
            "assign_public_ip": made.assign_public_ip,
        }

    return deploy(program, answers=answers)


def test_without_nat_tasks_have_public_addresses() -> None:
    net = network()
    assert net.names == BASE | INTERNET_ACCESS
    assert net.result == {
        "vpc_id": "net-id",
        "subnet_ids": [f"net-public-{A}-id", f"net-public-{B}-id"],
        "security_group_ids": (),
        "assign_public_ip": True,
    }


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


def test_every_route_table_has_a_gateway_endpoint_for_s3() -> None:
    assert network().one(ENDPOINT).inputs == {
        "vpcId": "net-id",
        "serviceName": "com.amazonaws.us-east-1.s3",
        "vpcEndpointType": "Gateway",
        "routeTableIds": ["net-public-id", f"net-private-{A}-id", f"net-private-{B}-id"],
        "tags": {"Name": "net-s3"},
    }


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
    assert net.one(INGRESS).inputs == {"securityGroupId": "net-nat-id", "ipProtocol": "-1", "cidrIpv4": "10.0.0.0/16"}
    assert net.one(EGRESS).inputs == {"securityGroupId": "net-nat-id", "ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"}


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


def test_in_tokyo_no_subnet_and_no_nat_gateway_is_in_the_zone_that_fargate_has_not() -> None:
    zones = {"names": [f"ap-northeast-1{z}" for z in "acd"], "zoneIds": ["apne1-az3", "apne1-az1", "apne1-az2"]}
    net = network({"aws:index/getAvailabilityZones:getAvailabilityZones": zones}, nat="gateway_per_az")
    expected = {"ap-northeast-1c", "ap-northeast-1d"}
    assert {subnet.inputs["availabilityZone"] for subnet in net.of(SUBNET)} == expected


def test_the_zones_of_the_settings_are_used() -> None:
    net = network(zones=("use1-az3", "us-east-1a"))
    assert {subnet.inputs["availabilityZone"] for subnet in net.of(SUBNET)} == {"us-east-1c", "us-east-1a"}


def test_a_zone_of_another_region_is_refused_in_one_sentence() -> None:
    with pytest.raises(pulumi.RunError, match=r"ebb:network\.zones: eu-west-1a is no zone of this account's region"):
        network(zones=("eu-west-1a", "eu-west-1b"))


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
