"""EC2's network: VPCs, subnets, internet gateways and endpoints."""

from collections.abc import Callable
from typing import Any

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import (
    Call,
    Props,
    Row,
    Tags,
    changed,
    deletes,
    first,
    pick,
    refuse_removal,
    send,
    tag_map,
)
from ebb.sandbox.provider.shapes import RefusedError

TAGS = Tags(service="ec2", target="resources", tag="create_tags", untag="delete_tags", source="id")

_VPC_SWITCHES = ("enableDnsSupport", "enableDnsHostnames")
_ENDPOINT_INPUTS = (
    "vpcEndpointType",
    "vpcId",
    "serviceName",
    "routeTableIds",
    "subnetIds",
    "securityGroupIds",
    "privateDnsEnabled",
)


def tagged(kind: str, props: Props) -> Props:
    """The parameter that tags a new resource of this EC2 type."""
    tags = props.get("tagsAll")
    return {"tagSpecifications": [{"resourceType": kind, "tags": tags}]} if tags else {}


def reader(operation: str, path: tuple[str, ...], ids: str, adapt: Callable[[Aws, Props], Props] | None = None) -> Any:
    """A row's `read` by an EC2 describe call with one id; `adapt` returns properties that differ in Pulumi."""

    def read(aws: Aws, physical_id: str, _: Props) -> Props | None:
        found = first(aws.find("ec2", operation, **{ids: [physical_id]}), *path)
        if found is None or found.get("state") == "deleted":
            return None
        return found | {"tagsAll": tag_map(found.get("tags"))} | (adapt(aws, found) if adapt else {})

    return read


def _create_vpc(aws: Aws, props: Props) -> tuple[str, Props]:
    vpc = send(aws, _vpc(props))["Vpc"]
    _switch_vpc(aws, vpc["VpcId"], {}, props)
    found = first(aws.call("ec2", "describe_route_tables", filters=_vpc_filter(vpc["VpcId"])), "RouteTables") or {}
    groups = (
        first(aws.call("ec2", "describe_security_groups", filters=_vpc_filter(vpc["VpcId"])), "SecurityGroups") or {}
    )
    return vpc["VpcId"], {
        "arn": aws.arn("ec2", f"vpc/{vpc['VpcId']}"),
        "mainRouteTableId": found.get("routeTableId"),
        "defaultRouteTableId": found.get("routeTableId"),
        "defaultSecurityGroupId": groups.get("groupId"),
        "defaultNetworkAclId": default_acl(aws, vpc["VpcId"]),
        "ownerId": aws.account,
    }


def default_acl(aws: Aws, vpc_id: str) -> str:
    """The id of the network ACL that AWS makes with a VPC."""
    filters = [*_vpc_filter(vpc_id), {"name": "default", "values": ["true"]}]
    return str(aws.call("ec2", "describe_network_acls", filters=filters)["NetworkAcls"][0]["NetworkAclId"])


def _vpc_filter(vpc_id: str) -> list[Props]:
    return [{"name": "vpc-id", "values": [vpc_id]}]


def _vpc(props: Props) -> Call:
    return "ec2", "create_vpc", pick(props, "cidrBlock") | tagged("vpc", props)


def _switch_vpc(aws: Aws, vpc_id: str, old: Props, new: Props) -> Props:
    for name in _VPC_SWITCHES:
        if changed(old, new, name):
            value = new.get(name)
            value = name == "enableDnsSupport" if value is None else value  # AWS's defaults: support on, host names off
            aws.call("ec2", "modify_vpc_attribute", vpcId=vpc_id, **{name: {"value": value}})
    return {}


def _vpc_switches(aws: Aws, vpc: Props) -> Props:
    return {
        name: aws.call("ec2", "describe_vpc_attribute", vpcId=vpc["vpcId"], attribute=name)[name[0].upper() + name[1:]][
            "Value"
        ]
        for name in _VPC_SWITCHES
    }


def _subnet(props: Props) -> Call:
    params = pick(props, "vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId")
    return "ec2", "create_subnet", params | tagged("subnet", props)


def _create_subnet(aws: Aws, props: Props) -> tuple[str, Props]:
    subnet = send(aws, _subnet(props))["Subnet"]
    _switch_subnet(aws, subnet["SubnetId"], {}, props)
    return subnet["SubnetId"], {
        "arn": subnet.get("SubnetArn"),
        "availabilityZone": subnet["AvailabilityZone"],
        "availabilityZoneId": subnet.get("AvailabilityZoneId"),
        "ownerId": aws.account,
    }


def _switch_subnet(aws: Aws, subnet_id: str, old: Props, new: Props) -> Props:
    if changed(old, new, "mapPublicIpOnLaunch"):
        value = {"value": bool(new.get("mapPublicIpOnLaunch"))}
        aws.call("ec2", "modify_subnet_attribute", subnetId=subnet_id, mapPublicIpOnLaunch=value)
    return {}


def _create_gateway(aws: Aws, props: Props) -> tuple[str, Props]:
    gateway = aws.call("ec2", "create_internet_gateway", **tagged("internet-gateway", props))["InternetGateway"][
        "InternetGatewayId"
    ]
    _attach_gateway(aws, gateway, {}, props)
    return gateway, {"arn": aws.arn("ec2", f"internet-gateway/{gateway}"), "ownerId": aws.account}


def _attach_gateway(aws: Aws, gateway: str, old: Props, new: Props) -> Props:
    if changed(old, new, "vpcId"):
        if old.get("vpcId"):
            aws.call("ec2", "detach_internet_gateway", internetGatewayId=gateway, vpcId=old["vpcId"])
        if new.get("vpcId"):
            aws.call("ec2", "attach_internet_gateway", internetGatewayId=gateway, vpcId=new["vpcId"])
    return {}


def _delete_gateway(aws: Aws, gateway: str, outputs: Props) -> None:
    _attach_gateway(aws, gateway, outputs, {})
    aws.find("ec2", "delete_internet_gateway", internetGatewayId=gateway)


def _endpoint(props: Props) -> Call:
    params = pick(props, *_ENDPOINT_INPUTS, policyDocument="policy") | tagged("vpc-endpoint", props)
    return "ec2", "create_vpc_endpoint", params


def _create_endpoint(aws: Aws, props: Props) -> tuple[str, Props]:
    endpoint = pulumi_endpoint(send(aws, _endpoint(props))["VpcEndpoint"])
    return endpoint["id"], endpoint


def pulumi_endpoint(endpoint: Props) -> Props:
    """The outputs of a new endpoint."""
    return {
        "id": endpoint["VpcEndpointId"],
        "state": str(endpoint.get("State", "available")).lower(),
        "dnsEntries": [
            {"dnsName": entry.get("DnsName"), "hostedZoneId": entry.get("HostedZoneId")}
            for entry in endpoint.get("DnsEntries", [])
        ],
        "networkInterfaceIds": endpoint.get("NetworkInterfaceIds", []),
    }


def _adapt_endpoint(_: Aws, found: Props) -> Props:
    return {
        "policy": found.get("policyDocument"),
        "securityGroupIds": [group["groupId"] for group in found.get("groups", [])],
    }


def _update_endpoint(aws: Aws, physical_id: str, old: Props, new: Props) -> Props:
    refuse_removal(old, new, "policy")
    if changed(old, new, "privateDnsEnabled"):
        raise RefusedError("the sandbox cannot change privateDnsEnabled of an endpoint that exists; AWS can")
    params: Props = pick(new, policyDocument="policy")
    for name in ("routeTableIds", "subnetIds", "securityGroupIds"):
        had, wanted = set(old.get(name) or ()), set(new.get(name) or ())
        kind = name[0].upper() + name[1:]
        params |= {f"add{kind}": sorted(wanted - had)} if wanted - had else {}
        params |= {f"remove{kind}": sorted(had - wanted)} if had - wanted else {}
    aws.call("ec2", "modify_vpc_endpoint", vpcEndpointId=physical_id, **params)
    return {}


ROWS = (
    Row(
        type="aws:ec2/vpc:Vpc",
        inputs=frozenset({"cidrBlock", "tags", *_VPC_SWITCHES}),
        replaces=frozenset({"cidrBlock", "ipv4NetmaskLength"}),
        tags=TAGS,
        request=_vpc,
        create=_create_vpc,
        read=reader("describe_vpcs", ("Vpcs",), "vpcIds", _vpc_switches),
        update=_switch_vpc,
        delete=deletes("ec2", "delete_vpc", vpcId="id"),
    ),
    Row(
        type="aws:ec2/subnet:Subnet",
        inputs=frozenset(
            {"vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId", "mapPublicIpOnLaunch", "tags"}
        ),
        replaces=frozenset({"availabilityZone", "availabilityZoneId", "cidrBlock", "ipv4NetmaskLength", "vpcId"}),
        tags=TAGS,
        request=_subnet,
        create=_create_subnet,
        read=reader("describe_subnets", ("Subnets",), "subnetIds"),
        update=_switch_subnet,
        delete=deletes("ec2", "delete_subnet", subnetId="id"),
    ),
    Row(
        type="aws:ec2/internetGateway:InternetGateway",
        inputs=frozenset({"vpcId", "tags"}),
        tags=TAGS,
        create=_create_gateway,
        read=reader(
            "describe_internet_gateways",
            ("InternetGateways",),
            "internetGatewayIds",
            lambda _, found: {"vpcId": next((item["vpcId"] for item in found.get("attachments", [])), None)},
        ),
        update=_attach_gateway,
        delete=_delete_gateway,
    ),
    Row(
        type="aws:ec2/vpcEndpoint:VpcEndpoint",
        inputs=frozenset({*_ENDPOINT_INPUTS, "policy", "tags"}),
        required=frozenset({"vpcId"}),
        documents=frozenset({"policy"}),
        replaces=frozenset({"serviceName", "serviceRegion", "vpcEndpointType", "vpcId"}),
        tags=TAGS,
        request=_endpoint,
        create=_create_endpoint,
        read=reader("describe_vpc_endpoints", ("VpcEndpoints",), "vpcEndpointIds", _adapt_endpoint),
        update=_update_endpoint,
        delete=deletes("ec2", "delete_vpc_endpoints", vpcEndpointIds="ids"),
    ),
)
